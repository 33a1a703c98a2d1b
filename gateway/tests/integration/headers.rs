//! What the gateway adds to, and takes from, the fields of a request and a response.

use http::{Method, Request, Response};
use serde_json::Value;

use crate::support::{
    client::{self, Answer, empty, request},
    gateway::{Gateway, Setup},
    raw, upstream,
};

async fn seen_with(gateway: &Gateway, fields: &[(&str, &str)]) -> Value {
    let mut sent = request(Method::GET, gateway.address(), "/");
    for (name, value) in fields {
        sent = sent.header(*name, *value);
    }
    let answer = client::send(gateway.address(), sent.body(empty()).unwrap()).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

async fn echo_gateway(settings: &str) -> Gateway {
    Setup::proxy_to(upstream::echo().await)
        .settings(settings)
        .start()
        .await
}

const TRUSTING: &str = "forwarding: { trusted-proxies: [127.0.0.0/8] }";

#[tokio::test]
async fn hop_by_hop_fields_stay_on_their_hop() {
    let gateway = echo_gateway("").await;
    let fields = [
        ("connection", "x-private, keep-alive"),
        ("x-private", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("te", "gzip"),
        ("proxy-authorization", "Basic abc"),
        ("x-public", "1"),
    ];
    let seen = seen_with(&gateway, &fields).await;
    for gone in [
        "connection",
        "x-private",
        "keep-alive",
        "proxy-connection",
        "te",
    ] {
        assert!(upstream::seen(&seen, gone).is_empty(), "{gone}: {seen}");
    }
    assert_eq!(upstream::seen(&seen, "x-public"), ["1"]);
}

#[tokio::test]
async fn hop_by_hop_fields_of_a_response_stay_on_their_hop() {
    let up = raw::answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x-private, close\r\nX-Private: 1\r\nKeep-Alive: timeout=9\r\nX-Public: 1\r\n\r\n",
    )
    .await;
    let gateway = Setup::proxy_to(up).start().await;
    let answer = gateway.get("/").await;
    assert_eq!(answer.header("x-public"), Some("1"));
    assert_eq!(answer.header("x-private"), None);
    assert_eq!(answer.header("keep-alive"), None);
}

#[tokio::test]
async fn te_trailers_passes_since_grpc_asks_for_it() {
    let up = upstream::echo().await;
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{up}'], protocol: http2 }} }}\nroutes: [{{ name: all, to: up }}]"
    );
    let gateway = Setup::new().routes(&yaml).start().await;
    let sent = Request::get(format!("http://{}/", gateway.address()))
        .header("te", "trailers")
        .body(empty())
        .unwrap();
    let seen = client::send_h2(gateway.address(), sent).await.json();
    assert_eq!(upstream::seen(&seen, "te"), ["trailers"]);
}

#[tokio::test]
async fn the_host_is_the_clients() {
    let gateway = echo_gateway("").await;
    let sent = Request::get("/")
        .header("host", "api.example.com")
        .body(empty())
        .unwrap();
    let seen = client::send(gateway.address(), sent).await.json();
    assert_eq!(upstream::seen(&seen, "host"), ["api.example.com"]);
}

#[tokio::test]
async fn an_authority_becomes_a_host_and_back() {
    let up = upstream::echo().await;
    let yaml = format!(
        "upstreams:\n  one: 'http://{up}'\n  two: {{ endpoints: ['http://{up}'], protocol: http2 }}\n\
         routes:\n  - {{ name: one, match: {{ prefix: /one }}, to: one }}\n  - {{ name: two, match: {{ prefix: /two }}, to: two }}"
    );
    let gateway = Setup::new().routes(&yaml).start().await;
    let sent = Request::get("http://api.example.com/one")
        .body(empty())
        .unwrap();
    let seen = client::send_h2(gateway.address(), sent).await.json();
    assert_eq!(seen["version"], "HTTP/1.1");
    assert_eq!(upstream::seen(&seen, "host"), ["api.example.com"]);
    gateway
        .access
        .wait_for("the host of an HTTP/2 request", |line| {
            line["host"] == "api.example.com" && line["path"] == "/one"
        })
        .await;
    let sent = Request::get("/two")
        .header("host", "api.example.com")
        .body(empty())
        .unwrap();
    let seen = client::send(gateway.address(), sent).await.json();
    assert_eq!(seen["version"], "HTTP/2.0");
    assert_eq!(seen["authority"], "api.example.com");
    assert!(upstream::seen(&seen, "host").is_empty(), "{seen}");
}

