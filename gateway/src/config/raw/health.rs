//! Checking whether a service's endpoints are well.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    super::span::{Span, Spanned},
    units::HumanDuration,
    value::ShortOr,
};

/// How the endpoints are checked; those that are not well get no request. Exactly one of `grpc` and `http`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Health {
    /// By the gRPC health protocol (`grpc.health.v1`): the name of a service, or `{}` for the server as a whole.
    pub grpc: Option<Spanned<ShortOr<GrpcHealth>>>,
    /// By a GET of this path, which is to be answered with 2xx.
    pub http: Option<Spanned<String>>,
    /// Between two checks of an endpoint. Default: `5s`.
    pub interval: Spanned<HumanDuration>,
    /// How long a check may take. Default: `1s`.
    pub timeout: Spanned<HumanDuration>,
    /// So many checks in a row must succeed for an endpoint to be well again. The first check of all decides alone.
    /// Default: 2.
    pub healthy: Spanned<u16>,
    /// So many checks in a row must fail for an endpoint to be unwell. Default: 3.
    pub unhealthy: Spanned<u16>,
    /// When no endpoint is well: `true` sends requests to all of them, `false` answers 503. Default: false.
    pub fail_open: bool,
}

impl Default for Health {
    fn default() -> Self {
        fn unwritten<T>(value: T) -> Spanned<T> {
            Spanned::new(value, Span::default())
        }
        Self {
            grpc: None,
            http: None,
            interval: unwritten(HumanDuration::from_secs(5)),
            timeout: unwritten(HumanDuration::from_secs(1)),
            healthy: unwritten(2),
            unhealthy: unwritten(3),
            fail_open: false,
        }
    }
}

/// What a gRPC health check asks for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct GrpcHealth {
    /// As the server knows it, `bookstore.v1.Bookstore`. Default: the server as a whole.
    pub service: String,
}

impl From<Spanned<String>> for GrpcHealth {
    fn from(service: Spanned<String>) -> Self {
        Self {
            service: service.value,
        }
    }
}
