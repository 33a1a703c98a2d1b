//! What is written as one value or as a list.

use schemars::JsonSchema;
use serde::Deserialize;

/// One value, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "write a text, or a list of them")]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    pub fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_a_list_of_one() {
        let read = |json| serde_json::from_str::<OneOrMany>(json).map(OneOrMany::into_vec);
        assert_eq!(read(r#""a""#).unwrap(), ["a"]);
        assert_eq!(read(r#"["a", "b"]"#).unwrap(), ["a", "b"]);
        assert!(read("[]").unwrap().is_empty());
        let error = read("7").unwrap_err().to_string();
        assert!(error.contains("write a text, or a list of them"), "{error}");
    }
}
