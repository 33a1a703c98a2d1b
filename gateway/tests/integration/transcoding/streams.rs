//! Streams of messages, both ways, while they are open.

use bytes::Bytes;
use http::Method;
use hyper::body::Frame;
use serde_json::{Value, json};

use super::{Stream, release, start, start_with};
use crate::support::client::{self, request, streamed};

const ARRAY: &str = "application/json";
const LINES: &str = "application/x-ndjson";
const EVENTS: &str = "text/event-stream";

/// The second number is sent only after the first was read.
#[tokio::test]
async fn each_message_is_there_before_the_next_is_sent() {
    let (_probe, gateway) = start().await;
    for (format, end) in [(ARRAY, "}"), (LINES, "}\n"), (EVENTS, "}\n\n")] {
        let key = format!("stepped-{}", format.len());
        // The head comes with the first message.
        release(&gateway, &key, 1).await;
        let mut stream = Stream::open(&gateway, &format!("/v1/count/3?key={key}"), format).await;
        assert_eq!(stream.response.status(), 200);
        assert_eq!(stream.header("content-type"), format);
        let mut seen = stream.until(end).await;
        assert!(seen.contains(r#"{"value":"1"}"#), "{format}: {seen}");
        for number in [2, 3] {
            release(&gateway, &key, 1).await;
            seen = stream.until(end).await;
            assert!(
                seen.contains(&format!(r#"{{"value":"{number}"}}"#)),
                "{format}: {seen}"
            );
        }
        let end = match format {
            ARRAY => "]",
            LINES => "",
            _ => "event: end\ndata: {}",
        };
        assert_eq!(stream.rest().await.trim(), end);
    }
}

#[tokio::test]
async fn the_whole_of_each_format_is_well_formed() {
    let (_probe, gateway) = start().await;
    let array = Stream::open(&gateway, "/v1/count/3", ARRAY)
        .await
        .rest()
        .await;
    let numbers = json!([{ "value": "1" }, { "value": "2" }, { "value": "3" }]);
    assert_eq!(serde_json::from_str::<Value>(&array).unwrap(), numbers);
    let lines = Stream::open(&gateway, "/v1/count/3", LINES)
        .await
        .rest()
        .await;
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(json!(lines), numbers);
    let events = Stream::open(&gateway, "/v1/count/3", EVENTS)
        .await
        .rest()
        .await;
    // One more says that this is all: EventSource would come again.
    let (events, _) = events.split_once("event: end\n").unwrap();
    let data = events
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let data: Vec<Value> = data
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(json!(data), numbers);
    let none = Stream::open(&gateway, "/v1/count/0", ARRAY)
        .await
        .rest()
        .await;
    assert_eq!(serde_json::from_str::<Value>(&none).unwrap(), json!([]));
}

#[tokio::test]
async fn an_error_before_the_first_message_has_its_status() {
    let (_probe, gateway) = start().await;
    for format in [ARRAY, LINES, EVENTS] {
        let stream = Stream::open(&gateway, "/v1/count/0?fail=8", format).await;
        assert_eq!(stream.response.status(), 429, "{format}");
        let text = stream.rest().await;
        assert!(text.contains("enough is enough"), "{format}: {text}");
    }
}

#[tokio::test]
async fn an_error_after_the_first_message_is_seen() {
    let (_probe, gateway) = start().await;
    let path = "/v1/count/2?fail=8";
    let is_error = |value: &Value| {
        let text = value.to_string();
        text.contains("enough is enough") && text.contains('8')
    };
    let array = Stream::open(&gateway, path, ARRAY).await.rest().await;
    let array: Vec<Value> = serde_json::from_str(&array).unwrap();
    assert!(array.len() == 3 && is_error(&array[2]), "{array:?}");
    let lines = Stream::open(&gateway, path, LINES).await.rest().await;
    let last = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert!(lines.lines().count() == 3 && is_error(&last), "{lines}");
    let events = Stream::open(&gateway, path, EVENTS).await.rest().await;
    let (_, error) = events
        .split_once("event: error\n")
        .expect("an event named error");
    assert!(is_error(&json!(error)), "{events}");
}

/// A client's stream as an array, and as lines, in pieces that do not keep to messages.
#[tokio::test]
async fn a_clients_stream_arrives() {
    let (_probe, gateway) = start().await;
    for (format, body) in [
        (ARRAY, r#"[{"value": 1}, {"value": "20"},{"value":300}]"#),
        (
            LINES,
            "{\"value\": 1}\n{\"value\": \"20\"}\r\n\n{\"value\":300}",
        ),
    ] {
        let (sender, content) = streamed();
        let sent = request(Method::POST, gateway.address(), "/v1/sum")
            .header("content-type", format)
            .body(content)
            .unwrap();
        let address = gateway.address();
        let answer = tokio::spawn(async move { client::send(address, sent).await });
        for piece in body.as_bytes().chunks(5) {
            let frame = Frame::data(Bytes::copy_from_slice(piece));
            sender.send(frame).await.unwrap();
        }
        drop(sender);
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(answer.json(), json!({ "total": "321", "count": 3 }));
    }
}

#[tokio::test]
async fn a_broken_clients_stream_is_refused() {
    let (_probe, gateway) = start().await;
    for body in [
        "[{\"value\":1}",
        "[{\"value\":1},]",
        "{\"value\":1}x",
        "[{\"value\":\"x\"}]",
    ] {
        let sent = request(Method::POST, gateway.address(), "/v1/sum")
            .header("content-type", ARRAY)
            .body(client::full(body))
            .unwrap();
        let answer = client::send(gateway.address(), sent).await;
        assert_eq!(answer.status(), 400, "{body}: {}", answer.text());
    }
}

/// Over HTTP/2, an answer comes while the request's body is still open.
#[tokio::test]
async fn both_directions_at_once() {
    let (_probe, gateway) = start_with(", streams: { format: ndjson }").await;
    let (sender, content) = streamed();
    let sent = http::Request::post(format!("http://{}/v1/double", gateway.address()))
        .header("content-type", LINES)
        .body(content)
        .unwrap();
    let mut connection = client::h2(gateway.address()).await;
    let say = async |number: u32| {
        let line = format!("{{\"value\":{number}}}\n");
        sender.send(Frame::data(Bytes::from(line))).await.unwrap();
    };
    let answer = tokio::spawn(connection.send_request(sent));
    say(1).await;
    let mut stream = Stream {
        response: answer.await.unwrap().unwrap(),
        text: String::new(),
    };
    assert_eq!(stream.until("\n").await, "{\"value\":\"2\"}\n");
    say(21).await;
    assert_eq!(stream.until("\n").await, "{\"value\":\"42\"}\n");
    drop(sender);
    assert_eq!(stream.rest().await, "");
}

/// While nothing comes, comments say that the connection is alive; they never get into an event.
#[tokio::test]
async fn a_silent_stream_of_events_has_comments() {
    let settings = ", streams: { sse: { keep-alive: 100ms } }";
    let (_probe, gateway) = start_with(settings).await;
    let mut stream = Stream::open(&gateway, "/v1/count/2?key=held-silent", EVENTS).await;
    let seen = stream.until(":\n\n:\n\n").await;
    assert_eq!(seen, "data: {\"value\":\"1\"}\n\n:\n\n:\n\n");
    release(&gateway, "held-silent", 1).await;
    let rest = stream.rest().await;
    let events = rest.replace(":\n\n", "");
    assert_eq!(
        events,
        "data: {\"value\":\"2\"}\n\nevent: end\ndata: {}\n\n"
    );
}
