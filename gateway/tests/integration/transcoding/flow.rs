//! Memory and pace: what is large streams through, and who does not read stops who sends.

use std::cell::Cell;

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Frame;
use serde_json::{Value, json};

use super::{Probe, QUIET, Stream, send, setup, setup_with, start, watch};
use crate::support::{
    client::{self, request, streamed},
    eventually,
    gateway::Gateway,
    soon,
};

const MIB: u64 = 1 << 20;

/// Bytes of a body as they come, none of them kept.
async fn drain(mut stream: Stream) -> u64 {
    assert_eq!(stream.response.status(), 200);
    let mut length = 0;
    while let Some(piece) = stream.piece().await {
        length += piece.len() as u64;
    }
    length
}

/// Grows by no more than its windows and buffers, however long the stream.
#[tokio::test]
async fn a_long_stream_takes_no_more_memory_than_a_short_one() {
    let (_probe, gateway) = start().await;
    let messages = "/v1/count/1024?size=1024";
    // A first one for what is allocated once.
    drain(Stream::open(&gateway, messages, "application/json").await).await;
    drain(Stream::open(&gateway, "/v1/download/1048576", "*/*").await).await;
    let before = gateway.resident();
    let length =
        drain(Stream::open(&gateway, "/v1/count/32768?size=1024", "application/json").await).await;
    assert!(length > 32 * MIB, "{length}");
    let length = drain(Stream::open(&gateway, "/v1/download/67108864", "*/*").await).await;
    assert_eq!(length, 64 * MIB);
    let grown = gateway.resident().saturating_sub(before);
    assert!(grown < 16 * MIB, "{grown} bytes more");
}

/// The bytes of HttpBody messages are the body, with their own type.
#[tokio::test]
async fn a_download_is_its_bytes() {
    let (_probe, gateway) = start().await;
    let answer = gateway.get("/v1/download/100000?size=30000").await;
    assert_eq!(answer.header("content-type"), Some("application/x-zeros"));
    assert_eq!(answer.body.len(), 100_000);
    assert!(answer.body.iter().all(|byte| *byte == 0));
}

/// As it comes: nothing of it is collected.
#[tokio::test]
async fn a_long_upload_takes_no_more_memory_than_a_short_one() {
    let (_probe, gateway) = start().await;
    upload(&gateway, 128).await;
    let before = gateway.resident();
    let seen = upload(&gateway, 1024).await;
    assert_eq!(seen["contentType"], "application/x-tar");
    assert_eq!(seen["bytes"], (64 * MIB).to_string());
    assert!(seen["pieces"].as_u64().unwrap() > 64, "{seen}");
    let grown = gateway.resident().saturating_sub(before);
    assert!(grown < 16 * MIB, "{grown} bytes more");
}

/// So many pieces of 64 KiB.
async fn upload(gateway: &Gateway, pieces: usize) -> Value {
    let (sender, content) = streamed();
    let sent = request(Method::POST, gateway.address(), "/v1/upload")
        .header("content-type", "application/x-tar")
        .body(content)
        .unwrap();
    let address = gateway.address();
    let answer = tokio::spawn(async move { client::send(address, sent).await });
    for _ in 0..pieces {
        let piece = Frame::data(Bytes::from_static(&[0; 65_536]));
        soon("room for a piece", sender.send(piece)).await.unwrap();
    }
    drop(sender);
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

/// What is larger than a call of a plugin may be by default needs leave in `witgate.yaml`.
#[tokio::test]
async fn large_messages_pass_where_they_are_allowed() {
    let probe = Probe::start().await;
    let large = json!({ "item": { "displayName": "x".repeat(3_000_000) } });
    let limits = ", limits: { body: 8MiB, host-call: 16MiB, memory: 64MiB, time: 1s }";
    let gateway = setup_with(probe.address, "", limits).start().await;
    let answer = send(&gateway, Method::POST, "/v1/echo", large.clone()).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.json()["request"], large);
    let stream = Stream::open(&gateway, "/v1/count/2?size=3000000", "application/x-ndjson").await;
    let lines = stream.rest().await;
    assert_eq!(lines.lines().count(), 2);
    assert!(lines.lines().all(|line| line.len() > 3_000_000));
    // Where they are not, a client learns that, at the latest from how the body ends.
    let gateway = setup(probe.address, "").start().await;
    let answer = send(&gateway, Method::POST, "/v1/echo", large).await;
    assert_eq!(answer.status(), 413, "{}", answer.text());
    let stream = Stream::open(&gateway, "/v1/count/1?size=3000000", "application/x-ndjson").await;
    let refused = stream.response.status().is_server_error();
    let body = stream.response.into_body().collect().await;
    assert!(refused || body.is_err());
}

/// Of 256 MiB, the server gets rid of no more than fits into windows and buffers until the client reads.
#[tokio::test]
async fn a_client_that_does_not_read_stops_the_server() {
    let (_probe, gateway) = start().await;
    let path = "/v1/count/4096?size=65536&key=slow";
    let before = gateway.resident();
    let mut stream = Stream::open(&gateway, path, "application/x-ndjson").await;
    stream.until("\n").await;
    // Until it stands still.
    let last = Cell::new(0);
    eventually("the server to stop", async || {
        tokio::time::sleep(QUIET).await;
        let sent = watch(&gateway, "slow", "sent").await;
        last.replace(sent) == sent
    })
    .await;
    let sent = watch(&gateway, "slow", "sent").await;
    assert!(sent < 512, "{sent} messages of 64 KiB were sent to nobody");
    let grown = gateway.resident().saturating_sub(before);
    assert!(grown < 32 * MIB, "{grown} bytes are held");
    // And it goes on when the client does.
    for _ in 0..1024 {
        stream.until("\n").await;
    }
    assert!(watch(&gateway, "slow", "sent").await >= 1024);
}
