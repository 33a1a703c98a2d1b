//! Problems as people read them: place, message, the line itself, a caret and what to write instead.

use std::io::{self, Write};

use super::{Problem, Severity, Texts};
use crate::config::{secret::cover_line, span::Span};

/// Characters of a line that are shown around the caret.
const WIDEST: usize = 140;

/// Writes problems one after the other.
pub fn render<'p>(
    out: &mut dyn Write,
    problems: impl IntoIterator<Item = &'p Problem>,
    texts: &dyn Texts,
    colour: bool,
) -> io::Result<()> {
    let style = Style { colour };
    for problem in problems {
        let (name, paint) = match problem.severity {
            Severity::Warning => ("warning", Paint::Yellow),
            Severity::Error => ("error", Paint::Red),
        };
        let place = place(&problem.file.display().to_string(), problem.span);
        let head = format!(
            "{}{}",
            style.paint(paint, name),
            style.paint(Paint::Bold, &format!(": {}", problem.message))
        );
        writeln!(out, "{place}: {head}")?;
        let text = texts.text(&problem.file);
        let hint = problem.hint.as_deref().unwrap_or_default();
        excerpt(out, text, problem.span, hint, paint, style)?;
        if let Some((file, span, what)) = &problem.related {
            let name = self::place(&file.display().to_string(), *span);
            writeln!(out, "{name}: {}: {what}", style.paint(Paint::Blue, "note"))?;
            excerpt(out, texts.text(file), *span, "", Paint::Blue, style)?;
        }
    }
    Ok(())
}

fn place(file: &str, span: Span) -> String {
    if span.line == 0 {
        return file.into();
    }
    format!("{file}:{}:{}", span.line, span.column)
}

/// The line, and carets under the place; the hint alone when there is no such line.
fn excerpt(
    out: &mut dyn Write,
    text: Option<&str>,
    span: Span,
    hint: &str,
    paint: Paint,
    style: Style,
) -> io::Result<()> {
    let line = span.line.checked_sub(1);
    let Some(line) = line.and_then(|line| cover_line(text?, line as usize)) else {
        if !hint.is_empty() {
            writeln!(out, "       {}", style.paint(paint, &format!("= {hint}")))?;
        }
        return Ok(());
    };
    let column = (span.column as usize).saturating_sub(1);
    let (shown, column) = window(&line, column);
    let carets =
        (span.length.max(1) as usize).min(shown.chars().count().saturating_sub(column).max(1));
    let number = style.paint(Paint::Blue, &format!("{:>4} |", span.line));
    let gutter = style.paint(Paint::Blue, "     |");
    writeln!(out, "{number} {shown}")?;
    let mark = format!("{} {hint}", "^".repeat(carets));
    writeln!(
        out,
        "{gutter} {:column$}{}",
        "",
        style.paint(paint, mark.trim_end())
    )
}

/// The part of a line around a column, and the column in it. Control characters would move the caret, or the
/// reader's terminal.
fn window(line: &str, column: usize) -> (String, usize) {
    let start = if column + 20 < WIDEST {
        0
    } else {
        column - WIDEST / 2
    };
    let mut shown: String = line
        .chars()
        .skip(start)
        .take(WIDEST)
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect();
    if line.chars().nth(start + WIDEST).is_some() {
        shown.push('…');
    }
    if start > 0 {
        shown.insert(0, '…');
    }
    (shown, column - start + usize::from(start > 0))
}

#[derive(Clone, Copy)]
enum Paint {
    Red,
    Yellow,
    Blue,
    Bold,
}

#[derive(Clone, Copy)]
struct Style {
    colour: bool,
}

impl Style {
    fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            _ if !self.colour || text.is_empty() => return text.into(),
            Paint::Red => "1;31",
            Paint::Yellow => "1;33",
            Paint::Blue => "1;34",
            Paint::Bold => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, path::PathBuf, sync::Arc};

    use super::*;

    struct One(&'static str);

    impl Texts for One {
        fn text(&self, _: &Path) -> Option<&str> {
            Some(self.0)
        }
    }

    fn shown(problem: &Problem, text: &'static str) -> String {
        let mut out = Vec::new();
        render(&mut out, [problem], &One(text), false).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn at(line: u32, column: u32, length: u32) -> Span {
        Span {
            line,
            column,
            length,
        }
    }

    fn file() -> Arc<PathBuf> {
        Arc::new("routes.d/orders.yaml".into())
    }

    #[test]
    fn a_problem_shows_its_line_and_what_to_write() {
        let problem = Problem::error(&file(), at(2, 5, 7), "no plugin is called `jwt-aut`")
            .hint("did you mean `jwt-auth`?");
        assert_eq!(
            shown(&problem, "plugins:\n  - jwt-aut: {}\n"),
            "routes.d/orders.yaml:2:5: error: no plugin is called `jwt-aut`\n   \
             2 |   - jwt-aut: {}\n     \
               |     ^^^^^^^ did you mean `jwt-auth`?\n"
        );
    }

    #[test]
    fn the_other_place_is_a_note() {
        let problem = Problem::warning(&file(), at(2, 1, 1), "twice").related(
            &file(),
            at(1, 1, 1),
            "first here",
        );
        assert_eq!(
            shown(&problem, "a: 1\na: 2\n"),
            "routes.d/orders.yaml:2:1: warning: twice\n   2 | a: 2\n     | ^\n\
             routes.d/orders.yaml:1:1: note: first here\n   1 | a: 1\n     | ^\n"
        );
    }

    #[test]
    fn a_problem_without_a_place_has_its_hint() {
        let problem = Problem::error(&file(), Span::default(), "not there").hint("create it");
        assert_eq!(
            shown(&problem, ""),
            "routes.d/orders.yaml: error: not there\n       = create it\n"
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let text: &'static str = format!("{}X{}", "a".repeat(1000), "b".repeat(1000)).leak();
        let shown = shown(&Problem::error(&file(), at(1, 1001, 900), "x"), text);
        let lines: Vec<_> = shown.lines().collect();
        assert!(
            lines.iter().all(|line| line.chars().count() < 200),
            "{shown}"
        );
        let caret = lines[2].find('^').unwrap();
        assert_eq!(lines[1].chars().nth(caret), Some('X'));
    }
}
