//! Rules as they are written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// A rule as it is written; see [`rules`](super). [`Rule::compile`](super::Rule::compile) judges it.
///
/// Everything is optional here, and exactly one of `all`, `any`, `not` and a `claim` with one test is right: so the
/// messages can say what is missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RuleConfig {
    pub(super) all: Option<Vec<RuleConfig>>,
    pub(super) any: Option<Vec<RuleConfig>>,
    pub(super) not: Option<Box<RuleConfig>>,
    pub(super) claim: Option<String>,
    #[serde(deserialize_with = "written")]
    pub(super) equals: Option<Value>,
    pub(super) one_of: Option<Vec<Value>>,
    #[serde(deserialize_with = "written")]
    pub(super) contains: Option<Value>,
    pub(super) prefix: Option<String>,
    pub(super) suffix: Option<String>,
    pub(super) exists: Option<bool>,
}

/// A null that is written is not the same as nothing.
fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl JsonSchema for RuleConfig {
    fn schema_name() -> Cow<'static, str> {
        "Rule".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rule = generator.subschema_for::<Self>();
        let rules = json!({ "type": "array", "items": rule, "minItems": 1 });
        let scalar = json!({ "type": ["string", "number", "boolean"] });
        let text = json!({ "type": "string", "minLength": 1 });
        let alone = |name: &str, schema: Value, meaning: &str| {
            json!({
                "description": meaning,
                "type": "object",
                "properties": { name: schema },
                "required": [name],
                "additionalProperties": false,
            })
        };
        let test = |name: &str, schema: Value, meaning: &str| {
            json!({
                "description": meaning,
                "type": "object",
                "properties": { "claim": text, name: schema },
                "required": ["claim", name],
                "additionalProperties": false,
            })
        };
        let values = json!({ "type": "array", "items": scalar, "minItems": 1 });
        json_schema!({
            "description": "A rule over claims. A claim is named by its name, or by a JSON pointer: `/realm_access/roles`.",
            "oneOf": [
                alone("all", rules.clone(), "Every one of these holds."),
                alone("any", rules, "At least one of these holds."),
                alone("not", rule.to_value(), "This does not hold."),
                test("equals", scalar.clone(), "The claim is this text, number or boolean."),
                test("one-of", values, "The claim equals one of these."),
                test("contains", scalar, "The claim is a list with this element, or a text with this word."),
                test("prefix", text.clone(), "The claim is a text that begins so."),
                test("suffix", text.clone(), "The claim is a text that ends so."),
                test("exists", json!({ "type": "boolean" }), "The claim is there and not null, or it is not."),
            ],
        })
    }
}
