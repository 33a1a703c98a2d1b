//! `grants` of a plugin: capabilities, and of some the names that the plugin may open.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::{
    super::span::Spanned,
    gateway::Capability,
    one_entry::{Kind, OneEntry},
};

/// A capability, or `CAPABILITY: [NAME, …]`.
#[derive(Clone, Debug)]
pub struct Grant {
    pub capability: Capability,
    /// What it may open; none for all that is declared.
    pub names: Option<Vec<Spanned<String>>>,
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "$shape")]
        enum Shape {
            #[serde(rename = "scalar")]
            All(Capability),
            #[serde(rename = "other")]
            Some(OneEntry<WithNames, Capability, Vec<Spanned<String>>>),
        }
        Ok(match Shape::deserialize(deserializer)? {
            Shape::All(capability) => Self {
                capability,
                names: None,
            },
            Shape::Some(OneEntry { key, value, .. }) => Self {
                capability: key,
                names: Some(value),
            },
        })
    }
}

/// `CAPABILITY: [NAME, …]`
enum WithNames {}

impl Kind for WithNames {
    const EXPECTED: &str = "one capability, or `CAPABILITY: [NAME, …]`";
    const ONE: &str = "one capability in each item of the list";
}

impl JsonSchema for Grant {
    fn schema_name() -> Cow<'static, str> {
        "Grant".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let capability = generator.subschema_for::<Capability>();
        json_schema!({
            "description": "A capability; or `CAPABILITY: [NAME, …]`, where the plugin may open these names and no \
                others. That goes for `keys`, `descriptors`, `secrets` and the like, which hand out things that \
                `witgate.yaml` declares by name.",
            "anyOf": [
                capability,
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": { "type": "array", "items": { "type": "string" } },
                },
            ],
        })
    }
}
