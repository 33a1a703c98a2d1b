//! How responses are printed: messages, streams, errors.

use std::collections::BTreeMap;

use witgate_plugin::{config, config::HumanDuration};

/// How messages are printed (ProtoJSON).
#[config]
#[derive(Default)]
#[serde(default)]
pub(crate) struct PrintSettings {
    /// Whether fields are printed that have their default value. Default: `omit`.
    pub(crate) defaults: Defaults,
    /// Which names of fields are printed. Default: `json`.
    pub(crate) names: FieldNames,
    /// How enum values are printed. Default: `name`.
    pub(crate) enums: EnumStyle,
    /// How 64-bit integers are printed. Default: `string`.
    pub(crate) int64: Int64,
    /// Whether lines are broken and indented. Default: false. Never within NDJSON and SSE.
    pub(crate) whitespace: bool,
}

/// Whether fields are printed that have their default value.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Defaults {
    /// No.
    #[default]
    Omit,
    /// Scalars, enums, lists and maps; but no message, and no optional field that is not set.
    Print,
}

/// Which names of fields are printed.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FieldNames {
    /// `firstName`.
    #[default]
    Json,
    /// `first_name`.
    Proto,
}

/// How enum values are printed.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum EnumStyle {
    /// `"RED"`; a value without a name as its number.
    #[default]
    Name,
    /// `1`.
    Number,
}

/// How 64-bit integers are printed.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Int64 {
    /// `"42"`, as ProtoJSON says.
    #[default]
    String,
    /// `42`. JavaScript reads what is beyond 2^53 wrongly.
    Number,
    /// `42` up to 2^53 - 1, else a string.
    NumberIfSafe,
}

/// How streams are printed and read.
#[config]
#[serde(default)]
pub(crate) struct StreamSettings {
    /// The format if `accept` names none of them. Default: `array`.
    pub(crate) format: StreamFormat,
    /// Default: `plain`.
    pub(crate) dialect: StreamDialect,
    /// Whether path, query and header fields are bound in every message of a client's stream. Default: false, only
    /// in the first.
    pub(crate) bind_every: bool,
    /// Server-sent events.
    pub(crate) sse: SseSettings,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            format: StreamFormat::Array,
            dialect: StreamDialect::Plain,
            bind_every: false,
            sse: SseSettings::default(),
        }
    }
}

/// The media type of a stream of messages.
#[config]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamFormat {
    /// One JSON array, `application/json`.
    Array,
    /// One message a line, `application/x-ndjson`.
    Ndjson,
    /// Server-sent events, `text/event-stream`.
    Sse,
}

/// What stands around each message of a stream.
#[config]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamDialect {
    /// Nothing.
    Plain,
    /// `{"result": MESSAGE}` and `{"error": STATUS}`, a line each, in any format.
    GrpcGateway,
}

/// Server-sent events (WHATWG HTML section 9.2).
#[config]
#[serde(default)]
pub(crate) struct SseSettings {
    /// The field of the message that becomes the event's `id`. Default: no ids.
    pub(crate) id: Option<String>,
    /// The field of the message that becomes the event's name, or `=NAME` for the same name for all.
    /// Default: no name.
    pub(crate) event: Option<String>,
    /// After how long the client should come again; sent first. Default: not said.
    pub(crate) retry: Option<HumanDuration>,
    /// Whether the head goes out before the first message, and a comment opens the stream. An error before the first
    /// message is then an event rather than a status, unless the service sends nothing else. Default: false.
    pub(crate) opening_comment: bool,
    /// After how long a silence a comment is sent, so that nobody on the way takes the connection for dead. Default:
    /// `15s`; `0s` for never, else at least `100ms`.
    pub(crate) keep_alive: HumanDuration,
}

impl Default for SseSettings {
    fn default() -> Self {
        Self {
            id: None,
            event: None,
            retry: None,
            opening_comment: false,
            keep_alive: HumanDuration::from_secs(15),
        }
    }
}

/// How errors are told.
#[config]
#[serde(default)]
pub(crate) struct ErrorSettings {
    /// The format if `accept` asks for none. Default: `status`.
    pub(crate) format: ErrorFormat,
    /// Other HTTP statuses than those of google/rpc/code.proto: `{ NOT_FOUND: 410 }`. From 400 to 599.
    pub(crate) statuses: BTreeMap<String, u16>,
    /// Whether the client sees details (google.rpc.Status.details). Default: true.
    pub(crate) details: bool,
    /// `www-authenticate` of a 401, if the service gives none in google.rpc.ErrorInfo. Default: `Bearer`.
    pub(crate) challenge: Option<String>,
}

impl Default for ErrorSettings {
    fn default() -> Self {
        Self {
            format: ErrorFormat::Status,
            statuses: BTreeMap::new(),
            details: true,
            challenge: None,
        }
    }
}

/// The format of errors.
#[config]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorFormat {
    /// google.rpc.Status, `application/json`.
    Status,
    /// RFC 9457, `application/problem+json`.
    Problem,
}
