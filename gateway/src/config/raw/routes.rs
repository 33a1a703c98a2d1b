//! `routes.d/*.yaml`: what belongs to the teams whose services stand behind the gateway.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    super::span::Spanned,
    cors::Cors,
    grpc::GrpcMatch,
    health::Health,
    plugin::PluginUse,
    rate_limit::RateLimit,
    retry::Retry,
    units::{ByteSize, HumanDuration},
    value::{OneOrMany, ShortOr},
};

/// One file of `routes.d`. Names are shared by all files of the folder.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RouteFile {
    /// The services that routes forward to, by name. A URL alone will do: `orders: http://127.0.0.1:9001`.
    pub upstreams: BTreeMap<String, Spanned<ShortOr<Upstream>>>,
    /// In any order: which one answers is decided by how specific their matches are.
    pub routes: Vec<Spanned<Route>>,
    /// Requests with the route that must answer them; tried before the file goes live.
    pub tests: Vec<Spanned<RouteTest>>,
}

/// A service: one or more endpoints that are equals.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Upstream {
    /// `http://HOST:PORT` or `https://HOST:PORT`, all with the same scheme. Requests go round robin.
    pub endpoints: Vec<Spanned<String>>,
    /// Default: `http1` for `http:`, what the server chooses (ALPN) for `https:`.
    #[serde(default)]
    pub protocol: Option<Spanned<UpstreamProtocol>>,
    /// How the server is recognised; only with `https:`.
    #[serde(default)]
    pub tls: Option<Spanned<UpstreamTls>>,
    /// Overrides `timeouts.connect` of `witgate.yaml`.
    #[serde(default)]
    pub connect_timeout: Option<HumanDuration>,
    /// Default: no checks, every endpoint counts as well.
    #[serde(default)]
    pub health: Option<Spanned<Health>>,
}

impl From<Spanned<String>> for Upstream {
    fn from(endpoint: Spanned<String>) -> Self {
        Self {
            endpoints: vec![endpoint],
            protocol: None,
            tls: None,
            connect_timeout: None,
            health: None,
        }
    }
}

/// The version of HTTP that an upstream is spoken to in.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamProtocol {
    /// HTTP/1.1
    Http1,
    /// HTTP/2; in cleartext with prior knowledge (h2c). What gRPC needs.
    Http2,
}

/// How an `https:` upstream is recognised.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct UpstreamTls {
    /// Certificate authorities to trust, a PEM file relative to `witgate.yaml`. Default: the system's.
    pub authorities: Option<Spanned<PathBuf>>,
    /// The name that the certificate must have. Default: the endpoint's host.
    pub server_name: Option<Spanned<String>>,
}

/// One route. Exactly one of `to`, `redirect` and `respond` says what it does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Route {
    /// Unique in the folder; it stands in logs, metrics and errors.
    pub name: Spanned<String>,
    /// Which requests; of several matches, one is enough. Without it: all requests.
    #[serde(default, rename = "match")]
    pub matches: Spanned<OneOrMany<Spanned<Match>>>,
    /// The policies that requests pass, in this order: each `NAME` or `NAME: CONFIGURATION`.
    #[serde(default)]
    pub plugins: Vec<Spanned<PluginUse>>,
    /// How many requests may pass: names of limits of `witgate.yaml`, `{ name: NAME, cost: N }`, or limits of the route's own.
    #[serde(default)]
    pub rate_limits: Vec<Spanned<ShortOr<RateLimit>>>,
    /// Forward to this upstream.
    #[serde(default)]
    pub to: Option<Spanned<String>>,
    /// Answer with a redirect.
    #[serde(default)]
    pub redirect: Option<Spanned<Redirect>>,
    /// Answer with this.
    #[serde(default)]
    pub respond: Option<Spanned<Respond>>,
    /// What the upstream sees in place of the client's host and path; only with `to`.
    #[serde(default)]
    pub rewrite: Option<Spanned<Rewrite>>,
    /// Edits of header fields.
    #[serde(default)]
    pub headers: HeaderEdits,
    /// Which pages of other origins may use the route. Default: the upstream's affair.
    #[serde(default)]
    pub cors: Option<Spanned<Cors>>,
    /// When a request is sent again; only with `to`. Default: when it certainly never left the gateway, and without
    /// a body also when the upstream refused to look at it.
    #[serde(default)]
    pub retry: Option<Spanned<Retry>>,
    /// Overrides of `timeouts` in `witgate.yaml`.
    #[serde(default)]
    pub timeouts: RouteTimeouts,
    /// Overrides of `limits` in `witgate.yaml`.
    #[serde(default)]
    pub limits: RouteLimits,
}