#[tokio::test]
async fn a_stranger_cannot_say_where_it_comes_from() {
    let gateway = echo_gateway("").await;
    let fields = [
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=10.0.0.1"),
        ("x-request-id", "chosen-by-the-client"),
    ];
    let seen = seen_with(&gateway, &fields).await;
    assert_eq!(upstream::seen(&seen, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(upstream::seen(&seen, "x-forwarded-proto"), ["http"]);
    assert_eq!(
        upstream::seen(&seen, "x-forwarded-host"),
        [gateway.address().to_string()]
    );
    assert!(!seen.to_string().contains("10.0.0.1"), "{seen}");
    let ids = upstream::seen(&seen, "x-request-id");
    assert!(ids.len() == 1 && ids[0] != "chosen-by-the-client", "{seen}");
}

#[tokio::test]
async fn a_trusted_proxy_is_believed() {
    let gateway = echo_gateway(TRUSTING).await;
    let fields = [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.example.com"),
        ("x-request-id", "abc-123"),
    ];
    let seen = seen_with(&gateway, &fields).await;
    assert_eq!(
        upstream::seen(&seen, "x-forwarded-for").join(", "),
        "203.0.113.9, 127.0.0.1"
    );
    assert_eq!(upstream::seen(&seen, "x-forwarded-proto"), ["https"]);
    assert_eq!(
        upstream::seen(&seen, "x-forwarded-host"),
        ["shop.example.com"]
    );
    assert_eq!(upstream::seen(&seen, "x-request-id"), ["abc-123"]);
    gateway
        .access
        .wait_for("the client's own address", |line| {
            line["client"] == "203.0.113.9"
        })
        .await;
}

/// Only what trusted proxies added counts: whatever stands further left, the client itself may have written.
#[tokio::test]
async fn the_client_is_the_last_address_that_is_not_trusted() {
    let gateway = echo_gateway("forwarding: { trusted-proxies: [127.0.0.0/8, 10.0.0.0/8] }").await;
    seen_with(
        &gateway,
        &[("x-forwarded-for", "1.2.3.4, 203.0.113.9, 10.1.1.1")],
    )
    .await;
    gateway
        .access
        .wait_for("the last stranger", |line| line["client"] == "203.0.113.9")
        .await;
}

#[tokio::test]
async fn forwarded_is_sent_when_asked_for() {
    let seen = seen_with(&echo_gateway("").await, &[]).await;
    assert!(upstream::seen(&seen, "forwarded").is_empty(), "{seen}");
    let seen = seen_with(&echo_gateway("forwarding: { forwarded: true }").await, &[]).await;
    let forwarded = upstream::seen(&seen, "forwarded").join(", ");
    assert!(
        forwarded.contains("for=127.0.0.1") && forwarded.contains("proto=http"),
        "{forwarded}"
    );
}

#[tokio::test]
async fn via_names_the_gateway() {
    let up = upstream::echo().await;
    let gateway = Setup::proxy_to(up)
        .settings("forwarding: { via: edge }")
        .start()
        .await;
    let answer: Answer = gateway.get("/").await;
    assert_eq!(upstream::seen(&answer.json(), "via"), ["1.1 edge"]);
}

#[tokio::test]
async fn every_exchange_has_an_id_in_request_response_and_log() {
    let gateway = echo_gateway("").await;
    let first = gateway.get("/").await;
    let id = first.header("x-request-id").expect("an id").to_owned();
    assert_eq!(
        upstream::seen(&first.json(), "x-request-id"),
        std::slice::from_ref(&id)
    );
    gateway
        .access
        .wait_for("the id", |line| line["id"] == id.as_str())
        .await;
    assert_ne!(
        gateway.get("/").await.header("x-request-id"),
        Some(id.as_str())
    );
}

#[tokio::test]
async fn several_values_stay_several() {
    let up = upstream::serve(|_| async {
        Response::builder()
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .body(empty())
            .unwrap()
    })
    .await;
    let gateway = Setup::proxy_to(up).start().await;
    let answer = gateway.get("/").await;
    let cookies = answer
        .head
        .headers
        .get_all("set-cookie")
        .iter()
        .collect::<Vec<_>>();
    assert_eq!(cookies, ["a=1", "b=2"]);
}
