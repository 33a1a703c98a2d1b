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
const OTHERWISE: &[(&str, &str, &str)] = &[];

/// What an error has to say, in the project's own words, where a case has a peer's.
const WORDING: &[(&str, &str)] = &[];

/// Why the case is not run; none if it is.
pub(crate) fn skipped(case: &Case) -> Option<&'static str> {
    SKIPPED
        .iter()
        .find(|(applies, _)| applies(case))
        .map(|(_, why)| *why)
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
