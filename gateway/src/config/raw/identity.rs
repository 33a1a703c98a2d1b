//! `identity`: how upstreams learn who asks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::span::Spanned;

/// How upstreams learn who asks.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Identity {
    /// Names of fields, each under what it says: `subject`, `tenant`, `consumer`, `issuer`, `scheme`, `scopes`, or
    /// `claim:` with a JSON pointer, as `"claim:/org/id": x-auth-org`. These fields are taken off every request, and set
    /// from the identity that a policy has established. Default: none.
    pub headers: BTreeMap<String, Spanned<String>>,
}
