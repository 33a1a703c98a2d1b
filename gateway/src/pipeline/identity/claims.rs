//! The claims of an identity: checked at once, read only when somebody asks for one.

use std::{fmt, sync::LazyLock};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

type Members = Map<String, Value>;

/// A JSON object. Most of them are never looked into.
#[derive(Debug)]
pub(super) struct Claims {
    /// The text until then, which goes with it.
    members: LazyLock<Members, Box<dyn FnOnce() -> Members + Send>>,
    weight: usize,
}

impl Claims {
    pub(super) fn new(text: String) -> Result<Self, serde_json::Error> {
        let Object(members) = serde_json::from_str(&text)?;
        let weight = members.max(text.len());
        let text = text.into_boxed_str();
        // It was read once already: it can be read again.
        let read = move || serde_json::from_str(&text).unwrap_or_default();
        Ok(Self {
            members: LazyLock::new(Box::new(read)),
            weight,
        })
    }

    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    /// Bytes of memory, roughly.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }
}

impl PartialEq for Claims {
    fn eq(&self, other: &Self) -> bool {
        *self.members == *other.members
    }
}

/// What an object weighs as a tree, without making one. All of it is decoded, for an error to show now.
struct Object(usize);

/// What any value weighs.
struct Weight(usize);

struct Weighing;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Weighing).map(Self)
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let more = deserializer.deserialize_any(Weighing)?;
        Ok(Self(size_of::<Value>() + more))
    }
}

/// What values weigh beside their place.
impl<'de> Visitor<'de> for Weighing {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_unit<E: Error>(self) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
        Ok(text.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<usize, A::Error> {
        let mut all = 0;
        while let Some(Weight(item)) = items.next_element()? {
            all += item;
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<usize, A::Error> {
        let mut all = 0;
        while let Some((Weight(name), Weight(value))) = members.next_entry()? {
            all += name + value;
        }
        Ok(all)
    }
}
