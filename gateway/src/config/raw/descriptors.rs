//! `descriptors` of `witgate.yaml`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{super::span::Spanned, units::HumanDuration, value::OneOrMany};

/// A Protocol Buffers schema with all that it imports: exactly one of `set`, `proto` and `reflection`. Paths are
/// relative to `witgate.yaml`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Descriptors {
    /// A `google.protobuf.FileDescriptorSet`, as `protoc --include_imports --descriptor_set_out` writes it; watched.
    pub set: Option<Spanned<PathBuf>>,
    /// `.proto` files, compiled by the gateway; they and what they import are watched. `google/protobuf/*.proto`,
    /// `google/api/annotations.proto`, `http.proto`, `httpbody.proto` and `field_behavior.proto`, and
    /// `google/rpc/status.proto`, `code.proto` and `error_details.proto` need not be there.
    pub proto: Option<OneOrMany<Spanned<PathBuf>>>,
    /// Folders in which imports are looked for, in this order; only with `proto`. Default: the folders of the files.
    pub include: Option<OneOrMany<Spanned<PathBuf>>>,
    /// `http://HOST:PORT` or `https://HOST:PORT` of a gRPC server that answers server reflection
    /// (`grpc.reflection.v1` or `v1alpha`). While it cannot be reached, what it said last stays.
    pub reflection: Option<Spanned<String>>,
    /// Full names of the services to ask the server for, as `bookstore.v1.Bookstore`; only with `reflection`.
    /// Default: all that it names.
    pub services: Option<Vec<Spanned<String>>>,
    /// How often the server is asked again; only with `reflection`. At least `1s`. Default: `60s`.
    pub refresh: Option<Spanned<HumanDuration>>,
    /// The digest of the only content that is accepted: 64 hexadecimal digits, as `/descriptors` on the
    /// administration listener shows them.
    pub pin: Option<Spanned<String>>,
}

impl From<Spanned<String>> for Descriptors {
    /// What is meant follows from how it looks: a URL, the name of a `.proto` file, or that of another file.
    fn from(short: Spanned<String>) -> Self {
        let path = |short: Spanned<String>| Spanned {
            value: PathBuf::from(short.value),
            span: short.span,
            key: short.key,
        };
        if short.contains("://") {
            Self {
                reflection: Some(short),
                ..Self::default()
            }
        } else if short.ends_with(".proto") {
            Self {
                proto: Some(OneOrMany(vec![path(short)])),
                ..Self::default()
            }
        } else {
            Self {
                set: Some(path(short)),
                ..Self::default()
            }
        }
    }
}
