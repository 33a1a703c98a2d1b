//! `grants` of a plugin: capabilities, and of some the names that the plugin may open.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Unexpected, Visitor},
};

use super::{super::span::Spanned, gateway::Capability};

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
            Some(WithNames),
        }
        Ok(match Shape::deserialize(deserializer)? {
            Shape::All(capability) => Self {
                capability,
                names: None,
            },
            Shape::Some(WithNames(grant)) => grant,
        })
    }
}

/// `CAPABILITY: [NAME, …]`
struct WithNames(Grant);

impl<'de> Deserialize<'de> for WithNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(GrantVisitor)
    }
}

struct GrantVisitor;

impl<'de> Visitor<'de> for GrantVisitor {
    type Value = WithNames;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("one capability, or `CAPABILITY: [NAME, …]`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<WithNames, A::Error> {
        let Some((capability, names)) = entries.next_entry()? else {
            return Err(A::Error::invalid_type(
                Unexpected::Other("an empty mapping"),
                &self,
            ));
        };
        while entries.next_key::<SecondKey>()?.is_some() {
            entries.next_value::<IgnoredAny>()?;
        }
        let names = Some(names);
        Ok(WithNames(Grant { capability, names }))
    }
}

/// Never read: a second key is an error at its own place.
enum SecondKey {}

impl<'de> Deserialize<'de> for SecondKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = format!("a second key `{name}`");
        Err(D::Error::invalid_value(
            Unexpected::Other(&found),
            &"one capability in each item of the list",
        ))
    }
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
