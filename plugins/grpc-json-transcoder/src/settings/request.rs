//! How requests are read: path, query, body, and their bounds.

use witgate_plugin::config;

use super::ByteSize;

/// How paths are matched and decoded.
#[config]
#[derive(Default)]
#[serde(default)]
pub(crate) struct PathSettings {
    /// Which escapes stay as they are in variables of several segments (`{v=**}`, `{v=a/*}`).
    /// Default: `slash`, as http.proto says today.
    pub(crate) keep_escaped: EscapedReserved,
    /// What `:text` at the end of a path is when no rule has that verb. Default: `data`.
    pub(crate) unregistered_verb: UnregisteredVerb,
    /// What a `/` at the end does that the template does not have. Default: `exact`.
    pub(crate) trailing_slash: TrailingSlash,
    /// What becomes of a path that no rule matches. Default: `refuse`, with 404.
    pub(crate) unknown: UnknownPath,
    /// What becomes of `%zz`, and of bytes that are no UTF-8. Default: `refuse`, with 400.
    pub(crate) malformed_escapes: MalformedEscapes,
    /// Whether a variable may hold a segment `.` or `..` after decoding. Default: `accept`.
    pub(crate) dot_segments: Accept,
    /// Whether a variable of one segment may hold `%2F`. Default: `accept`.
    pub(crate) encoded_slash: Accept,
}

/// Which escapes stay as they are in variables of several segments.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum EscapedReserved {
    /// Only `%2F`; the text of http.proto since 2019.
    #[default]
    Slash,
    /// Those of all reserved characters of RFC 3986; the older text.
    Reserved,
    /// None: all are decoded.
    None,
}

/// What `:text` at the end of a path is when no rule has that verb.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UnregisteredVerb {
    /// Part of the last segment.
    #[default]
    Data,
    /// A verb that nobody knows: the path matches no rule.
    Refuse,
}

/// What a `/` at the end of the path does that the template does not have.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TrailingSlash {
    /// The path does not match.
    #[default]
    Exact,
    /// The path matches as if it were not there.
    Tolerate,
    /// The client is sent to the path without it, with 308.
    Redirect,
}

/// What becomes of a path that no rule matches.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UnknownPath {
    /// 404.
    #[default]
    Refuse,
    /// The request goes to the upstream as it is.
    Pass,
}

/// What becomes of broken escapes in the path and in the query.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MalformedEscapes {
    /// 400.
    #[default]
    Refuse,
    /// They stay as text. Bytes that are no UTF-8 are refused all the same, since no string can hold them.
    Keep,
}

/// Whether something is accepted.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Accept {
    /// Yes.
    #[default]
    Accept,
    /// 400.
    Refuse,
}

/// How the query is bound to fields.
#[config]
#[serde(default)]
pub(crate) struct QuerySettings {
    /// What becomes of a parameter that names no field. Default: `refuse`, with 400.
    pub(crate) unknown: UnknownParameters,
    /// The field that gets them when `unknown` is `capture`: a `map<string, string>` or a google.protobuf.Struct.
    pub(crate) capture: Option<String>,
    /// Parameters that are never bound, like `key` or `access_token`.
    pub(crate) ignore: Vec<String>,
    /// Whether `+` stands for a space. Default: true.
    pub(crate) plus_is_space: bool,
    /// Whether `tags[]=a` adds to the repeated field `tags`. Default: false.
    pub(crate) brackets: bool,
    /// Whether `filter[author][name]=x` is `filter.author.name=x` (deepObject of OpenAPI). Default: false.
    pub(crate) deep_object: bool,
    /// Whether `tags=a,b` adds two values to the repeated field `tags`. Default: false.
    pub(crate) comma_separated: bool,
    /// How many messages a repeated field may get by `filters[0].name=x`; 0 for none. Default: 0, at most 256.
    pub(crate) repeated_messages: u16,
}

impl Default for QuerySettings {
    fn default() -> Self {
        Self {
            unknown: UnknownParameters::default(),
            capture: None,
            ignore: Vec::new(),
            plus_is_space: true,
            brackets: false,
            deep_object: false,
            comma_separated: false,
            repeated_messages: 0,
        }
    }
}

/// What becomes of a parameter that names no field.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UnknownParameters {
    /// 400.
    #[default]
    Refuse,
    /// Nothing.
    Ignore,
    /// They are put into the field that `capture` names.
    Capture,
}

/// How the request's body is read.
#[config]
#[serde(default)]
pub(crate) struct BodySettings {
    /// What becomes of JSON members that name no field. Default: `ignore`.
    pub(crate) unknown_fields: UnknownFields,
    /// Whether names of enum values are read in any case, in paths and queries too. Default: false.
    pub(crate) any_case_enums: bool,
    /// What happens when path, query, header fields and body give the same field different values.
    /// Default: `path`.
    pub(crate) on_conflict: Conflict,
    /// What becomes of a body where the rule has none. Default: `accept`, unread.
    pub(crate) unexpected: Accept,
    /// Whether the `body` of a rule may be a field within a field (`book.author`). Default: false, as http.proto says.
    pub(crate) dotted_path: bool,
    /// Whether a PATCH without update mask gets one from the members of its body. Default: true; it takes a body
    /// that is a field, and exactly one field of type google.protobuf.FieldMask beside it.
    pub(crate) patch_field_mask: bool,
    /// Whether `application/x-www-form-urlencoded` is read, by the rules of the query. Default: false.
    pub(crate) form: bool,
    /// Whether `multipart/form-data` is read. Default: false.
    pub(crate) multipart: bool,
}

impl Default for BodySettings {
    fn default() -> Self {
        Self {
            unknown_fields: UnknownFields::default(),
            any_case_enums: false,
            on_conflict: Conflict::default(),
            unexpected: Accept::default(),
            dotted_path: false,
            patch_field_mask: true,
            form: false,
            multipart: false,
        }
    }
}

/// What becomes of JSON members that name no field.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UnknownFields {
    /// Nothing.
    #[default]
    Ignore,
    /// 400, with a JSON pointer.
    Refuse,
}

/// What happens when two sources give the same field different values.
#[config]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// Path wins over query, query over header fields, and those over the body.
    #[default]
    Path,
    /// 400.
    Refuse,
}

/// Bounds of what one request or response may cost.
#[config]
#[serde(default)]
pub(crate) struct Limits {
    /// Size of a request's body that is not a stream, and of each message of a stream. Default: 4MiB.
    pub(crate) request_message: ByteSize,
    /// Size of a message from the upstream. Default: 4MiB.
    pub(crate) response_message: ByteSize,
    /// Depth of JSON objects and arrays, and of messages, both ways. Default: 64, at most 200.
    pub(crate) depth: u16,
    /// Members of JSON objects and elements of arrays in one message, all together; parameters of a query likewise.
    /// Default: 20000.
    pub(crate) fields: u32,
    /// Elements of one array. Default: 20000.
    pub(crate) array: u32,
    /// Length of one string in bytes, base64 included. Default: 4MiB.
    pub(crate) string: ByteSize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_message: ByteSize::mib(4),
            response_message: ByteSize::mib(4),
            depth: 64,
            fields: 20_000,
            array: 20_000,
            string: ByteSize::mib(4),
        }
    }
}
