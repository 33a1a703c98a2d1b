//! What becomes of a service's errors.

use http::Method;
use serde_json::json;

use super::{start, start_with};
use crate::support::client::{self, empty, request};

#[tokio::test]
async fn an_error_keeps_its_code_its_message_and_its_details() {
    let (_probe, gateway) = start().await;
    let answer = gateway.get("/v1/fail/9?message=100%25%20%C3%A4").await;
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("grpc-status"), None);
    assert_eq!(answer.header("grpc-status-details-bin"), None);
    let expected = json!({
        "code": 9,
        "message": "100% ä",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{ "field": "item.id", "description": "too plain" }],
            },
            { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s" },
            { "@type": "type.googleapis.com/witgate.test.Unknown", "value": "CAE=" },
        ],
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn each_code_has_its_status() {
    let (_probe, gateway) = start().await;
    let statuses = [
        (1, 499),
        (2, 500),
        (3, 400),
        (4, 504),
        (5, 404),
        (6, 409),
        (7, 403),
        (8, 429),
        (9, 400),
        (10, 409),
        (11, 400),
        (12, 501),
        (13, 500),
        (14, 503),
        (15, 500),
        (16, 401),
    ];
    for (code, status) in statuses {
        let answer = gateway.get(&format!("/v1/fail/{code}?message=m")).await;
        assert_eq!(answer.status(), status, "code {code}: {}", answer.text());
        assert_eq!(answer.json()["code"], code);
        // As the details say, whatever the code.
        assert_eq!(answer.header("retry-after"), Some("7"), "code {code}");
        assert_eq!(
            answer.header("www-authenticate").is_some(),
            status == 401,
            "code {code}"
        );
    }
}

#[tokio::test]
async fn a_problem_document_is_given_to_who_asks_for_it() {
    let (_probe, gateway) = start_with(", errors: { statuses: { NOT_FOUND: 410 } }").await;
    let sent = request(Method::GET, gateway.address(), "/v1/fail/5?message=gone")
        .header("accept", "application/problem+json")
        .body(empty())
        .unwrap();
    let answer = client::send(gateway.address(), sent).await;
    assert_eq!(answer.status(), 410, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let problem = answer.json();
    assert_eq!(problem["status"], 410);
    assert_eq!(problem["detail"], "gone");
}

/// No server there at all: the gateway's own error is the same kind of JSON.
#[tokio::test]
async fn an_unreachable_server_is_told_of() {
    let gateway = super::setup("127.0.0.1:1".parse().unwrap(), "")
        .start()
        .await;
    let answer = gateway.get("/v1/echo/1").await;
    assert!(
        matches!(answer.status().as_u16(), 502 | 503),
        "{}: {}",
        answer.status(),
        answer.text()
    );
}
