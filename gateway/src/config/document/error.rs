//! What went wrong in reading a node, before it has a file.

use std::fmt::{self, Display};

use serde::de::{Expected, Unexpected};

use super::{Id, expected};

/// An error of deserialisation and the node that it is about.
#[derive(Debug)]
pub(super) struct Error {
    /// Filled on the way up by the innermost node; the root's when there is none.
    pub(super) node: Option<Id>,
    pub(super) kind: Kind,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A key that its mapping does not have, and the one that was probably meant.
    UnknownKey(Option<&'static str>),
    MissingKey(&'static str),
    /// Said by a type's own parser, which does not name the value.
    Custom,
    Value,
}

impl Error {
    fn new(kind: Kind, message: String) -> Self {
        Self {
            node: None,
            kind,
            message,
            hint: None,
        }
    }

    /// Says where it was, unless something deeper already did.
    pub(super) fn at(mut self, node: Id) -> Self {
        self.node.get_or_insert(node);
        self
    }
}

impl Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        let mut error = Self::new(Kind::Custom, message.to_string());
        error.hint = expected::example(&error.message).map(Into::into);
        error
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let wanted = expected::wanted(expected);
        let mut error = Self::new(
            Kind::Value,
            format!("expected {wanted}, found {}", expected::found(found)),
        );
        error.hint = expected::hint(found, &wanted);
        error
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let wanted = expected::wanted(expected);
        Self::new(
            Kind::Value,
            format!("expected {wanted}, found {length} items"),
        )
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let meant = expected::nearest(name, known);
        let mut error = Self::new(Kind::UnknownKey(meant), format!("unknown key `{name}`"));
        error.hint = Some(if name == "<<" {
            "merge keys are not part of YAML 1.2; write the keys out".into()
        } else {
            expected::choices(meant, known)
        });
        error
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        let mut error = Self::new(Kind::Value, format!("`{name}` is not one of the choices"));
        error.hint = Some(expected::choices(expected::nearest(name, known), known));
        error
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(
            Kind::MissingKey(name),
            format!("the key `{name}` is missing here"),
        )
    }
}
