//! What is wrong with a JSON text, and where.

use std::{borrow::Cow, fmt::Write as _};

use crate::refusal::{Code, Refusal, Violation};

/// What is wrong with a JSON text, and where.
#[derive(Debug)]
pub(crate) struct JsonError {
    message: Cow<'static, str>,
    /// Byte offset into the text.
    pub(super) offset: usize,
    /// The way to the value, innermost first.
    path: Vec<Step>,
    /// A bound of the configuration was met, rather than a rule of the language broken.
    pub(super) bound: bool,
}

/// One step on the way to a value.
#[derive(Debug)]
pub(super) enum Step {
    Member(String),
    Element(usize),
}

impl JsonError {
    pub(super) fn new(offset: usize, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            offset,
            path: Vec::new(),
            bound: false,
        }
    }

    pub(super) fn bound(offset: usize, message: String) -> Self {
        Self {
            bound: true,
            ..Self::new(offset, message)
        }
    }

    pub(super) fn within(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }

    pub(super) fn within_member(self, name: &str) -> Self {
        self.within(Step::Member(name.to_owned()))
    }

    /// A JSON pointer (RFC 6901) to the value.
    pub(crate) fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in self.path.iter().rev() {
            pointer.push('/');
            match step {
                Step::Member(name) => {
                    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                }
                Step::Element(index) => {
                    let _ = write!(pointer, "{index}");
                }
            }
        }
        pointer
    }

    /// The way as people write fields: `book.authors[2].name`.
    fn field(&self) -> String {
        let mut field = String::new();
        for step in self.path.iter().rev() {
            match step {
                Step::Member(name) if field.is_empty() => field.push_str(name),
                Step::Member(name) => {
                    let _ = write!(field, ".{name}");
                }
                Step::Element(index) => {
                    let _ = write!(field, "[{index}]");
                }
            }
        }
        field
    }

    /// Tells the client; `text` is what was read.
    pub(crate) fn refusal(&self, text: &[u8]) -> Refusal {
        let before = &text[..self.offset.min(text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let start = before.iter().rposition(|byte| *byte == b'\n');
        let start = start.map_or(0, |newline| newline + 1);
        // Columns count characters: continuation bytes of UTF-8 are none.
        let column = 1 + before[start..]
            .iter()
            .filter(|byte| **byte & 0xC0 != 0x80)
            .count();
        let pointer = self.pointer();
        let place = if pointer.is_empty() {
            format!("line {line}, column {column}")
        } else {
            format!("line {line}, column {column}, at {pointer}")
        };
        let field = self.field();
        let message = if field.is_empty() {
            format!("{} ({place})", self.message)
        } else {
            format!("{field}: {} ({place})", self.message)
        };
        let code = if self.bound {
            Code::ResourceExhausted
        } else {
            Code::InvalidArgument
        };
        Refusal {
            violations: vec![Violation {
                field,
                description: format!("{} ({place})", self.message),
            }],
            ..Refusal::with_status(code, 400, message)
        }
    }
}
