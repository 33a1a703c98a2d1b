//! Scopes: which ones a route wants, and which ones a token has.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::Value;
use witgate_plugin::config;

use crate::{claims::Claims, refusal::Refusal};

/// What a route wants. Nothing wanted is always there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scopes {
    all: Vec<String>,
    any: Vec<String>,
}

impl Scopes {
    pub(crate) fn hold(&self, granted: &[String]) -> bool {
        let has = |scope: &String| granted.contains(scope);
        self.all.iter().all(has) && (self.any.is_empty() || self.any.iter().any(has))
    }

    /// For the challenge (RFC 6750 section 3).
    pub(crate) fn listed(&self) -> String {
        let scopes = self.all.iter().chain(&self.any);
        scopes.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// `scope` is a list with blanks (RFC 8693 section 4.2); some issuers write `scp`, as either.
pub(crate) fn granted(claims: &Claims) -> Result<Vec<String>, Refusal> {
    const MOST: usize = 1000;
    const LONGEST: usize = 1 << 10;
    let mut granted = Vec::<String>::new();
    let mut add = |list: &str| granted.extend(list.split_ascii_whitespace().map(String::from));
    for claim in ["scope", "scp"] {
        match claims.get(claim) {
            Some(Value::String(list)) => add(list),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).for_each(&mut add),
            _ => {}
        }
    }
    let odd = |c: char| c.is_whitespace() || c.is_control();
    let is_odd = |scope: &String| scope.len() > LONGEST || scope.contains(odd);
    if granted.len() > MOST || granted.iter().any(is_odd) {
        return Err(Refusal::Unprintable);
    }
    Ok(granted)
}

/// `{ all: […], any: […] }`
#[config]
#[derive(Default)]
#[serde(default)]
struct Written {
    /// Every one of these.
    all: Vec<String>,
    /// At least one of these.
    any: Vec<String>,
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
            type Value = Scopes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of scopes, or a map with `all` or `any`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Scopes, A::Error> {
                let all = Vec::deserialize(SeqAccessDeserializer::new(list))?;
                Ok(Scopes {
                    all,
                    any: Vec::new(),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scopes, A::Error> {
                let Written { all, any } = Written::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Scopes { all, any })
            }
        }

        deserializer.deserialize_any(Forms)
    }
}

impl JsonSchema for Scopes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Scopes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let list = generator.subschema_for::<Vec<String>>();
        let map = generator.subschema_for::<Written>();
        json_schema!({ "anyOf": [list, map] })
    }
}
