//! Settings that may be written as one value in place of a map.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{
        Error, MapAccess, Unexpected, Visitor,
        value::{MapAccessDeserializer, StrDeserializer},
    },
};

/// A map of settings whose most telling one may stand alone.
pub(crate) trait Abbreviated {
    type Short;

    /// After "expected": both forms.
    const EXPECTED: &'static str;

    fn from_short(short: Self::Short) -> Self;
}

/// Written as a map, or as its most telling value alone.
pub(crate) struct Short<T>(pub(crate) T);

impl<'de, T> Deserialize<'de> for Short<T>
where
    T: Abbreviated + Deserialize<'de>,
    T::Short: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(ShortVisitor(PhantomData))
            .map(Self)
    }
}

struct ShortVisitor<T>(PhantomData<T>);

impl<'de, T> Visitor<'de> for ShortVisitor<T>
where
    T: Abbreviated + Deserialize<'de>,
    T::Short: Deserialize<'de>,
{
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::Short::deserialize(StrDeserializer::<E>::new(text))
            .map(T::from_short)
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

impl<T> JsonSchema for Short<T>
where
    T: Abbreviated + JsonSchema,
    T::Short: JsonSchema,
{
    fn schema_name() -> Cow<'static, str> {
        format!("Short{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let short = generator.subschema_for::<T::Short>();
        let map = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [short, map] })
    }
}
