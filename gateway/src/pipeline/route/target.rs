//! New paths made from the matched one, for rewrites and redirects.

use super::{
    path::spell,
    pattern::{Captures, PathPattern, Source, check_name},
    report::{Invalid, Report},
};
use crate::config::{
    problem::closest,
    raw::Match,
    span::{Span, Spanned},
};

/// What an action needs of each path that its route matches. The parts arrive as [`Captures`], in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Wanted {
    #[default]
    Nothing,
    Variables {
        names: Vec<Box<str>>,
        span: Span,
    },
    AfterPrefix {
        span: Span,
    },
}

/// How the new path is made.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PathTarget {
    Template(Box<[Piece]>),
    /// In place of the matched prefix; without a slash at its end.
    Prefix(Box<str>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Literal(Box<str>),
    /// The capture with this number.
    Variable(usize),
}

impl Wanted {
    /// Where `pattern` has it. None, and a problem, when it has not.
    pub(super) fn sources(
        &self,
        pattern: &PathPattern,
        written: &Spanned<Match>,
        report: &mut Report<'_>,
    ) -> Option<Box<[Source]>> {
        match self {
            Self::Nothing => Some(Box::default()),
            Self::AfterPrefix { span } => {
                let source = pattern.after_prefix().filter(|_| written.prefix.is_some());
                if source.is_none() {
                    report.error(
                        *span,
                        "there is no matched prefix to replace",
                        "match with `prefix:`, or write the whole new path under `path:`",
                    );
                }
                source.map(|source| [source].into())
            }
            Self::Variables { names, span } => names
                .iter()
                .map(|name| {
                    let source = pattern.variable(name);
                    if source.is_none() {
                        unknown(name, pattern, *span, report);
                    }
                    source
                })
                .collect(),
        }
    }
}

fn unknown(name: &str, pattern: &PathPattern, span: Span, report: &mut Report<'_>) {
    let known = pattern.variables();
    let hint = match (closest(name, known.iter().copied()), known.as_slice()) {
        (Some(close), _) => format!("did you mean `{{{close}}}`?"),
        (None, []) => format!("`{pattern}` has no variables"),
        (None, known) => format!("the variables are: {}", known.join(", ")),
    };
    let message = format!("the match `{pattern}` has no variable `{name}`");
    report.error(span, message, hint);
}

impl PathTarget {
    /// Of `path` and `prefix`, at most one is written.
    pub(super) fn compile(
        path: Option<&Spanned<String>>,
        prefix: Option<&Spanned<String>>,
        report: &mut Report<'_>,
    ) -> (Option<Self>, Wanted) {
        match (path, prefix) {
            (None, None) => (None, Wanted::Nothing),
            (Some(_), Some(prefix)) => {
                report.error(
                    prefix.span,
                    "both `path` and `prefix` are written",
                    "keep `path` for a whole new path, or `prefix` to replace the matched one",
                );
                (None, Wanted::Nothing)
            }
            (Some(path), None) => match report.check(path, |text| template(text)) {
                Some((pieces, names)) if names.is_empty() => {
                    (Some(Self::Template(pieces)), Wanted::Nothing)
                }
                Some((pieces, names)) => {
                    let span = path.span;
                    (
                        Some(Self::Template(pieces)),
                        Wanted::Variables { names, span },
                    )
                }
                None => (None, Wanted::Nothing),
            },
            (None, Some(prefix)) => match report.check(prefix, |text| replacement(text)) {
                Some(target) => (Some(target), Wanted::AfterPrefix { span: prefix.span }),
                None => (None, Wanted::Nothing),
            },
        }
    }

    /// The new path for a request whose `path` was matched.
    pub(super) fn write(&self, path: &str, captures: &Captures, out: &mut String) {
        let start = out.len();
        match self {
            Self::Template(pieces) => {
                for piece in pieces {
                    out.push_str(match piece {
                        Piece::Literal(text) => text,
                        Piece::Variable(number) => captures.get(path, *number),
                    });
                }
            }
            Self::Prefix(prefix) => {
                out.push_str(prefix);
                out.push_str(captures.get(path, 0));
            }
        }
        if out.len() == start {
            out.push('/');
        }
    }
}

fn replacement(text: &str) -> Result<PathTarget, Invalid> {
    if text.contains(['{', '}']) {
        return Err(Invalid::new(
            format!("the new prefix `{text}` holds a brace"),
            "write a template under `path`",
        ));
    }
    let path = match text {
        "" => String::new(),
        text => super::path::canonical(text)?,
    };
    Ok(PathTarget::Prefix(path.trim_end_matches('/').into()))
}

/// The pieces, and the names of the variables in the order of their numbers.
#[allow(clippy::type_complexity, reason = "used once, just above")]
fn template(text: &str) -> Result<(Box<[Piece]>, Vec<Box<str>>), Invalid> {
    let mut pieces = Vec::new();
    let mut names: Vec<Box<str>> = Vec::new();
    let mut skeleton = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        let Some((name, next)) = after[1..].split_once('}') else {
            return Err(unbalanced(text));
        };
        // The rest of a match is written as it stands there, or by its name alone.
        let name = name.strip_suffix("...").unwrap_or(name);
        check_name(name)?;
        push_literal(&mut pieces, before, text)?;
        let number = names.iter().position(|known| **known == *name);
        let number = number.unwrap_or_else(|| {
            names.push(name.into());
            names.len() - 1
        });
        pieces.push(Piece::Variable(number));
        skeleton.push_str(before);
        skeleton.push('x');
        rest = next;
    }
    push_literal(&mut pieces, rest, text)?;
    skeleton.push_str(rest);
    // With something in place of each variable it must be a path.
    super::path::canonical(&skeleton)?;
    Ok((pieces.into(), names))
}

fn push_literal(pieces: &mut Vec<Piece>, literal: &str, whole: &str) -> Result<(), Invalid> {
    if literal.contains('}') {
        return Err(unbalanced(whole));
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(spell(literal)?.into()));
    }
    Ok(())
}

fn unbalanced(text: &str) -> Invalid {
    Invalid::new(
        format!("a brace in `{text}` has no partner"),
        "write a variable as `{id}`; `%7B` and `%7D` stand for braces",
    )
}
