//! What pages of other origins may do.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{super::span::Spanned, units::HumanDuration, value::OneOrMany};

/// Which pages of other origins may use the route from a browser (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
/// Preflight requests are answered here, before any plugin; what the upstream says about CORS is replaced.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cors {
    /// `https://app.example.com`, `https://*.example.com` for any name below it, or `*` for every page there is.
    pub allow_origins: OneOrMany<Spanned<String>>,
    /// Methods, or `*` for any. Default: `GET`, `HEAD`, `POST`.
    #[serde(default)]
    pub allow_methods: Option<OneOrMany<Spanned<String>>>,
    /// Request fields, or `*` for any. Default: `content-type` and those of gRPC-Web (`grpc-timeout`, `x-grpc-web`,
    /// `x-user-agent`).
    #[serde(default)]
    pub allow_headers: Option<OneOrMany<Spanned<String>>>,
    /// Response fields that pages may read, or `*` for any. Those with the status of a gRPC call always are.
    #[serde(default)]
    pub expose_headers: OneOrMany<Spanned<String>>,
    /// Requests may carry cookies and other credentials; not with `*` under `allow-origins`. Default: false.
    #[serde(default)]
    pub allow_credentials: Option<Spanned<bool>>,
    /// How long a browser may remember the answer to a preflight request, in whole seconds. Default: the browser's
    /// choice, which is 5 s.
    #[serde(default)]
    pub max_age: Option<Spanned<HumanDuration>>,
}
