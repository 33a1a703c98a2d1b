//! Every timeout meets a clear answer, and only then.

use std::time::{Duration, Instant};

use http::{Method, Response};
use hyper::body::Frame;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    client::{self, Answer, empty, request, streamed},
    gateway::{Gateway, Setup},
    raw, soon, upstream,
};

async fn silent_upstream() -> std::net::SocketAddr {
    raw::upstream(|mut stream| async move {
        let mut piece = [0; 1024];
        while stream.read(&mut piece).await.is_ok_and(|count| count > 0) {}
    })
    .await
}

async fn with(upstream: std::net::SocketAddr, settings: &str) -> Gateway {
    Setup::proxy_to(upstream).settings(settings).start().await
}

#[tokio::test]
async fn an_upstream_that_does_not_answer() {
    let gateway = with(silent_upstream().await, "timeouts: { request: 200ms }").await;
    let begun = Instant::now();
    let answer = gateway.get("/").await;
    assert_eq!(answer.status(), 504);
    assert!(
        begun.elapsed() >= Duration::from_millis(200),
        "{:?}",
        begun.elapsed()
    );
    gateway
        .access
        .wait_for("the timeout", |line| {
            line["ending"] == "timeout" && line["status"] == 504
        })
        .await;
}

#[tokio::test]
async fn a_route_has_its_own() {
    let up = silent_upstream().await;
    let yaml = format!(
        "upstreams: {{ up: 'http://{up}' }}\nroutes: [{{ name: all, to: up, timeouts: {{ request: 100ms }} }}]"
    );
    let gateway = Setup::new().routes(&yaml).start().await;
    assert_eq!(gateway.get("/").await.status(), 504);
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_in_time() {
    // The backlog of a socket that nobody accepts from fills up; then connecting hangs.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        waiting.push(stream.unwrap());
        assert!(waiting.len() < 50, "the backlog does not fill");
    }
    let gateway = with(address, "timeouts: { connect: 200ms }").await;
    assert_eq!(gateway.get("/").await.status(), 504);
}

#[tokio::test]
async fn a_head_that_does_not_end() {
    let gateway = with(upstream::echo().await, "timeouts: { request-head: 200ms }").await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        .await
        .unwrap();
    let answer = raw::until_closed(&mut stream).await;
    assert!(answer.is_empty() || raw::status(&answer) == 408, "{answer}");
}

#[tokio::test]
async fn a_connection_without_a_request() {
    let gateway = with(upstream::echo().await, "timeouts: { idle: 300ms }").await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let begun = Instant::now();
    raw::until_closed(&mut stream).await;
    assert!(
        begun.elapsed() >= Duration::from_millis(300),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_response_body_without_a_byte() {
    let up = upstream::serve(|_| async {
        let (pieces, body) = streamed();
        tokio::spawn(async move {
            pieces.send(Frame::data("begun".into())).await.unwrap();
            std::future::pending::<()>().await;
        });
        Response::new(body)
    })
    .await;
    let gateway = with(up, "timeouts: { idle: 300ms }").await;
    let mut connection = client::h1(gateway.address()).await;
    let sent = request(Method::GET, gateway.address(), "/")
        .body(empty())
        .unwrap();
    let response = connection.send_request(sent).await.unwrap();
    assert!(soon("the end", Answer::complete(response)).await.is_err());
    gateway
        .access
        .wait_for("the timeout", |line| line["ending"] == "timeout")
        .await;
}

#[tokio::test]
async fn a_request_body_without_a_byte() {
    let gateway = with(upstream::echo().await, "timeouts: { idle: 300ms }").await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        .await
        .unwrap();
    let answer = raw::until_closed(&mut stream).await;
    assert_eq!(raw::status(&answer), 408, "{answer}");
}

#[tokio::test]
async fn a_stream_that_keeps_moving_may_take_long() {
    let up = upstream::serve(|_| async {
        let (pieces, body) = streamed();
        tokio::spawn(async move {
            for _ in 0..10 {
                pieces.send(Frame::data("tick ".into())).await.unwrap();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Response::new(body)
    })
    .await;
    let gateway = with(up, "timeouts: { idle: 600ms, request: 500ms }").await;
    assert_eq!(gateway.get("/").await.text(), "tick ".repeat(10));
}
