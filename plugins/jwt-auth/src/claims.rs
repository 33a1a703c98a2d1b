//! What a token says: only the claims that somebody asks for are kept.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};
use witgate_plugin::rules::ClaimPath;

use crate::refusal::Refusal;

/// The claims of a token that are wanted: an object.
pub(crate) struct Claims(Value);

/// Names of claims. The others of a token are read over, which costs neither memory nor much time.
pub(crate) struct Wanted(Vec<String>);

/// What this plugin reads in any case (RFC 7519 section 4.1, RFC 8693 section 4.2).
const ALWAYS: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "scope", "scp"];

impl Wanted {
    pub(crate) fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let names = ALWAYS.into_iter().chain(names);
        let mut names = names.map(String::from).collect::<Vec<_>>();
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    fn has(&self, name: &str) -> bool {
        self.0
            .binary_search_by(|wanted| wanted.as_str().cmp(name))
            .is_ok()
    }
}

impl Claims {
    /// Of a claim that is there twice, the last counts (RFC 7519 section 4).
    pub(crate) fn parse(json: &str, wanted: &Wanted) -> Result<Self, Refusal> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let claims = wanted.deserialize(&mut deserializer);
        let claims = claims.and_then(|claims| deserializer.end().map(|()| claims));
        claims.map(Self).map_err(|_| Refusal::Malformed)
    }

    /// By its name, also if it is null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(crate) fn find(&self, path: &ClaimPath) -> Option<&Value> {
        path.find(&self.0)
    }

    pub(crate) fn issuer(&self) -> Option<&str> {
        self.get("iss").and_then(Value::as_str)
    }

    /// As a JSON object.
    pub(crate) fn object(&self) -> &Value {
        &self.0
    }

    /// A NumericDate in seconds since 1970: whole or not, and as large as it likes.
    pub(crate) fn date(&self, name: &str, round: fn(f64) -> f64) -> Result<Option<u64>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(match number.as_u64() {
                Some(seconds) => seconds,
                // `as` saturates: what is before 1970 becomes 0.
                None => number.as_f64().map_or(0, |seconds| round(seconds) as u64),
            })),
            Some(_) => Err(Refusal::Malformed),
        }
    }
}

#[derive(Deserialize)]
struct Name<'j>(#[serde(borrow)] Cow<'j, str>);

impl<'de> DeserializeSeed<'de> for &Wanted {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &Wanted {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(Name(name)) = members.next_key()? {
            if self.has(&name) {
                kept.insert(name.into_owned(), members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Value::Object(kept))
    }
}
