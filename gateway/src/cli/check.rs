//! `witgate check`: every problem of a configuration, without running it.

use std::{
    collections::HashSet,
    io::{self, Write},
    path::Path,
};

use crate::config::{
    Loaded, load,
    problem::{Problem, Severity, render},
};

/// Loads the configuration and writes what is wrong with it; whether nothing is that keeps it from running.
///
/// # Errors
/// When `out` cannot be written.
pub fn check(config: &Path, colour: bool, out: &mut dyn Write) -> io::Result<bool> {
    let loaded = load(config, None);
    report(&loaded, loaded.problems(), colour, out)
}

/// Writes problems of a configuration, from loading or from compiling it, and a line that sums them up; whether no
/// error is among them.
///
/// # Errors
/// When `out` cannot be written.
pub fn report<'p>(
    loaded: &Loaded,
    problems: impl IntoIterator<Item = &'p Problem>,
    colour: bool,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let problems: Vec<_> = problems.into_iter().collect();
    render(out, problems.iter().copied(), loaded, colour)?;
    let errors = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error);
    let files: HashSet<_> = errors.clone().map(|problem| &problem.file).collect();
    let errors = errors.count();
    let warnings = match problems.len() - errors {
        0 => String::new(),
        warnings => format!(", {}", count(warnings, "warning")),
    };
    if errors > 0 {
        let problems = count(errors, "problem");
        writeln!(
            out,
            "{problems} in {}{warnings}",
            count(files.len(), "file")
        )?;
        return Ok(false);
    }
    let routes = loaded.routes.iter().filter_map(|file| file.raw.as_ref());
    let routes = routes.map(|file| file.routes.len()).sum();
    let files = count(loaded.routes.len(), "file");
    writeln!(out, "ok: {} in {files}{warnings}", count(routes, "route"))?;
    Ok(true)
}

fn count(number: usize, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {of}{plural}")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn checked(files: &[(&str, &str)]) -> (bool, String) {
        let root = tempfile::tempdir().unwrap();
        let config = root.path().join("witgate.yaml");
        fs::write(&config, "listeners: [{ address: 127.0.0.1:0 }]\n").unwrap();
        fs::create_dir(root.path().join("routes.d")).unwrap();
        for (name, text) in files {
            fs::write(root.path().join("routes.d").join(name), text).unwrap();
        }
        let mut out = Vec::new();
        let good = check(&config, false, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        (good, out.replace(root.path().to_str().unwrap(), "."))
    }

    #[test]
    fn a_good_folder_is_counted() {
        let route = "routes: [{ name: a, to: x }]\n";
        let (good, out) = checked(&[("a.yaml", route), ("b.yaml", "routes: []\n")]);
        assert_eq!((good, out.as_str()), (true, "ok: 1 route in 2 files\n"));
    }

    #[test]
    fn all_problems_are_shown_and_counted() {
        let (good, out) = checked(&[
            ("a.yaml", "routes:\n  - nam: a\n    to: 5\n"),
            ("b.yaml", "rotes: []\n"),
            ("c.yaml", "routes: []\n"),
        ]);
        assert!(!good);
        let expected = "./routes.d/a.yaml:2:5: error: unknown key `nam`\n   2 |   - nam: a\n     |     ^^^ did you mean `name`?";
        assert!(out.starts_with(expected), "{out}");
        assert!(
            out.contains("./routes.d/b.yaml:1:1: error: unknown key `rotes`"),
            "{out}"
        );
        assert!(out.ends_with("\n3 problems in 2 files\n"), "{out}");
    }

    #[test]
    fn an_empty_folder_is_good_with_a_warning() {
        let (good, out) = checked(&[]);
        assert!(good);
        assert!(
            out.ends_with("ok: 0 routes in 0 files, 1 warning\n"),
            "{out}"
        );
    }
}
