//! What stands in the route file.

use witgate_plugin::{challenge::Realm, config, config::HumanDuration};

/// Admits requests with a user's name and password (RFC 7617).
#[config]
pub(crate) struct Settings {
    /// The name, under `files` of `witgate.yaml`, of the file of users: as `htpasswd -B` writes it, one `USER:HASH` a line.
    pub(crate) file: String,
    /// What clients are told about where they are; browsers show it. Default: `api`.
    #[serde(default)]
    pub(crate) realm: Realm,
    /// How long a password that was right is not checked again, at most `1h`. Default: `5m`; `0s` for every time.
    #[serde(default = "default_remember")]
    pub(crate) remember: HumanDuration,
    /// Whether the upstream gets the `authorization` field. Default: false.
    #[serde(default)]
    pub(crate) forward: bool,
    /// Whether a request without a name goes on, without an identity. A wrong password is refused all the same. Default:
    /// false.
    #[serde(default)]
    pub(crate) anonymous: bool,
}

const fn default_remember() -> HumanDuration {
    HumanDuration::from_secs(300)
}