/// All of what is written must hold. At most one of `path`, `prefix`, `regex` and `grpc`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Match {
    /// `api.example.com`, or `*.example.com` for any name below it. Default: any host.
    pub host: Option<OneOrMany<Spanned<String>>>,
    /// The whole path: `/orders`, with variables for one segment `/orders/{id}` or for all that remain
    /// `/files/{rest...}`.
    pub path: Option<Spanned<String>>,
    /// The first segments of the path: `/orders` matches `/orders` and `/orders/7`, not `/orders-old`.
    pub prefix: Option<Spanned<String>>,
    /// A regular expression (RE2 syntax) that the whole path must match.
    pub regex: Option<Spanned<String>>,
    /// gRPC calls of a service or method: `bookstore.v1.Bookstore`, `bookstore.v1.Bookstore/GetBook`, or a mapping. As
    /// `path: /SERVICE/{method}` with `method: POST`.
    pub grpc: Option<Spanned<ShortOr<GrpcMatch>>>,
    /// Default: any method.
    pub method: Option<OneOrMany<Spanned<String>>>,
    /// Fields that the request must have: `NAME: VALUE` or `NAME: { regex: … }` or `NAME: { present: true }`.
    pub headers: BTreeMap<String, Spanned<ShortOr<ValueMatch>>>,
    /// Parameters that the query must have, in the same forms; compared after percent-decoding.
    pub query: BTreeMap<String, Spanned<ShortOr<ValueMatch>>>,
}

/// A condition on one value. Exactly one of these.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ValueMatch {
    /// The value itself.
    pub exact: Option<Spanned<String>>,
    /// A regular expression (RE2 syntax) that the whole value must match.
    pub regex: Option<Spanned<String>>,
    /// `true`: it is there, whatever its value; `false`: it is not there.
    pub present: Option<bool>,
}

impl From<Spanned<String>> for ValueMatch {
    fn from(exact: Spanned<String>) -> Self {
        Self {
            exact: Some(exact),
            ..Self::default()
        }
    }
}

/// Answer with a redirect. What is not written stays as the client sent it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Redirect {
    /// `http` or `https`.
    pub scheme: Option<Spanned<String>>,
    /// Host, with a port if it needs one.
    pub host: Option<Spanned<String>>,
    /// The new path, with the match's variables: `/v2/orders/{id}`. The query stays.
    pub path: Option<Spanned<String>>,
    /// What the matched `prefix` becomes.
    pub prefix: Option<Spanned<String>>,
    /// 301, 302, 303, 307 or 308. Default: 302.
    pub status: Option<Spanned<u16>>,
}

/// Answer with a fixed response.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Respond {
    /// 200 to 599. Default: 200.
    pub status: Option<Spanned<u16>>,
    /// As it is sent; `content-type` is `text/plain; charset=utf-8` unless `headers` says otherwise.
    pub body: Option<String>,
    /// Fields of the response.
    pub headers: BTreeMap<String, Spanned<String>>,
}

/// What the upstream sees in place of the client's. At most one of `path` and `prefix`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Rewrite {
    /// Host, with a port if it needs one. Default: the client's.
    pub host: Option<Spanned<String>>,
    /// The new path, with the match's variables: `/v2/orders/{id}`. The query stays.
    pub path: Option<Spanned<String>>,
    /// What the matched `prefix` becomes.
    pub prefix: Option<Spanned<String>>,
}

/// Edits of header fields.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct HeaderEdits {
    /// Of the request, before the upstream sees it; only with `to`.
    pub request: HeaderEdit,
    /// Of the response, before the client sees it.
    pub response: HeaderEdit,
}

/// Carried out in this order: `remove`, `set`, `add`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct HeaderEdit {
    /// Fields that go, with all their values.
    pub remove: Vec<Spanned<String>>,
    /// Fields that have this value afterwards, and no other.
    pub set: BTreeMap<String, Spanned<String>>,
    /// Values that come beside those that are there.
    pub add: BTreeMap<String, Spanned<String>>,
}

/// Overrides of `timeouts` in `witgate.yaml`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RouteTimeouts {
    /// From the request's head until the response's head.
    pub request: Option<HumanDuration>,
    /// A body or upgraded stream without a byte.
    pub idle: Option<HumanDuration>,
}

/// Overrides of `limits` in `witgate.yaml`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RouteLimits {
    /// Bytes of a request's body. Beyond: 413.
    pub body: Option<ByteSize>,
}

/// A request, and the route that must answer it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RouteTest {
    /// `METHOD URL`, as `GET http://api.example.com/orders/7`.
    pub request: Spanned<String>,
    /// Header fields of that request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The name of the route; `none` when no route may answer.
    pub route: Spanned<String>,
}
