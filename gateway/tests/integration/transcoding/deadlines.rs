//! Deadlines, and calls that their clients give up.

use std::time::{Duration, Instant};

use http::Method;

use super::{Stream, release, send, server_saw, start};
use crate::support::client::{self, empty, request};

#[tokio::test]
async fn a_deadline_is_told_to_the_server_and_kept() {
    let (_probe, gateway) = start().await;
    let sent = |path: &str, timeout: &str| {
        request(Method::GET, gateway.address(), path)
            .header("grpc-timeout", timeout)
            .body(empty())
            .unwrap()
    };
    let seen = client::send(gateway.address(), sent("/v1/echo/1", "7S"))
        .await
        .json();
    let left = seen["secondsLeft"].as_f64().unwrap();
    assert!(left > 0.0 && left <= 7.0, "{seen}");
    let begun = Instant::now();
    let late = client::send(gateway.address(), sent("/v1/wait/late", "300m")).await;
    assert_eq!(late.status(), 504, "{}", late.text());
    assert_eq!(late.json()["code"], 4, "{}", late.text());
    assert!(begun.elapsed() >= Duration::from_millis(300));
    server_saw(&gateway, "late", "cancelled", 1).await;
}

#[tokio::test]
async fn a_client_that_goes_cancels_its_call() {
    let (_probe, gateway) = start().await;
    // Before the head.
    let mut connection = client::h1(gateway.address()).await;
    let sent = request(Method::GET, gateway.address(), "/v1/wait/left");
    let waiting = tokio::spawn(connection.send_request(sent.body(empty()).unwrap()));
    server_saw(&gateway, "left", "started", 1).await;
    waiting.abort();
    drop(connection);
    server_saw(&gateway, "left", "cancelled", 1).await;
    // In the middle of a stream.
    release(&gateway, "stepped-left", 1).await;
    let mut stream =
        Stream::open(&gateway, "/v1/count/9?key=stepped-left", "application/json").await;
    stream.until("}").await;
    drop(stream);
    server_saw(&gateway, "stepped-left", "cancelled", 1).await;
}

/// A reset stream of HTTP/2 is one call's end, and not its connection's.
#[tokio::test]
async fn a_reset_cancels_one_call() {
    let (_probe, gateway) = start().await;
    let mut connection = client::h2(gateway.address()).await;
    let ask = |path: &str| {
        let uri = format!("http://{}{path}", gateway.address());
        http::Request::get(uri).body(empty()).unwrap()
    };
    let waiting = tokio::spawn(connection.send_request(ask("/v1/wait/reset")));
    server_saw(&gateway, "reset", "started", 1).await;
    waiting.abort();
    server_saw(&gateway, "reset", "cancelled", 1).await;
    let answer = connection.send_request(ask("/v1/echo/1")).await.unwrap();
    assert_eq!(answer.status(), 200);
    let still = send(&gateway, Method::POST, "/v1/echo", serde_json::json!({})).await;
    assert_eq!(still.status(), 200);
}
