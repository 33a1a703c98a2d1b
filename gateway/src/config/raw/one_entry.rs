//! An item of a list that is a mapping of one entry, as `NAME: CONFIGURATION`.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Unexpected, Visitor},
};

/// What it is, in errors.
pub(super) trait Kind {
    /// What can stand there.
    const EXPECTED: &str;
    /// What to write instead of a second key.
    const ONE: &str;
}

pub(super) struct OneEntry<T, K, V> {
    pub(super) key: K,
    pub(super) value: V,
    kind: PhantomData<T>,
}

impl<'de, T: Kind, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de>
    for OneEntry<T, K, V>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor(PhantomData))
    }
}

struct EntryVisitor<T, K, V>(PhantomData<(T, K, V)>);

impl<'de, T: Kind, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de>
    for EntryVisitor<T, K, V>
{
    type Value = OneEntry<T, K, V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(T::EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let Some((key, value)) = entries.next_entry()? else {
            return Err(A::Error::invalid_type(
                Unexpected::Other("an empty mapping"),
                &self,
            ));
        };
        while entries.next_key::<SecondKey<T>>()?.is_some() {
            entries.next_value::<IgnoredAny>()?;
        }
        Ok(OneEntry {
            key,
            value,
            kind: PhantomData,
        })
    }
}

/// Never read: a second key is an error at its own place.
struct SecondKey<T>(PhantomData<T>);

impl<'de, T: Kind> Deserialize<'de> for SecondKey<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = format!("a second key `{name}`");
        Err(D::Error::invalid_value(Unexpected::Other(&found), &T::ONE))
    }
}
