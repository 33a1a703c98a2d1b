//! `secrets` of `witgate.yaml`.

use std::{borrow::Cow, path::PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{super::span::Spanned, value::OneOrMany};

/// The versions of one secret that are right, the newest first.
#[derive(Debug)]
pub struct Secret(pub Vec<Spanned<SecretSource>>);

/// Where one version of a secret stands.
#[derive(Debug)]
pub enum SecretSource {
    Elsewhere(SecretPlace),
    /// In the file itself, where it must not be. What it is, nobody needs to know.
    Written,
}

/// Where one version of a secret stands: exactly one of `file` and `env`. 1 byte to 64 KiB; at least 16 bytes for what a
/// plugin opens. A secret that cannot be read refuses the start; on a reload what was there before stays in use, and that
/// is reported.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SecretPlace {
    /// A file that holds nothing else, relative to `witgate.yaml`; the end of its last line does not belong to it. It is
    /// watched, and new content is in use without a restart.
    #[serde(default)]
    pub file: Option<Spanned<PathBuf>>,
    /// The name of an environment variable of the gateway's process.
    #[serde(default)]
    pub env: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        OneOrMany::deserialize(deserializer).map(|all| Self(all.0))
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "$shape")]
        enum Shape {
            #[serde(rename = "scalar")]
            Written(IgnoredAny),
            #[serde(rename = "other")]
            Elsewhere(SecretPlace),
        }
        Ok(match Shape::deserialize(deserializer)? {
            Shape::Written(_) => Self::Written,
            Shape::Elsewhere(place) => Self::Elsewhere(place),
        })
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let place = generator.subschema_for::<SecretPlace>();
        json_schema!({
            "description": "Where a secret stands; a list while it is rotated, the newest version first, at most 8. \
                The newest makes what is new, each is right for what is there.",
            "anyOf": [place, { "type": "array", "items": place }],
        })
    }
}
