//! What stands in the route file. What is made of it: [`prepare`](crate::prepare).

use std::collections::BTreeMap;

use witgate_plugin::{
    challenge::Realm,
    config,
    config::{HumanDuration, OneOrMany},
    credential::From,
    rules::RuleConfig,
};

use crate::scopes::Scopes;

/// Admits requests that carry a valid JSON Web Token (RFC 7519, RFC 6750).
#[config]
pub(crate) struct Settings {
    /// The key set of `witgate.yaml` whose keys sign the tokens: this, or `issuers`.
    #[serde(default)]
    pub(crate) keys: Option<String>,
    /// Who may have issued the token (`iss`): one, or a list. Default: the issuer of the key set if it was declared by
    /// one, else anybody with one of the keys.
    #[serde(default)]
    pub(crate) issuer: OneOrMany,
    /// Several issuers with keys of their own: the token's `iss` chooses. What an issuer does not say of `audience`,
    /// `algorithms`, `leeway`, `required-claims`, `type`, `identity` and `claims-to-headers` is as the route says.
    #[serde(default)]
    pub(crate) issuers: Vec<IssuerSettings>,
    /// For whom the token may be (`aud`): one, or a list. Without it, a token that names an audience is refused
    /// (RFC 7519 section 4.1.3).
    #[serde(default)]
    pub(crate) audience: OneOrMany,
    /// Accepted signature algorithms. Default: RS*, PS*, ES* and EdDSA, as the key allows; the HS* ones only when
    /// they are written here.
    #[serde(default)]
    pub(crate) algorithms: Vec<String>,
    /// How far the issuer's clock may be off, for `exp`, `nbf` and `iat`. Default: `60s`, at most `10m`.
    #[serde(default = "default_leeway")]
    pub(crate) leeway: HumanDuration,
    /// Claims that must be there. Default: `[exp]`.
    #[serde(default = "default_required_claims")]
    pub(crate) required_claims: Vec<String>,
    /// What kinds of tokens are accepted (`typ` of the header), one or a list: `at+jwt` for access tokens by RFC 9068.
    /// Default: any, also none.
    #[serde(default, rename = "type")]
    pub(crate) kinds: OneOrMany,
    /// Scopes that the token must have, in `scope` or `scp`; else the answer is 403. A list means all of them;
    /// `{ any: [a, b] }` one of them. Default: none.
    #[serde(default)]
    pub(crate) scopes: Scopes,
    /// Rules that the claims must keep to, all of them; else the answer is 403. Default: none.
    #[serde(default)]
    pub(crate) require: Vec<RuleConfig>,
    /// Whether a request without a token goes on, without an identity. A token that is not valid is refused all the
    /// same. Default: false.
    #[serde(default)]
    pub(crate) anonymous: bool,
    /// Which claims say who asks.
    #[serde(default)]
    pub(crate) identity: IdentitySettings,
    /// Claims that the upstream gets as header fields: `CLAIM: FIELD`. A claim within another is written as a JSON
    /// pointer: `/realm_access/roles`. What the client sends in these fields never passes.
    #[serde(default)]
    pub(crate) claims_to_headers: BTreeMap<String, String>,
    /// Where the token is. Default: `{ header: authorization, scheme: Bearer }`.
    #[serde(default)]
    pub(crate) from: From,
    /// Whether the upstream gets the token. Default: true.
    #[serde(default = "default_forward")]
    pub(crate) forward: bool,
    /// The realm that clients are told. Default: `api`.
    #[serde(default)]
    pub(crate) realm: Realm,
    /// How many verified tokens each worker remembers; 0 for none. Default: 1000, at most 10000.
    #[serde(default = "default_cache")]
    pub(crate) cache: u16,
}

/// One of several issuers.
#[config]
pub(crate) struct IssuerSettings {
    /// The key set of `witgate.yaml` whose keys sign its tokens.
    pub(crate) keys: String,
    /// The `iss` of its tokens. Default: the issuer of the key set, if that was declared by one.
    #[serde(default)]
    pub(crate) issuer: Option<String>,
    /// As that of the route.
    #[serde(default)]
    pub(crate) audience: Option<OneOrMany>,
    /// As those of the route.
    #[serde(default)]
    pub(crate) algorithms: Option<Vec<String>>,
    /// As that of the route.
    #[serde(default)]
    pub(crate) leeway: Option<HumanDuration>,
    /// As those of the route.
    #[serde(default)]
    pub(crate) required_claims: Option<Vec<String>>,
    /// As that of the route.
    #[serde(default, rename = "type")]
    pub(crate) kinds: Option<OneOrMany>,
    /// Rules for tokens of this issuer, besides those of the route.
    #[serde(default)]
    pub(crate) require: Vec<RuleConfig>,
    /// As that of the route.
    #[serde(default)]
    pub(crate) identity: Option<IdentitySettings>,
    /// In the place of those of the route. The fields of both never pass as the client sent them.
    #[serde(default)]
    pub(crate) claims_to_headers: Option<BTreeMap<String, String>>,
}

/// Which claims say who asks, each by its name or by a JSON pointer. A claim is a text, a number or a boolean.
#[config]
#[derive(Clone, Default)]
#[serde(default)]
pub(crate) struct IdentitySettings {
    /// Default: `sub`.
    pub(crate) subject: Option<String>,
    /// Default: none.
    pub(crate) tenant: Option<String>,
    /// The client application. Default: `client_id` (RFC 9068 section 2.2), and where that is missing `azp`.
    pub(crate) consumer: Option<String>,
}

fn default_leeway() -> HumanDuration {
    HumanDuration::from_secs(60)
}

fn default_required_claims() -> Vec<String> {
    vec![String::from("exp")]
}

fn default_forward() -> bool {
    true
}

fn default_cache() -> u16 {
    1000
}
