//! What ends the reading of a file, and how it is said.

use granit_parser::{ErrorKind, ScanError, Tag};

use super::{Builder, Fatal};
use crate::config::{problem::Problem, span::Span};

impl Builder<'_, '_> {
    pub(super) fn refuse(&self, span: Span, message: impl Into<String>) -> Fatal {
        Problem::error(self.file, span, message).into()
    }

    pub(super) fn refuse_with(&self, span: Span, message: impl Into<String>, hint: &str) -> Fatal {
        Problem::error(self.file, span, message).hint(hint).into()
    }

    pub(super) fn second_document(&self, span: Span) -> Fatal {
        let hint = "a file holds one document; move this one to a file of its own";
        self.refuse_with(span, "a second document begins here", hint)
    }

    pub(super) fn collection_as_key(&self, span: Span) -> Fatal {
        let hint = "write text that begins with `{` or `[` in quotes";
        self.refuse_with(span, "a key cannot be a list or a mapping", hint)
    }

    pub(super) fn check_depth(&self, span: Span, more: usize) -> Result<(), Fatal> {
        if self.open.len() + more > self.limits.depth {
            return Err(self.too_deep(span));
        }
        Ok(())
    }

    fn too_deep(&self, span: Span) -> Fatal {
        let most = self.limits.depth;
        self.refuse(
            span,
            format!("more than {most} lists and mappings inside each other"),
        )
    }

    pub(super) fn count(&self, span: Span, more: usize) -> Result<(), Fatal> {
        let most = self.limits.nodes;
        if self.nodes.len() + more > most {
            let message = format!("the file holds more than {most} values");
            return Err(self.refuse_with(span, message, "spread it over several files"));
        }
        Ok(())
    }

    /// Whether a tag makes a text of it.
    pub(super) fn is_text(&self, tag: Option<&Tag>, span: Span) -> Result<bool, Fatal> {
        match tag {
            None => Ok(false),
            Some(tag) if tag.is_yaml_core_schema() => Ok(tag.is_yaml_core_schema_tag("str")),
            Some(tag) => {
                let message = format!("the tag `{}` means nothing here", tag.original());
                let hint = "remove it; a text that begins with `!` must be in quotes";
                Err(self.refuse_with(span, message, hint))
            }
        }
    }

    pub(super) fn scan_error(&self, error: &ScanError) -> Fatal {
        let span = self.mark(*error.marker(), 1);
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.too_deep(span);
        }
        let message = format!("not YAML: {}", error.info());
        match hint(error.kind()) {
            Some(hint) => self.refuse_with(span, message, hint),
            None => self.refuse(span, message),
        }
    }
}

fn hint(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => "indent with spaces, not with tabs",
        ErrorKind::UnknownAnchor => "an anchor (`&name`) must stand before its alias (`*name`)",
        ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::MisplacedFlowCollectionEnd
        | ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            "between braces or brackets, text with `{`, `}`, `[`, `]` or `,` must be in quotes"
        }
        ErrorKind::UnclosedQuotedScalar => "the closing quote is missing",
        ErrorKind::UnclosedFlowCollection { .. } => "the closing bracket is missing",
        _ => return None,
    })
}
