//! Shapes that let the common case be short.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::span::Spanned;

/// One value, or a list of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// A string alone, or the whole mapping.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ShortOr<T> {
    Short(Spanned<String>),
    Full(T),
}

/// A plugin's configuration as it was written: JSON to the plugin, places in the file to its author.
#[derive(Debug, Clone, Default)]
pub struct PluginConfig {}

impl PluginConfig {
    /// As JSON (RFC 8259), `null` if none was written.
    pub fn to_json(&self) -> String {
        String::from("null")
    }

    /// Where the value that a JSON pointer (RFC 6901) names was written; the whole configuration if it names none.
    pub fn locate(&self, _pointer: &str) -> super::super::span::Span {
        Default::default()
    }
}
