//! Sending a request again.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{super::span::Spanned, units::HumanDuration, value::OneOrMany};

/// When a request is sent again, to another endpoint if there is one. Never once a response is on its way to the
/// client, nor after the deadline, nor when more than 64 KiB of the request's body have been sent.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Retry {
    /// How often a request may be sent again, 1 to 10. Default: 2.
    pub attempts: Option<Spanned<u8>>,
    /// After what. Default: `connect-failure` and `refused-stream`, after which the upstream has not seen the request.
    pub on: Option<OneOrMany<Spanned<RetryOn>>>,
    /// `reset` and `gateway-error` hold for methods that are not idempotent too (POST, PATCH). Default: false.
    pub non_idempotent: bool,
    /// Before an endpoint is asked that was asked already; it doubles each time, up to ten times this. Default: `25ms`.
    pub backoff: Option<HumanDuration>,
    /// How many retries there may be for a hundred requests to the upstream, 1 to 100; three in ten seconds are always
    /// allowed. Per worker. Default: 20.
    pub budget: Option<Spanned<u8>>,
}

/// After what a request is sent again.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum RetryOn {
    /// No connection came about.
    ConnectFailure,
    /// The upstream says that it has not looked at the request: REFUSED_STREAM, or GOAWAY with an earlier stream.
    RefusedStream,
    /// The upstream broke off before its response began. Only for idempotent methods.
    Reset,
    /// The upstream answered 502, 503 or 504. Only for idempotent methods.
    GatewayError,
    /// A gRPC call ended with UNAVAILABLE before any message.
    Unavailable,
    /// A gRPC call ended with RESOURCE_EXHAUSTED before any message.
    ResourceExhausted,
    /// A gRPC call ended with ABORTED before any message.
    Aborted,
}
