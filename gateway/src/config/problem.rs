//! One thing that is wrong with the configuration, and how it is shown.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::span::Span;

mod closest;
mod render;

pub use closest::closest;
pub use render::render;

/// What a problem does to the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The file still goes live.
    Warning,
    /// The file does not go live.
    Error,
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug)]
pub struct Problem {
    pub severity: Severity,
    pub file: Arc<PathBuf>,
    pub span: Span,
    /// One sentence, without a full stop: what is wrong.
    pub message: String,
    /// Beside the caret: what to write instead.
    pub hint: Option<String>,
    /// Another place that has a part in it (the first of two equal names), with what it is.
    pub related: Option<(Arc<PathBuf>, Span, String)>,
}

impl Problem {
    pub fn error(file: &Arc<PathBuf>, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: Arc::clone(file),
            span,
            message: message.into(),
            hint: None,
            related: None,
        }
    }

    pub fn warning(file: &Arc<PathBuf>, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(file, span, message)
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn related(mut self, file: &Arc<PathBuf>, span: Span, what: impl Into<String>) -> Self {
        self.related = Some((Arc::clone(file), span, what.into()));
        self
    }
}

/// Where the lines to show come from.
pub trait Texts {
    /// The text of a file as it was loaded.
    fn text(&self, file: &Path) -> Option<&str>;
}

/// For machines: flat, `line` and `column` 0 when there is no place.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let related = self.related.as_ref().map(|(file, span, what)| Related {
            file: file.display().to_string(),
            line: span.line,
            column: span.column,
            message: what,
        });
        let mut fields = serializer.serialize_struct("Problem", 8)?;
        fields.serialize_field("severity", &self.severity)?;
        fields.serialize_field("file", &self.file.display().to_string())?;
        fields.serialize_field("line", &self.span.line)?;
        fields.serialize_field("column", &self.span.column)?;
        fields.serialize_field("length", &self.span.length)?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("hint", &self.hint)?;
        fields.serialize_field("related", &related)?;
        fields.end()
    }
}

#[derive(Serialize)]
struct Related<'a> {
    file: String,
    line: u32,
    column: u32,
    message: &'a str,
}
