//! The gateway's own answers: problem documents, and trailers-only statuses for gRPC.

use http::{Method, Request};

use crate::support::{
    client::{self, empty, full, request},
    gateway::Setup,
    ports, raw,
};

#[tokio::test]
async fn no_route() {
    let gateway = Setup::new()
        .routes("routes: [{ name: a, match: { path: /a }, respond: {} }]")
        .start()
        .await;
    let answer = gateway.get("/b").await;
    answer.is_problem(404, "no-route");
    let id = answer.json()["request-id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("x-request-id"), Some(id.as_str()));
    let line = gateway
        .access
        .wait_for("the problem", |line| line["id"] == id.as_str())
        .await;
    assert_eq!(line["code"], "no-route");
}

/// Also what is refused before routing has an id, and a client that its record names.
#[tokio::test]
async fn a_refused_request() {
    let gateway = Setup::new()
        .routes("routes: [{ name: a, respond: {} }]")
        .start()
        .await;
    let answer = gateway.get("/a%zz").await;
    answer.is_problem(400, "bad-path");
    let id = answer.json()["request-id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("x-request-id"), Some(id.as_str()));
    gateway
        .access
        .wait_for("the refusal", |line| {
            line["id"] == id.as_str() && line["client"] == "127.0.0.1"
        })
        .await;
}

#[tokio::test]
async fn an_upstream_that_is_not_there() {
    let gateway = Setup::proxy_to(ports::reserved()).start().await;
    gateway
        .get("/")
        .await
        .is_problem(502, "upstream-unreachable");
    gateway
        .access
        .wait_for("the failure", |line| {
            line["ending"] == "upstream-failed" && line["upstream"] == "up"
        })
        .await;
}

#[tokio::test]
async fn an_upstream_that_speaks_something_else() {
    let up = raw::answering(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
    let gateway = Setup::proxy_to(up).start().await;
    let answer = gateway.get("/").await;
    assert_eq!(answer.status(), 502, "{}", answer.text());
}

#[tokio::test]
async fn an_upstream_that_hangs_up() {
    let up = raw::answering(b"").await;
    let gateway = Setup::proxy_to(up).start().await;
    assert_eq!(gateway.get("/").await.status(), 502);
}

#[tokio::test]
async fn a_problem_never_tells_about_the_inside() {
    let up = ports::reserved();
    let gateway = Setup::proxy_to(up).start().await;
    let text = gateway.get("/").await.text();
    assert!(
        !text.contains(&up.port().to_string()) && !text.contains("os error"),
        "{text}"
    );
}

#[tokio::test]
async fn a_head_request_gets_the_head_of_a_problem() {
    let gateway = Setup::proxy_to(ports::reserved()).start().await;
    let sent = request(Method::HEAD, gateway.address(), "/")
        .body(empty())
        .unwrap();
    let answer = client::send(gateway.address(), sent).await;
    assert_eq!(
        (answer.status().as_u16(), answer.text().as_str()),
        (502, "")
    );
}

/// gRPC over HTTP/2: 200, and the status where a client looks for it when there is no body.
#[tokio::test]
async fn a_grpc_call_gets_a_trailers_only_status() {
    let unavailable = Setup::proxy_to(ports::reserved()).start().await;
    let unimplemented = Setup::new()
        .routes("routes: [{ name: a, match: { path: /a }, respond: {} }]")
        .start()
        .await;
    for (gateway, status) in [(unavailable, "14"), (unimplemented, "12")] {
        let sent = Request::post(format!("http://{}/shop.Orders/Get", gateway.address()))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(full(&b"\0\0\0\0\0"[..]))
            .unwrap();
        let answer = client::send_h2(gateway.address(), sent).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.header("content-type"), Some("application/grpc"));
        assert_eq!(answer.header("grpc-status"), Some(status));
        assert!(answer.header("grpc-message").is_some());
        assert!(answer.body.is_empty());
    }
}
