//! Percentages as people write them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};

/// A share of calls, `1%` to `100%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    percent: u8,
}

impl Share {
    pub(crate) fn as_percent(self) -> u8 {
        self.percent
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_suffix('%')?;
        let number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let percent = digits.parse().ok().filter(|_| number)?;
        (1..=100).contains(&percent).then_some(Self { percent })
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom("this is no share of calls; write `1%` to `100%`, as `60%`")
        })
    }
}

impl JsonSchema for Share {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(100|[1-9][0-9]?)%$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_a_sign() {
        assert_eq!(Share::parse("60%"), Some(Share { percent: 60 }));
        assert_eq!(Share::parse("100%"), Some(Share { percent: 100 }));
        for wrong in ["", "%", "60", "0%", "101%", "+6%", "6.5%", "60 %", "-1%"] {
            assert_eq!(Share::parse(wrong), None, "{wrong}");
        }
    }
}
