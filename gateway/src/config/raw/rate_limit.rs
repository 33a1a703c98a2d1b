//! Limits on requests: how many in a period, and how many at a time.

use std::{borrow::Cow, fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

use super::{super::span::Spanned, units::HumanDuration, value::OneOrMany};

/// How many requests may pass. At least one of `rates` and `concurrency`.
///
/// Under `rate-limits` of `witgate.yaml` the limit is shared by all routes that name it. On a route, the same keys make a
/// limit of the route's own, and with `name` only `cost` goes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RateLimit {
    /// On a route: a limit of `witgate.yaml`.
    pub name: Option<Spanned<String>>,
    /// Whom requests are counted for: `route`, `address` (the client's; of IPv6 the first 64 bits), `consumer`, `tenant`,
    /// `subject`, `issuer`, `claim:/POINTER` (of the identity that a plugin has established), `header:NAME`. Of several,
    /// each combination counts for itself. Default: everything together.
    pub by: OneOrMany<Spanned<String>>,
    /// `10/s`, `1000/h`, `5/10m`: so much in a period, up to 4 of them, each with another period. All must allow a request.
    pub rates: OneOrMany<Spanned<WrittenRate>>,
    /// How much may pass at once after a pause, for the rate with the shortest period; for the others it is what they allow
    /// in their period. Default: what it allows in its period.
    pub burst: Option<Spanned<u32>>,
    /// What a request takes from the rates, 1 to the smallest burst. Default: 1.
    pub cost: Option<Spanned<u32>>,
    /// After a pause of this length the rates begin at a third and reach their full value within it. Default: at once.
    pub warm_up: Option<Spanned<HumanDuration>>,
    /// How many requests may be under way at a time, until the last byte of their responses. Default: any number.
    pub concurrency: Option<Spanned<u32>>,
    /// What becomes of requests that do not say whom to count them for: no identity, no such header. Default: `shared`.
    pub missing: Option<Spanned<MissingKey>>,
    /// How many keys may be counted at a time, 1 to 10000000; about 150 bytes each. Those beyond share one count until there
    /// is room. Default: 100000.
    pub max_keys: Option<Spanned<u32>>,
    /// Tell clients in `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers). Default: true.
    pub headers: Option<bool>,
}

/// What becomes of requests that do not say whom to count them for.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum MissingKey {
    /// They are counted together, as if they were one.
    #[default]
    Shared,
    /// They are answered with 403.
    Refuse,
    /// They pass, and are not counted.
    Skip,
}

impl From<Spanned<String>> for RateLimit {
    fn from(name: Spanned<String>) -> Self {
        Self {
            name: Some(name),
            ..Self::default()
        }
    }
}

/// So much in a period, as `10/s`, `1000/h`, `5/10m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenRate {
    pub amount: u32,
    pub period: Duration,
}

impl WrittenRate {
    fn parse(text: &str) -> Option<Self> {
        let (amount, period) = text.split_once('/')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let unit = period.chars().next_back()?;
        let count = period.strip_suffix(unit)?;
        let seconds: u32 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 24 * 3600,
            _ => return None,
        };
        let count: u32 = match count {
            "" => 1,
            count if digits(count) => count.parse().ok().filter(|count| *count > 0)?,
            _ => return None,
        };
        if !digits(amount) {
            return None;
        }
        Some(Self {
            amount: amount.parse().ok()?,
            period: Duration::from_secs(seconds.into()).checked_mul(count)?,
        })
    }
}

/// As it would be written: in the largest unit that divides it.
impl fmt::Display for WrittenRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.period.as_secs();
        let units = [(24 * 3600, 'd'), (3600, 'h'), (60, 'm'), (1, 's')];
        let unit = units
            .into_iter()
            .find(|(unit, _)| seconds.is_multiple_of(*unit));
        let (unit, name) = unit.unwrap_or((1, 's'));
        match seconds / unit {
            1 => write!(f, "{}/{name}", self.amount),
            count => write!(f, "{}/{count}{name}", self.amount),
        }
    }
}

impl<'de> Deserialize<'de> for WrittenRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(RateVisitor)
    }
}

struct RateVisitor;

impl Visitor<'_> for RateVisitor {
    type Value = WrittenRate;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an amount in a period, as `10/s`, `100/m`, `1000/h`, `5/10m`, `20/d`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<WrittenRate, E> {
        WrittenRate::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl JsonSchema for WrittenRate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "So much in a period of seconds, minutes, hours or days.",
            "type": "string",
            "pattern": "^[0-9]+/([1-9][0-9]*)?[smhd]$",
            "examples": ["10/s", "1000/h", "5/10m"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_an_amount_in_a_period() {
        for (text, amount, seconds) in [
            ("10/s", 10, 1),
            ("0/s", 0, 1),
            ("100/m", 100, 60),
            ("1000/h", 1000, 3600),
            ("5/10m", 5, 600),
            ("20/d", 20, 86_400),
        ] {
            let rate = WrittenRate::parse(text).unwrap();
            assert_eq!((rate.amount, rate.period.as_secs()), (amount, seconds));
            assert_eq!(rate.to_string(), text);
        }
        for text in [
            "",
            "/",
            "10",
            "10/",
            "/s",
            "10/ms",
            "10 / s",
            "-1/s",
            "+1/s",
            "1.5/s",
            "10/0s",
            "10/+1s",
            "10/S",
            "10/y",
            "5000000000/s",
            "1/5000000000d",
        ] {
            assert_eq!(WrittenRate::parse(text), None, "{text}");
        }
    }
}
