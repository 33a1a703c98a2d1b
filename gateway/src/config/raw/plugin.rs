//! A plugin on a route, and its configuration in the plugin's own terms.

use std::{borrow::Cow, fmt, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Unexpected, Visitor},
};

use super::{
    super::span::{Span, Spanned},
    one_entry::{Kind, OneEntry},
};

/// One plugin on a route: its name, and its configuration in the plugin's own terms.
#[derive(Clone, Debug)]
pub struct PluginUse {
    pub name: Spanned<String>,
    /// `null` when only the name was written.
    pub config: PluginConfig,
}

/// A plugin's configuration as it was written: JSON to the plugin, places in the file to its author.
#[derive(Clone, Debug)]
pub struct PluginConfig(Arc<Spanned<Value>>);

/// What JSON can say, with its places.
#[derive(Debug)]
enum Value {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Value>>),
    /// In the order of the file; no key twice.
    Map(Vec<(String, Spanned<Value>)>),
}

impl PluginConfig {
    /// As JSON (RFC 8259), `null` if none was written. Scalars have the types of YAML's core schema.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0.value).expect("keys are text and numbers are finite")
    }

    /// Where the value that a JSON pointer (RFC 6901) names was written; the nearest value around it if it names none.
    pub fn locate(&self, pointer: &str) -> Span {
        let mut place = &*self.0;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match &place.value {
                Value::List(items) => token.parse().ok().and_then(|index: usize| items.get(index)),
                Value::Map(entries) => entries
                    .iter()
                    .find(|(key, _)| *key == token)
                    .map(|(_, value)| value),
                _ => None,
            };
            match next {
                Some(next) => place = next,
                None => break,
            }
        }
        place.span
    }
}

impl Default for PluginConfig {
    fn default() -> Self {
        Self(Arc::new(Spanned::new(Value::Null, Span::default())))
    }
}

impl<'de> Deserialize<'de> for PluginConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(|value| Self(Arc::new(value)))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value that JSON has")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Signed(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if value.is_finite() {
            Ok(Value::Float(value))
        } else {
            Err(E::invalid_value(Unexpected::Float(value), &self))
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Signed(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(items) => serializer.collect_seq(items.iter().map(|item| &item.value)),
            Self::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, &value.value)))
            }
        }
    }
}

impl<'de> Deserialize<'de> for PluginUse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "$shape")]
        enum Shape {
            #[serde(rename = "scalar")]
            Name(Spanned<String>),
            #[serde(rename = "other")]
            WithConfig(OneEntry<WithConfig, Spanned<String>, PluginConfig>),
        }
        Ok(match Shape::deserialize(deserializer)? {
            Shape::Name(name) => Self {
                name,
                config: PluginConfig::default(),
            },
            Shape::WithConfig(OneEntry { key, value, .. }) => Self {
                name: key,
                config: value,
            },
        })
    }
}

/// `NAME: CONFIGURATION`
enum WithConfig {}

impl Kind for WithConfig {
    const EXPECTED: &str = "the name of one plugin, or `NAME: CONFIGURATION`";
    const ONE: &str =
        "one plugin in each item of the list (is its configuration indented too little?)";
}

impl JsonSchema for PluginUse {
    fn schema_name() -> Cow<'static, str> {
        "PluginUse".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A plugin's name, or `NAME: CONFIGURATION` in the plugin's own terms.",
            "anyOf": [
                { "type": "string" },
                { "type": "object", "minProperties": 1, "maxProperties": 1 },
            ],
        })
    }
}
