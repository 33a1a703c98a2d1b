//! One thing that is wrong with the configuration, and how it is shown.

use std::{path::PathBuf, sync::Arc};

use super::span::Span;

/// What a problem does to the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
