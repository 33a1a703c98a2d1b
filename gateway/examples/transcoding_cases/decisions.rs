//! Which cases are not run, and where the project decides otherwise than a case: each with its reason.

use serde_json::Value;

use crate::case::Case;

/// A kind of case that is not run: how it is known, and why not.
type Skip = (fn(&Case) -> bool, &'static str);

const SKIPPED: &[Skip] = &[
    (
        is_connect,
        "the Connect protocol is another protocol than REST and JSON, which the transcoder speaks",
    ),
    (
        |case| case.request["body"] == "<see suite>" || case.message == "GET on a gRPC-Web method",
        "it is a suite of its own: the case names a test of connectrpc/conformance, without request and answer",
    ),
    (
        |case| {
            case.field("upgrade")
                .is_some_and(|value| value == "websocket")
        },
        "WebSocket is no part of the transcoder; streams are JSON arrays, NDJSON and server-sent events",
    ),
    (
        |case| case.expect.contains_key("encoded_path"),
        "calls are not turned into REST requests: the transcoder works in the other direction only",
    ),
];

/// Cases by id: what has to happen instead, and why.
const OTHERWISE: &[(&str, &str, &str)] = &[
    (
        "pm-wild-04",
        r#"{"http_status":400}"#,
        "a request target without a leading slash is no HTTP (RFC 9112 section 3.2): the gateway refuses it before any rule",
    ),
    (
        "pm-empty-01",
        r#"{"http_status":400}"#,
        "a request target without a leading slash is no HTTP (RFC 9112 section 3.2): the gateway refuses it before any rule",
    ),
    (
        "vg-13",
        r#"{"rpc":"cat","bindings":{"thing.id":"/","cat":"*/%2F"}}"#,
        "the gateway spells every path in one way before anything judges it, escapes in upper case (RFC 3986 section 6.2.2.1)",
    ),
    (
        "ev-unescape-01",
        r#"{"rpc":"Wild","bindings":{"arg":"%2F%23/ %23"}}"#,
        "the gateway spells every path in one way before anything judges it, escapes in upper case (RFC 3986 section 6.2.2.1)",
    ),
    (
        "ev-unescape-02",
        r#"{"rpc":"Wild","bindings":{"arg":"%2F#/ %23"}}"#,
        "the gateway spells every path in one way before anything judges it, escapes in upper case (RFC 3986 section 6.2.2.1)",
    ),
    (
        "e-http2rpc-06",
        r#"{"grpc_status":8}"#,
        "413 is RESOURCE_EXHAUSTED: the mapping's UNKNOWN would tell a client nothing, and the gateway's own limits answer the same",
    ),
];

/// What an error has to say, in the project's own words, where a case has a peer's.
const WORDING: &[(&str, &str)] = &[
    ("q-ev-11", "unknown: "),
    ("q-gg-15", "are both in the oneof `nested_oneof_value`"),
    (
        "q-gg-17",
        "uint64_value: this is given twice; it takes one value",
    ),
    (
        "q-gg-18",
        "`repeated_message` is a list of messages, which a parameter cannot name",
    ),
    (
        "b-enum-04",
        "gender: invalid value \\\"Female\\\" for type ",
    ),
    ("b-weave-04", "`abc` is no int32"),
    ("b-ev-03", "book.id: `abc` is no int64"),
    (
        "b-ev-10",
        "expected `:` between name and value here (line 1, column 12)",
    ),
];

/// What a case means by its message, where it says neither that nor which other case has the same.
const MESSAGES: &[(&str, &str)] = &[(
    "b-rog-02",
    "UpdateShelfRequest{string id; Shelf shelf{string theme}; bool force}",
)];

/// Why the case is not run; none if it is.
pub(crate) fn skipped(case: &Case) -> Option<&'static str> {
    SKIPPED
        .iter()
        .find(|(applies, _)| applies(case))
        .map(|(_, why)| *why)
}

/// What the case means by its message, if the list above says so.
pub(crate) fn message(id: &str) -> Option<&'static str> {
    MESSAGES
        .iter()
        .find(|(known, _)| *known == id)
        .map(|(_, text)| *text)
}

/// The case with what has to happen in this project.
pub(crate) fn decided(case: &Case) -> Case {
    let mut case = case.clone();
    if let Some((_, expect, _)) = OTHERWISE.iter().find(|(id, ..)| *id == case.id)
        && let Ok(Value::Object(expect)) = serde_json::from_str(expect)
    {
        case.expect = expect;
    }
    case
}

/// What the error of a case has to contain.
pub(crate) fn wording<'c>(case: &'c Case, text: &'c str) -> &'c str {
    let own = WORDING.iter().find(|(id, _)| *id == case.id);
    own.map_or(text, |(_, own)| own)
}

fn is_connect(case: &Case) -> bool {
    let content_type = case.field("content-type").unwrap_or_default();
    case.field("connect-protocol-version").is_some()
        || content_type.starts_with("application/connect+")
        || case.request["path"]
            .as_str()
            .is_some_and(|path| path.contains("connect=v1"))
}
