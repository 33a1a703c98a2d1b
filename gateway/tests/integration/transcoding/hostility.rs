//! Requests made to be dear: each is answered, and none costs the component its life.

use http::Method;

use super::{Stream, release, start};
use crate::support::client::{self, full, request};

/// Just within what a plugin is given of a body.
const SIZE: usize = 1_000_000;

fn filled(start: &str, piece: impl Fn(usize) -> String, end: &str) -> String {
    let mut text = String::with_capacity(SIZE);
    text += start;
    for number in 0.. {
        let piece = piece(number);
        if text.len() + piece.len() + end.len() > SIZE {
            break;
        }
        text += &piece;
    }
    text += end;
    text
}

/// By what is dear about them.
fn bodies() -> Vec<(&'static str, String)> {
    vec![
        (
            "many numbers",
            filled("{\"numbers\":[0", |_| ",1".into(), "]}"),
        ),
        (
            "numbers up to the limit",
            format!("{{\"numbers\":[0{}]}}", ",1".repeat(19_000)),
        ),
        (
            "many texts",
            filled(
                "{\"item\":{\"tags\":[\"\"",
                |_| ",\"a long text of a tag\"".into(),
                "]}}",
            ),
        ),
        (
            "many members",
            filled(
                "{\"item\":{\"counts\":{\"\":0",
                |n| format!(",\"{n}\":1"),
                "}}}",
            ),
        ),
        (
            "many unknown members",
            filled("{\"a\":0", |n| format!(",\"x{n}\":1"), "}"),
        ),
        ("deep", filled("", |_| "{\"item\":".into(), "")),
        ("deep arrays", filled("{\"a\":", |_| "[".into(), "")),
        (
            "one text",
            filled("{\"item\":{\"displayName\":\"", |_| "x".into(), "\"}}"),
        ),
        (
            "escapes",
            filled(
                "{\"item\":{\"displayName\":\"",
                |_| "\\u00e4".into(),
                "\"}}",
            ),
        ),
        (
            "bytes",
            filled("{\"item\":{\"seal\":\"", |_| "AQID".into(), "\"}}"),
        ),
        (
            "a long number",
            filled("{\"item\":{\"weight\":1", |_| "0".into(), "}}"),
        ),
        (
            "a long fraction",
            filled("{\"item\":{\"rating\":0.1", |_| "7".into(), "}}"),
        ),
        ("blanks", filled("{", |_| " ".into(), "}")),
    ]
}

#[tokio::test]
async fn dear_bodies_are_answered_and_streams_beside_them_go_on() {
    let (_probe, gateway) = start().await;
    let mut beside = Vec::new();
    for _ in 0..8 {
        let path = "/v1/count/2?key=held-beside";
        let mut stream = Stream::open(&gateway, path, "application/x-ndjson").await;
        stream.until("\n").await;
        beside.push(stream);
    }
    for (what, body) in bodies() {
        let stream = format!("[{body}]");
        for (path, body) in [("/v1/echo", body), ("/v1/sum", stream)] {
            let sent = request(Method::POST, gateway.address(), path)
                .header("content-type", "application/json")
                .body(full(body))
                .unwrap();
            let answer = client::send(gateway.address(), sent).await;
            let status = answer.status().as_u16();
            let good = matches!(status, 200 | 400 | 413);
            assert!(good, "{what} to {path}: {status}");
            assert!(
                status == 200 || answer.body.len() < 10_000,
                "{what} to {path}"
            );
        }
    }
    release(&gateway, "held-beside", 8).await;
    for stream in beside {
        assert_eq!(stream.rest().await, "{\"value\":\"2\"}\n");
    }
    let failures = gateway
        .metrics()
        .await
        .sum("witgate_sandbox_failures_total", &[]);
    assert_eq!(failures, 0.0);
}
