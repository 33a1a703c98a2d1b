//! What stands in the route file.

use witgate_plugin::{prelude::*, rules::RuleConfig};

/// Allows and denies requests by who asks, from where, and for what.
#[config]
pub(crate) struct Settings {
    /// The first that matches decides.
    #[schemars(length(min = 1))]
    pub(crate) rules: Vec<RuleSettings>,
    /// What becomes of requests that no rule matches. Default: `deny` if a rule allows something, else `allow`.
    #[serde(default)]
    pub(crate) otherwise: Option<Otherwise>,
    /// What `www-authenticate` says when nobody is known and somebody would be let in. Default: `Bearer`.
    #[serde(default = "bearer")]
    pub(crate) challenge: String,
}

fn bearer() -> String {
    String::from("Bearer")
}

/// What becomes of requests that no rule matches.
#[config]
#[derive(Clone, Copy)]
pub(crate) enum Otherwise {
    Allow,
    Deny,
}

/// One of `allow` and `deny`.
#[config]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct RuleSettings {
    /// Requests that meet all of this go on.
    #[serde(default)]
    pub(crate) allow: Option<ConditionSettings>,
    /// Requests that meet all of this are answered with 403.
    #[serde(default)]
    pub(crate) deny: Option<ConditionSettings>,
}

/// What a request must meet, all of it. Of a list one entry is enough, but for `scopes`.
#[config]
#[schemars(extend("minProperties" = 1))]
pub(crate) struct ConditionSettings {
    /// The client's address is in one of these ranges: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`. IPv4 addresses within
    /// IPv6 ones (`::ffff:192.0.2.7`) are the IPv4 addresses.
    #[serde(default)]
    pub(crate) from: Option<Vec<String>>,
    /// The request's method is one of these.
    #[serde(default)]
    pub(crate) methods: Option<Vec<String>>,
    /// The path is one of these, or lies below: `/admin` is also `/admin/users`, but not `/administration`.
    #[serde(default)]
    pub(crate) paths: Option<Vec<String>>,
    /// Whether it is known who asks.
    #[serde(default)]
    pub(crate) authenticated: Option<bool>,
    /// The identity's subject is one of these.
    #[serde(default)]
    pub(crate) subjects: Option<Vec<String>>,
    /// The identity's consumer is one of these.
    #[serde(default)]
    pub(crate) consumers: Option<Vec<String>>,
    /// The identity's tenant is one of these.
    #[serde(default)]
    pub(crate) tenants: Option<Vec<String>>,
    /// The identity's issuer is one of these.
    #[serde(default)]
    pub(crate) issuers: Option<Vec<String>>,
    /// The identity has all of these scopes.
    #[serde(default)]
    pub(crate) scopes: Option<Vec<String>>,
    /// The identity's claims are like this.
    #[serde(default)]
    pub(crate) claims: Option<RuleConfig>,
    /// The client's certificate is one of these: `spiffe://example.org/ns/*/sa/orders` with `*` for one segment and `**` at
    /// the end for all that follow, `dns:orders.example.com`, or `sha256:` and the digest of the certificate.
    #[serde(default)]
    pub(crate) peers: Option<Vec<String>>,
}
