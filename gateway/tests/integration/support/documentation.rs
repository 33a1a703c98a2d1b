//! Pages of documentation, and the examples in them.

use std::path::Path;

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the gateway is a folder of the workspace")
}

/// The fenced blocks in this language.
pub(crate) fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("\n```{language}\n");
    let rest = page.split(fence.as_str()).skip(1);
    rest.map(|rest| rest.split_once("```").expect("the block ends").0)
        .collect()
}

/// Those that begin with a comment that is the name of a file; with that name.
pub(crate) fn named_blocks<'a>(
    page: &'a str,
    language: &str,
    comment: &str,
) -> Vec<(&'a str, &'a str)> {
    let blocks = blocks(page, language).into_iter();
    blocks
        .filter_map(|block| Some((block.lines().next()?.strip_prefix(comment)?, block)))
        .collect()
}

/// The commands of the `console` blocks, each with what it prints.
pub(crate) fn commands(page: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in blocks(page, "console").into_iter().flat_map(str::lines) {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command.into(), String::new())),
            None => {
                let (_, printed) = commands.last_mut().expect("a block begins with a command");
                printed.push_str(line);
                printed.push('\n');
            }
        }
    }
    commands
}

/// Whether this was printed; `…` stands for anything.
pub(crate) fn matches(expected: &str, printed: &str) -> bool {
    let (expected, printed) = (expected.trim_end(), printed.trim_end());
    let Some((first, rest)) = expected.split_once('…') else {
        return expected == printed;
    };
    let (middle, last) = rest.rsplit_once('…').unwrap_or(("", rest));
    let inner = printed
        .strip_prefix(first)
        .and_then(|rest| rest.strip_suffix(last));
    let Some(mut inner) = inner else {
        return false;
    };
    middle.split('…').all(|part| match inner.find(part) {
        Some(at) => {
            inner = &inner[at + part.len()..];
            true
        }
        None => false,
    })
}
