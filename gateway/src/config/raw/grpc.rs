//! Matching gRPC calls.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::span::Spanned;

/// Calls of one service, of one method, or of both. A string alone is `SERVICE` or `SERVICE/METHOD`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct GrpcMatch {
    /// With its package: `bookstore.v1.Bookstore`. Default: any service.
    pub service: Option<Spanned<String>>,
    /// `GetBook`. Default: any method.
    pub method: Option<Spanned<String>>,
}
