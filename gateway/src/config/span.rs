//! Where in a file something was written.

use std::{fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize,
    de::{Error, SeqAccess, Visitor},
};

/// The name of the structure by which a [`Spanned`] asks its deserializer for a place and a value.
pub(in crate::config) const SPANNED: &str = "$spanned";

/// The name of an enumeration whose variant follows from the node: `scalar`, `sequence`, `mapping`, or `other` for
/// those that it does not list.
pub(in crate::config) const SHAPE: &str = "$shape";

/// A place in one file; which file is known from where the value was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// 1-based; 0 when the value was written nowhere (a default).
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
    /// In characters, within the first line; at least 1.
    pub length: u32,
}

/// A value together with where it was written. Only a [document](super::document) can tell.
#[derive(Clone, Debug, Default)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
    /// Where the key was written that the value stands under; as `span` for values without a key.
    pub key: Span,
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Span) -> Self {
        Self {
            value,
            span,
            key: span,
        }
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct(SPANNED, &[], SpannedVisitor(PhantomData))
    }
}

struct SpannedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SpannedVisitor<T> {
    type Value = Spanned<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value that knows its place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Spanned<T>, A::Error> {
        let mut place = || -> Result<Span, A::Error> {
            let (line, column, length) = parts
                .next_element()?
                .ok_or_else(|| A::Error::invalid_length(0, &self))?;
            Ok(Span {
                line,
                column,
                length,
            })
        };
        let (span, key) = (place()?, place()?);
        let value = parts
            .next_element()?
            .ok_or_else(|| A::Error::invalid_length(2, &self))?;
        Ok(Spanned { value, span, key })
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}
