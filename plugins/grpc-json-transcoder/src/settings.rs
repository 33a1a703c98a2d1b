//! What stands in the route file.

mod check;
mod request;
mod response;
mod rule;
mod size;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use witgate_plugin::config;

pub(crate) use request::{
    Accept, BodySettings, Conflict, EscapedReserved, Limits, MalformedEscapes, PathSettings,
    QuerySettings, TrailingSlash, UnknownFields, UnknownParameters, UnknownPath, UnregisteredVerb,
};
pub(crate) use response::{
    Defaults, EnumStyle, ErrorFormat, ErrorSettings, FieldNames, Int64, PrintSettings, SseSettings,
    StreamDialect, StreamFormat, StreamSettings,
};
pub(crate) use rule::Rule;
pub(crate) use size::ByteSize;

/// Serves gRPC services as REST and JSON APIs, by their google.api.http rules.
#[config]
pub(crate) struct Settings {
    /// The descriptors of `witgate.yaml` that declare the services.
    pub(crate) descriptors: String,
    /// Services by their full names: `bookstore.v1.Bookstore`. Default: all that the descriptors declare.
    #[serde(default)]
    pub(crate) services: Vec<String>,
    /// Rules beside those in the .proto files. What names a method here replaces all rules that the .proto gives it.
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
    /// Whether a method without any rule gets `POST /package.Service/Method` with the whole message as body.
    /// Default: false.
    #[serde(default)]
    pub(crate) auto_rules: bool,
    /// How paths are matched and decoded.
    #[serde(default)]
    pub(crate) path: PathSettings,
    /// How the query is bound to fields.
    #[serde(default)]
    pub(crate) query: QuerySettings,
    /// How the request's body is read.
    #[serde(default)]
    pub(crate) body: BodySettings,
    /// Header fields that are bound to fields of the message: `FIELD-NAME: path.of.field`. They yield to the path
    /// and to the query, and win over the body. What they bind is no metadata any more.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// How messages are printed.
    #[serde(default)]
    pub(crate) print: PrintSettings,
    /// How streams are printed and read.
    #[serde(default)]
    pub(crate) streams: StreamSettings,
    /// How errors are told.
    #[serde(default)]
    pub(crate) errors: ErrorSettings,
    /// What passes between header fields and gRPC metadata.
    #[serde(default)]
    pub(crate) metadata: MetadataSettings,
    /// Bounds of what one request may cost.
    #[serde(default)]
    pub(crate) limits: Limits,
}

/// What passes between header fields and gRPC metadata, each way.
#[config]
#[serde(default)]
pub(crate) struct MetadataSettings {
    /// Header fields of the request that become metadata of the call.
    pub(crate) request: Passage,
    /// Metadata of the answer, trailers included, that become header fields of the response.
    pub(crate) response: Passage,
    /// Whether the metadata `x-http-code` of the service sets the HTTP status of a good answer. Default: true.
    pub(crate) http_code: bool,
}

impl Default for MetadataSettings {
    fn default() -> Self {
        Self {
            request: Passage::default(),
            response: Passage::default(),
            http_code: true,
        }
    }
}

/// Which names pass, and under which name.
#[config]
#[derive(Default)]
#[serde(default)]
pub(crate) struct Passage {
    /// Only these names pass, if there are any. A `*` at the end stands for any rest. Default: all.
    pub(crate) allow: Vec<String>,
    /// These never pass, even if they are allowed.
    pub(crate) deny: Vec<String>,
    /// `OLD: new` names; for what passes.
    pub(crate) rename: BTreeMap<String, String>,
}
