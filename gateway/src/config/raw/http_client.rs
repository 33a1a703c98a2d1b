//! `http-clients` of `witgate.yaml`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    super::span::Spanned,
    units::{ByteSize, HumanDuration},
};

/// A server that plugins may send requests to. Certificates are judged by the system's authorities, or those in
/// `SSL_CERT_FILE`. Redirects are not followed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpClient {
    /// `http` or `https`, the server, and the path above which no request goes, as in
    /// `https://login.example.com/realms/shop`.
    pub url: Spanned<String>,
    /// From the first packet to the last byte of the answer. Default: `5s`.
    #[serde(default)]
    pub timeout: Option<HumanDuration>,
    /// Bytes of an answer's body, 1 to 8 MiB. Default: `64KiB`. A longer one is an error for the plugin, and read no further.
    #[serde(default)]
    pub max_response: Option<ByteSize>,
    /// Requests under way at once, over all workers, 1 to 1024. Default: 64. Beyond: an error for the plugin, at once.
    #[serde(default)]
    pub max_in_flight: Option<u32>,
    /// How the gateway proves to the server who it is. Plugins never see it, and what they send in its place is replaced.
    #[serde(default)]
    pub authorization: Option<Spanned<Authorization>>,
}

/// How the gateway proves to a server who it is: exactly one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Authorization {
    /// User and password (RFC 7617).
    #[serde(default)]
    pub basic: Option<Basic>,
    /// An OAuth 2.0 client (RFC 6749 section 2.3.1).
    #[serde(default)]
    pub client_credentials: Option<ClientCredentials>,
    /// The name of a secret that is a bearer token (RFC 6750).
    #[serde(default)]
    pub bearer: Option<Spanned<String>>,
}

/// User and password (RFC 7617).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Basic {
    /// Without a colon.
    pub user: Spanned<String>,
    /// The name of a secret.
    pub password: Spanned<String>,
}

/// An OAuth 2.0 client (RFC 6749 section 2.3.1).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClientCredentials {
    /// The client's identifier.
    pub id: Spanned<String>,
    /// The name of a secret.
    pub secret: Spanned<String>,
    /// Default: `header`.
    #[serde(default)]
    pub send: SendCredentials,
}

/// Where a client's credentials are sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum SendCredentials {
    /// In `authorization`, as HTTP Basic.
    #[default]
    Header,
    /// In the form that is the request's body, for servers that do not take the other.
    Body,
}
