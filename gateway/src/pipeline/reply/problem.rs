//! The gateway's own answers: RFC 9457 problem documents, and for gRPC calls a trailers-only status.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use super::{
    super::{
        context::{Facts, LocalResponse},
        failure::Answer,
        grpc,
    },
    retry::{tell_grpc, tell_http},
};

/// RFC 9457 section 3.1; `code` and `request-id` are ours.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Problem<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
    /// Stable: programs may depend on it.
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// Renders an answer; without `facts` the request was refused before anything was known about it.
pub fn answer(answer: &Answer, facts: Option<&Facts>) -> LocalResponse {
    let mut response = match facts {
        Some(facts) if facts.grpc => trailers_only(answer.grpc, &answer.detail),
        _ => problem(answer, facts),
    };
    if let Some(after) = answer.retry_after {
        let headers = response.headers_mut();
        tell_http(headers, after);
        if facts.is_some_and(|facts| facts.grpc) {
            tell_grpc(headers, after, answer.grpc, &answer.detail);
        }
    }
    if let Some((name, value)) = &answer.header {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

fn problem(answer: &Answer, facts: Option<&Facts>) -> LocalResponse {
    let problem = Problem {
        title: answer.status.canonical_reason().unwrap_or("Error"),
        status: answer.status.as_u16(),
        detail: &answer.detail,
        code: answer.code,
        request_id: facts.and_then(|facts| facts.id.to_str().ok()),
    };
    // Strings and numbers always serialise.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = answer.status;
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses>
fn trailers_only(status: u8, message: &str) -> LocalResponse {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    grpc::put_status(headers, status, message);
    response
}

/// A plugin's HTTP error as a gRPC client understands it; its other fields stay (`www-authenticate`, `retry-after`).
pub fn as_grpc(response: LocalResponse) -> LocalResponse {
    let status = response.status();
    if speaks_grpc(status, response.headers()) {
        return response;
    }
    as_status(&response)
}

/// What an HTTP response that a gRPC client cannot read means to it.
pub fn as_status<B>(response: &Response<B>) -> LocalResponse {
    let status = response.status();
    let message = status.canonical_reason().unwrap_or("refused");
    let mut converted = trailers_only(grpc::status_of_http(status), message);
    for (name, value) in response.headers() {
        if !OF_THE_BODY.contains(name) {
            converted.headers_mut().append(name.clone(), value.clone());
        }
    }
    converted
}

/// Fields that say something of a body that is left out.
const OF_THE_BODY: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::ETAG,
];

/// Whether a gRPC client understands a response as it is.
pub fn speaks_grpc(status: StatusCode, headers: &HeaderMap) -> bool {
    headers.contains_key(grpc::GRPC_STATUS)
        || status.is_success()
        || status == StatusCode::SWITCHING_PROTOCOLS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::context::Fault;

    fn facts(grpc: bool) -> Facts {
        let client = "192.0.2.1:1".parse().unwrap();
        Facts {
            id: HeaderValue::from_static("id-1"),
            client,
            secure: false,
            grpc,
            certificate: None,
        }
    }

    fn sample() -> Answer {
        Answer::new(
            StatusCode::BAD_GATEWAY,
            "upstream-reset",
            Fault::Upstream,
            14,
            "100% \u{e9}",
        )
    }

    #[test]
    fn a_problem_has_a_stable_code_and_the_id() {
        let response = answer(&sample(), Some(&facts(false)));
        assert_eq!(response.status(), 502);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["code"], "upstream-reset");
        assert_eq!(body["request-id"], "id-1");
        assert_eq!(body["status"], 502);
    }

    #[test]
    fn a_grpc_call_gets_a_status() {
        let response = answer(&sample(), Some(&facts(true)));
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], "14");
        assert_eq!(response.headers()["grpc-message"], "100%25 %C3%A9");
        assert!(response.body().is_empty());
    }

    #[test]
    fn a_plugins_refusal_is_translated() {
        let refusal = Response::builder()
            .status(401)
            .header("www-authenticate", "Bearer")
            .body(Bytes::from_static(b"{}"))
            .unwrap();
        let response = as_grpc(refusal);
        assert_eq!(response.headers()["grpc-status"], "16");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert!(response.body().is_empty());
    }
}
