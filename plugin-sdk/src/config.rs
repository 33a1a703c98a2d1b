//! What stands in the route file.

mod duration;
mod one_or_many;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

pub use duration::HumanDuration;
pub use one_or_many::OneOrMany;

/// One thing that is wrong with a configuration. The gateway shows it at its place in the route file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A JSON pointer (RFC 6901) into the configuration, `""` for the whole of it.
    pub pointer: String,
    /// What is wrong, and after a semicolon what to write instead.
    pub message: String,
}

impl Problem {
    /// A problem with what the JSON pointer names: `Problem::at("/limits/0", "0 admits nobody; write at least 1")`.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }

    /// The same, where the configuration that it points into is itself a part of another.
    #[must_use]
    pub fn below(mut self, pointer: &str) -> Self {
        self.pointer.insert_str(0, pointer);
        self
    }
}

/// Reads a configuration; `null` is what a route has that names a plugin and writes nothing more.
#[doc(hidden)]
pub fn parse<C: DeserializeOwned>(json: &str) -> Result<C, Vec<Problem>> {
    if json == "null" {
        return read("null").or_else(|_| read("{}"));
    }
    read(json)
}

fn read<C: DeserializeOwned>(json: &str) -> Result<C, Vec<Problem>> {
    let deserializer = &mut serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        // Where it stands in the JSON says nothing to who wrote YAML.
        let message = error.inner().to_string();
        let message = message
            .rsplit_once(" at line ")
            .map_or(message.as_str(), |(what, _)| what);
        vec![Problem::at(pointer, without_value(message))]
    })
}

/// Who reads the message sees the value at its place, or must not see it since it is secret.
fn without_value(message: &str) -> String {
    let found = ["invalid type: ", "invalid value: "]
        .into_iter()
        .find(|prefix| message.starts_with(prefix));
    match (found, message.rsplit_once(", expected ")) {
        (Some(prefix), Some((found, expected))) => {
            let kind = found[prefix.len()..].split([' ', '"', '`']).next();
            let kind = kind.filter(|kind| !kind.is_empty()).unwrap_or("value");
            format!("{prefix}{kind}, expected {expected}")
        }
        _ => message.to_owned(),
    }
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let token = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&token);
    }
    pointer
}

/// The JSON Schema (draft 2020-12) of a configuration.
#[doc(hidden)]
pub fn schema<C: JsonSchema>() -> String {
    schemars::SchemaGenerator::default()
        .into_root_schema_for::<C>()
        .as_value()
        .to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Sample {
        #[serde(default)]
        limits: Vec<u8>,
        #[serde(default)]
        map: BTreeMap<String, u8>,
    }

    fn problem(json: &str) -> Problem {
        parse::<Sample>(json).unwrap_err().remove(0)
    }

    #[test]
    fn a_problem_points_to_its_value() {
        assert_eq!(problem(r#"{"limits":[1,"x"]}"#).pointer, "/limits/1");
        assert_eq!(problem(r#"{"map":{"a/b~":true}}"#).pointer, "/map/a~1b~0");
        let unknown = problem(r#"{"limit":[1]}"#);
        assert_eq!(unknown.pointer, "/limit");
        assert_eq!(
            unknown.message,
            "unknown field `limit`, expected `limits` or `map`"
        );
    }

    #[test]
    fn a_problem_does_not_repeat_the_value() {
        for (json, message) in [
            (
                r#"{"map":{"a":"hush, expected"}}"#,
                "invalid type: string, expected u8",
            ),
            (
                r#"{"map":{"a":4711}}"#,
                "invalid value: integer, expected u8",
            ),
            (r#"{"map":"hush"}"#, "invalid type: string, expected a map"),
        ] {
            assert_eq!(problem(json).message, message);
        }
    }

    #[test]
    fn nothing_written_is_all_defaults() {
        assert!(parse::<Sample>("null").unwrap().limits.is_empty());
        assert_eq!(parse::<Option<Sample>>("null").unwrap().map(|_| ()), None);
    }

    #[test]
    fn the_schema_refuses_unknown_keys() {
        let schema: serde_json::Value = serde_json::from_str(&schema::<Sample>()).unwrap();
        assert_eq!(schema["additionalProperties"], false);
    }
}
