//! What stands in the route file.

use witgate_plugin::{challenge::Realm, config, credential::From};

/// Admits requests that carry a known API key.
#[config]
pub(crate) struct Settings {
    /// The name, under `files` of `witgate.yaml`, of the file that lists the keys.
    pub(crate) file: String,
    /// The name, under `secrets` of `witgate.yaml`, of the secret under which digests `hmac-sha256:…` are made. Default:
    /// none, and the file has no such digests.
    #[serde(default)]
    pub(crate) secret: Option<String>,
    /// Where the key is. Default: `{ header: x-api-key }`.
    #[serde(default)]
    pub(crate) from: From,
    /// Whether the upstream gets the key. Default: false.
    #[serde(default)]
    pub(crate) forward: bool,
    /// Scopes that the key must have, all of them; else the answer is 403. Default: none.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    /// Whether a request without a key goes on, without an identity. A key that is not valid is refused all the same.
    /// Default: false.
    #[serde(default)]
    pub(crate) anonymous: bool,
    /// What clients are told about where they are. Default: `api`.
    #[serde(default)]
    pub(crate) realm: Realm,
}
