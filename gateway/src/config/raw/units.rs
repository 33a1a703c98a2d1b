//! Durations and sizes as people write them.

use std::{borrow::Cow, fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// A duration, as `250ms`, `5s`, `10m`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(pub Duration);

impl HumanDuration {
    /// Beyond it nothing here makes sense, and clocks overflow.
    const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60 * 1000,
            "h" => 3600 * 1000,
            _ => return None,
        };
        let duration = Duration::from_millis(number.checked_mul(millis)?);
        (duration <= Self::LONGEST).then_some(Self(duration))
    }
}

/// As it would be written: in the largest unit that divides it.
impl fmt::Display for HumanDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let units = [(3_600_000, "h"), (60_000, "m"), (1000, "s")];
        let unit = units
            .into_iter()
            .find(|(unit, _)| millis > 0 && millis.is_multiple_of(*unit));
        let (unit, name) = unit.unwrap_or((1, "ms"));
        write!(formatter, "{}{name}", millis / unit)
    }
}

/// A number of bytes, as `512`, `32KiB`, `10MiB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    pub const fn kib(n: u64) -> Self {
        Self(n * 1024)
    }

    pub const fn mib(n: u64) -> Self {
        Self(n * 1024 * 1024)
    }

    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let bytes: u64 = match unit {
            "" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.checked_mul(bytes).map(Self)
    }
}

/// As it would be written: in the largest unit that divides it.
impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let unit = units
            .into_iter()
            .find(|(unit, _)| self.0 > 0 && self.0.is_multiple_of(*unit));
        let (unit, name) = unit.unwrap_or((1, ""));
        write!(formatter, "{}{name}", self.0 / unit)
    }
}

/// Digits and what follows them.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(end);
    number.parse().ok().map(|number| (number, unit))
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DurationVisitor)
    }
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = HumanDuration;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("a duration of at most a year with its unit, as `250ms`, `5s`, `10m`, `1h`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<HumanDuration, E> {
        HumanDuration::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = ByteSize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number of bytes, as `512`, `32KiB`, `10MiB`, `1GiB`")
    }

    fn visit_u64<E: Error>(self, bytes: u64) -> Result<ByteSize, E> {
        Ok(ByteSize(bytes))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ByteSize, E> {
        ByteSize::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl JsonSchema for HumanDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration with its unit.",
            "type": "string",
            "pattern": "^[0-9]+(ms|s|m|h)$",
            "examples": ["250ms", "5s", "10m", "1h"],
        })
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes.",
            "type": ["string", "integer"],
            "pattern": "^[0-9]+(KiB|MiB|GiB)?$",
            "minimum": 0,
            "examples": [512, "32KiB", "10MiB", "1GiB"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        for (text, millis) in [
            ("250ms", 250),
            ("5s", 5000),
            ("10m", 600_000),
            ("1h", 3_600_000),
            ("0s", 0),
        ] {
            assert_eq!(
                HumanDuration::parse(text),
                Some(HumanDuration::from_millis(millis)),
                "{text}"
            );
        }
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "1.5s",
            "5S",
            "1h30m",
            "9000h",
            "99999999999999999999h",
        ] {
            assert_eq!(HumanDuration::parse(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_in_powers_of_1024() {
        for (text, bytes) in [
            ("512", 512),
            ("32KiB", 32 << 10),
            ("10MiB", 10 << 20),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(ByteSize::parse(text), Some(ByteSize(bytes)), "{text}");
        }
        for text in ["", "KiB", "10MB", "10 MiB", "1TiB", "-1", "99999999999GiB"] {
            assert_eq!(ByteSize::parse(text), None, "{text}");
        }
    }

    #[test]
    fn both_show_as_they_would_be_written() {
        for text in ["0ms", "250ms", "5s", "10m", "1h", "90m"] {
            assert_eq!(HumanDuration::parse(text).unwrap().to_string(), text);
        }
        for text in ["0", "512", "32KiB", "10MiB", "1GiB", "1536MiB"] {
            assert_eq!(ByteSize::parse(text).unwrap().to_string(), text);
        }
    }
}
