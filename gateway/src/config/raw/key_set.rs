//! `key-sets` of `witgate.yaml`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{super::span::Spanned, units::HumanDuration};

/// A set of public keys (RFC 7517): exactly one of `issuer`, `url` and `file`. Of a set at most 1 MiB and 128 keys are
/// taken; what was fetched last stays in use while a newer one cannot be had.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeySet {
    /// An issuer of tokens, to the last slash as they name it in `iss`. It is asked for its `jwks_uri` at
    /// `/.well-known/openid-configuration` (OpenID Connect Discovery 1.0), or at
    /// `/.well-known/oauth-authorization-server` (RFC 8414), and must call itself exactly so. An https URL, or an http one
    /// of this machine itself.
    #[serde(default)]
    pub issuer: Option<Spanned<String>>,
    /// A JWK set (RFC 7517) served over HTTP. Redirects are not followed.
    #[serde(default)]
    pub url: Option<Spanned<String>>,
    /// A JWK set in a file, relative to `witgate.yaml`; watched.
    #[serde(default)]
    pub file: Option<Spanned<PathBuf>>,
    /// How often an issuer or a URL is asked again; sooner if it says so in `cache-control`. At least `10s`. Default:
    /// `10m`.
    #[serde(default)]
    pub refresh: Option<HumanDuration>,
    /// The least time between two fetches that a missing key asks for. At least `1s`. Default: `30s`.
    #[serde(default)]
    pub cool_down: Option<HumanDuration>,
}
