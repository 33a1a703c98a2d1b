//! What counts, and what it comes to.

use super::*;
use crate::support::raw;

#[tokio::test]
async fn a_share_of_failures_opens() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "ratio: { share: 50%, minimum-calls: 6 }").await;
    for path in ["/200", "/200", "/200", "/500", "/500"] {
        status(&gateway, path, &[]).await;
    }
    assert_eq!(status(&gateway, "/500", &[]).await, 500);
    is_open(&gateway.get("/200").await);
    assert_eq!(moves(&gateway, "open", "ratio").await, 1.0);
}

#[tokio::test]
async fn what_left_the_window_counts_no_more() {
    let up = Upstream::start().await;
    let window = "ratio: { share: 100%, window: 100ms, minimum-calls: 2 }";
    let gateway = guarded(up.address, window).await;
    for _ in 0..4 {
        assert_eq!(status(&gateway, "/500", &[]).await, 500);
        // Nothing tells that time has passed.
        tokio::time::sleep(Duration::from_millis(110)).await;
    }
    assert_eq!(moves(&gateway, "open", "ratio").await, 0.0);
}

#[tokio::test]
async fn slow_calls_open() {
    let up = Upstream::start().await;
    let slow = "slow: { longer-than: 200ms, minimum-calls: 4 }";
    let gateway = guarded(up.address, slow).await;
    // What a stream takes to its end says nothing.
    for path in ["/stream", "/stream", "/stream", "/late"] {
        assert_eq!(status(&gateway, path, &[]).await, 200);
    }
    assert_eq!(moves(&gateway, "open", "slow").await, 0.0);
    for path in ["/late", "/late"] {
        assert_eq!(status(&gateway, path, &[]).await, 200);
    }
    is_open(&gateway.get("/200").await);
    assert_eq!(moves(&gateway, "open", "slow").await, 1.0);
}

#[tokio::test]
async fn an_upstream_that_breaks_off_fails() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "failures: 2").await;
    for _ in 0..2 {
        let mut connection = client::h1(gateway.address()).await;
        let sent = request(Method::GET, gateway.address(), "/break").body(empty());
        // Before its response began or after: that is the upstream's choice.
        if let Ok(response) = connection.send_request(sent.unwrap()).await {
            assert!(response.status() == 502 || Answer::complete(response).await.is_err());
        }
    }
    eventually("an open circuit", || async {
        gateway.get("/200").await.status() == 503
    })
    .await;
}

#[tokio::test]
async fn an_upstream_that_is_not_there_fails() {
    let gateway = guarded("127.0.0.1:1".parse().unwrap(), "failures: 2").await;
    for _ in 0..2 {
        gateway
            .get("/")
            .await
            .is_problem(502, "upstream-unreachable");
    }
    is_open(&gateway.get("/").await);
}

#[tokio::test]
async fn a_deadline_that_passes_counts_as_it_is_weighed() {
    let up = Upstream::start().await;
    let yaml = route(up.address, "failures: 4, weights: { timeout: 2 }");
    let yaml = format!("{yaml}\n    timeouts: {{ request: 100ms }}");
    let gateway = setup().routes(&yaml).start().await;
    for _ in 0..2 {
        gateway
            .get("/late")
            .await
            .is_problem(504, "upstream-timeout");
    }
    is_open(&gateway.get("/200").await);
}

#[tokio::test]
async fn what_others_did_does_not_count() {
    let up = Upstream::start().await;
    let yaml = format!(
        "upstreams: {{ up: 'http://{}' }}\n\
         routes:\n  - name: all\n    plugins: [{{ circuit-breaker: {{ failures: 1 }} }}, caller]\n    to: up",
        up.address
    );
    let gateway = setup().routes(&yaml).start().await;
    assert_eq!(status(&gateway, "/200", &[("x-refuse", "500")]).await, 500);
    let noted = [("x-refuse", "401"), ("x-note", "token-invalid")];
    assert_eq!(status(&gateway, "/200", &noted).await, 401);
    // A client that goes away.
    let asked = up.asked();
    let mut gone = tokio::net::TcpStream::connect(gateway.address())
        .await
        .unwrap();
    let sent = b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut gone, sent)
        .await
        .unwrap();
    up.is_asked(asked + 1).await;
    drop(gone);
    gateway
        .access
        .wait_for("the client that left", |line| {
            line["ending"] == "client-gone"
        })
        .await;
    // An upload that does not come to its end.
    let cut = "POST /200 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf";
    let mut half = tokio::net::TcpStream::connect(gateway.address())
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut half, cut.as_bytes())
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut half).await.unwrap();
    raw::until_closed(&mut half).await;
    assert_eq!(status(&gateway, "/200", &[]).await, 200);
}

#[tokio::test]
async fn notes_count_as_they_are_weighed() {
    let up = Upstream::start().await;
    let yaml = format!(
        "upstreams: {{ up: 'http://{}' }}\n\
         routes:\n  - name: all\n    plugins:\n      \
         - circuit-breaker: {{ failures: 4, weights: {{ token-invalid: 1 }} }}\n      - caller\n    to: up",
        up.address
    );
    let gateway = setup().routes(&yaml).start().await;
    for (note, refused) in [
        ("introspection-failed", "503"),
        ("token-invalid", "401"),
        ("introspection-failed", "503"),
    ] {
        let fields = [("x-note", note), ("x-refuse", refused)];
        assert_eq!(status(&gateway, "/200", &fields).await.to_string(), refused);
    }
    is_open(&gateway.get("/200").await);
    assert_eq!(up.asked(), 0);
}
