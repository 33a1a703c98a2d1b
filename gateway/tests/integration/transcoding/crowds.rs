//! Many calls at once: their memory, and that the end of one is no other's.

use futures_util::{StreamExt, stream};
use http::Method;
use http_body_util::BodyExt;
use serde_json::json;

use super::{Probe, Stream, release, send, setup, setup_with};
use crate::support::client::{self, empty};

const CALLS: usize = 1000;
/// On as many connections, as browsers and other gateways would.
const CONNECTIONS: usize = 20;

/// 1,000 streams that are all open, and all go on.
#[tokio::test]
async fn a_thousand_streams_take_little_memory() {
    let probe = Probe::start().await;
    // Where one worker has all of them.
    let gateway = setup(probe.address, "")
        .settings("workers: 1")
        .start()
        .await;
    // What is allocated once is.
    for _ in 0..20 {
        gateway.get("/v1/count/3").await;
    }
    let idle = gateway.resident();
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let connection = client::h2(gateway.address()).await;
        let open = stream::iter(0..CALLS / CONNECTIONS).map(|_| {
            let mut connection = connection.clone();
            let uri = format!("http://{}/v1/count/2?key=held-crowd", gateway.address());
            let sent = http::Request::get(uri).header("accept", "text/event-stream");
            async move {
                let response = connection.send_request(sent.body(empty()).unwrap()).await;
                let mut stream = Stream {
                    response: response.unwrap(),
                    text: String::new(),
                };
                assert_eq!(stream.response.status(), 200);
                assert!(stream.until("}\n\n").await.contains(r#""value":"1""#));
                stream
            }
        });
        streams.extend(open.buffer_unordered(16).collect::<Vec<_>>().await);
    }
    assert_eq!(streams.len(), CALLS);
    let grown = gateway.resident().saturating_sub(idle);
    assert!(grown < 64 << 20, "{grown} bytes for {CALLS} calls");
    // One more number for each of them.
    release(&gateway, "held-crowd", u32::try_from(CALLS).unwrap()).await;
    for stream in streams {
        assert!(stream.rest().await.contains(r#""value":"2""#));
    }
}

/// Another plugin of the same route traps, with streams open beside it.
#[tokio::test]
async fn a_trap_is_one_exchanges_own() {
    let probe = Probe::start().await;
    let routes = format!(
        "upstreams: {{ probe: {{ endpoints: ['http://{}'], protocol: http2 }} }}\n\
         routes:\n  - name: trapping\n    match: {{ prefix: /v1/count/7 }}\n    \
         plugins: [hostile: {{ on-response-body: trap }}, grpc-json-transcoder: {{ descriptors: probe }}]\n    to: probe\n  \
         - name: probe\n    match: {{ prefix: /v1 }}\n    plugins: [grpc-json-transcoder: {{ descriptors: probe }}]\n    to: probe\n",
        probe.address
    );
    let gateway = setup(probe.address, "").routes(&routes).start().await;
    release(&gateway, "stepped-beside", 1).await;
    let mut beside = Stream::open(
        &gateway,
        "/v1/count/2?key=stepped-beside",
        "application/x-ndjson",
    )
    .await;
    beside.until("\n").await;
    for _ in 0..10 {
        let mut connection = client::h1(gateway.address()).await;
        let sent = client::request(Method::GET, gateway.address(), "/v1/count/7");
        let response = connection.send_request(sent.body(empty()).unwrap()).await;
        // Refused, or broken off: never whole.
        if let Ok(response) = response {
            let status = response.status();
            let whole = client::Answer::complete(response).await;
            assert!(
                status.is_server_error() || whole.is_err(),
                "{status} {whole:?}"
            );
        }
        let good = send(&gateway, Method::POST, "/v1/echo", json!({ "loud": true })).await;
        assert_eq!(good.json()["request"], json!({ "loud": true }));
    }
    release(&gateway, "stepped-beside", 1).await;
    assert!(beside.rest().await.contains(r#""value":"2""#));
}

/// Eight streams, and one exchange beside them that brings its instance of the component down: what the streams have
/// after that, to their ends. A client sees an error where one breaks off.
async fn beside_a_fall(isolation: &str) -> Vec<Result<String, String>> {
    let probe = Probe::start().await;
    let limits = "limits: { memory: 8MiB, body: 8MiB, host-call: 8MiB, time: 100ms }";
    let gateway = setup_with(
        probe.address,
        "",
        &format!(", isolation: {isolation}, {limits}"),
    )
    .settings("workers: 1")
    .start()
    .await;
    let mut beside = Vec::new();
    for _ in 0..8 {
        let path = "/v1/count/3?key=held-beside";
        let mut stream = Stream::open(&gateway, path, "application/x-ndjson").await;
        stream.until("\n").await;
        beside.push(stream);
    }
    // Within the limits of a message, and more than there is room for.
    let bomb = json!({ "item": { "displayName": "x".repeat(4_000_000) } });
    let fallen = send(&gateway, Method::POST, "/v1/echo", bomb).await;
    assert_eq!(fallen.status(), 500, "{}", fallen.text());
    let failures = gateway.metrics().await;
    assert!(failures.sum("witgate_sandbox_failures_total", &[]) >= 1.0);
    let good = send(&gateway, Method::POST, "/v1/echo", json!({ "loud": true })).await;
    assert_eq!(good.json()["request"], json!({ "loud": true }));
    release(&gateway, "held-beside", 16).await;
    let mut ends = Vec::new();
    for stream in beside {
        let body = stream.response.into_body().collect().await;
        let body = body.map_err(|error| error.to_string());
        ends.push(body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()));
    }
    ends
}

const WHOLE: &str = "{\"value\":\"2\"}\n{\"value\":\"3\"}\n";

#[tokio::test]
async fn with_instances_of_their_own_exchanges_fall_alone() {
    for end in beside_a_fall("exchange").await {
        assert_eq!(end.as_deref(), Ok(WHOLE));
    }
}

/// The other exchanges go on in a fresh instance, from what the gateway has kept of them.
#[tokio::test]
async fn with_a_shared_instance_exchanges_fall_alone_too() {
    for end in beside_a_fall("warm").await {
        assert_eq!(end.as_deref(), Ok(WHOLE));
    }
}
