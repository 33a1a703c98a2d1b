//! One path has one spelling, for routes and for upstreams; methods that are for nobody.

use http::Method;
use serde_json::json;

use crate::support::{
    client::{self, empty, request},
    gateway::{Gateway, Setup},
    raw, upstream,
};

async fn echoing() -> Gateway {
    Setup::proxy_to(upstream::echo().await).start().await
}

async fn sent(gateway: &Gateway, target: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    raw::exchange(gateway.address(), request.as_bytes()).await
}

#[tokio::test]
async fn the_upstream_gets_the_path_that_was_routed() {
    let gateway = echoing().await;
    for (target, path) in [
        ("/a//b", "/a//b"),
        ("/a%2fb", "/a%2Fb"),
        ("/a/;x/b", "/a/;x/b"),
        ("/a|b", "/a%7Cb"),
        ("/x/%2e%2e/a", "/a"),
    ] {
        let answer = sent(&gateway, target).await;
        assert_eq!(raw::status(&answer), 200, "{target}: {answer}");
        let seen = format!("{}", json!(path));
        assert!(answer.contains(&seen), "{target}: {answer}");
    }
    for target in [r"/a\b", r"/x\..\a"] {
        let answer = sent(&gateway, target).await;
        assert_eq!(raw::status(&answer), 400, "{target}: {answer}");
        assert!(answer.contains(r#""code":"bad-path""#), "{answer}");
    }
}

#[tokio::test]
async fn trace_is_refused_on_both_versions() {
    let gateway = echoing().await;
    let address = gateway.address();
    let trace = |uri: &str| {
        let sent = request(Method::TRACE, address, uri);
        sent.header("authorization", "secret")
            .body(empty())
            .unwrap()
    };
    let answers = [
        client::send(address, trace("/")).await,
        client::send_h2(address, trace(&format!("http://{address}/"))).await,
    ];
    for answer in answers {
        answer.is_problem(501, "trace-refused");
        assert!(!answer.text().contains("secret"));
    }
    let sums = gateway.metrics().await;
    assert_eq!(sums.sum("witgate_upstream_requests_total", &[]), 0.0);
}
