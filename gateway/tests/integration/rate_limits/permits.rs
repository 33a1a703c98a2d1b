//! Limits on concurrency: a permit is held until the last byte, and given back however the exchange ends.

use std::{future::pending, sync::Arc};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc},
};

use crate::support::{
    client::{self, Content, empty, full, request, streamed},
    eventually,
    gateway::{Gateway, Setup},
    raw, soon, upstream,
};

type Piece = mpsc::Sender<Frame<Bytes>>;

/// A gateway that lets one request through at a time, to an upstream whose `/stream` goes on as long as the test holds what
/// it is sent with, whose `/never` never answers, and that answers everything else.
async fn one_at_a_time() -> (Gateway, mpsc::UnboundedReceiver<Piece>) {
    let (open, opened) = mpsc::unbounded_channel();
    let upstream = upstream::serve(move |request: Request<Incoming>| {
        let open = open.clone();
        async move {
            match request.uri().path() {
                "/stream" => {
                    let (sender, body) = streamed();
                    open.send(sender).unwrap();
                    Response::new(body)
                }
                "/never" => pending().await,
                _ => Response::new(full("whole")),
            }
        }
    })
    .await;
    let gateway = Setup::new()
        .routes(&format!(
            "upstreams: {{ up: 'http://{upstream}' }}\n\
             routes: [{{ name: all, rate-limits: [{{ concurrency: 1 }}], to: up }}]"
        ))
        .start()
        .await;
    (gateway, opened)
}

async fn under_way(gateway: &Gateway) -> f64 {
    let metrics = gateway.metrics().await;
    metrics.sum("witgate_rate_limit_under_way", &["limit=\"all/1\""])
}

async fn is_free_again(gateway: &Gateway) {
    eventually("a free permit", || async {
        under_way(gateway).await == 0.0
    })
    .await;
    assert_eq!(gateway.get("/").await.text(), "whole");
}

fn get(gateway: &Gateway, path: &str) -> Request<Content> {
    let request = request(Method::GET, gateway.address(), path);
    request.body(empty()).unwrap()
}

#[tokio::test]
async fn a_permit_is_held_until_the_last_byte() {
    let (gateway, mut opened) = one_at_a_time().await;
    let mut sender = client::h1(gateway.address()).await;
    let response = sender.send_request(get(&gateway, "/stream")).await.unwrap();
    let pieces = soon("the stream", opened.recv()).await.unwrap();
    let mut body = response.into_body();
    pieces
        .send(Frame::data(Bytes::from_static(b"first")))
        .await
        .unwrap();
    soon("the first piece", body.frame())
        .await
        .unwrap()
        .unwrap();
    let refused = gateway.get("/").await;
    refused.is_problem(429, "concurrency-limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(
        refused.header("ratelimit-policy"),
        Some("\"all/1\";q=1;qu=\"concurrent-requests\"")
    );
    drop(pieces);
    assert!(soon("the end", body.frame()).await.is_none());
    is_free_again(&gateway).await;
}

#[tokio::test]
async fn a_client_that_goes_away_holds_nothing() {
    let (gateway, mut opened) = one_at_a_time().await;
    for path in ["/stream", "/never"] {
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        let sent = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(sent.as_bytes()).await.unwrap();
        eventually("a request", || async { under_way(&gateway).await == 1.0 }).await;
        let pieces = match path {
            "/stream" => soon("the stream", opened.recv()).await,
            _ => None,
        };
        gateway
            .get("/")
            .await
            .is_problem(429, "concurrency-limited");
        drop(stream);
        is_free_again(&gateway).await;
        drop(pieces);
    }
}

#[tokio::test]
async fn a_stream_that_is_reset_holds_nothing() {
    let (gateway, mut opened) = one_at_a_time().await;
    let mut sender = client::h2(gateway.address()).await;
    for _ in 0..3 {
        let mut request = get(&gateway, "/stream");
        *request.uri_mut() = format!("http://{}/stream", gateway.address())
            .parse()
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let pieces = soon("the stream", opened.recv()).await.unwrap();
        assert_eq!(under_way(&gateway).await, 1.0);
        drop(response);
        is_free_again(&gateway).await;
        drop(pieces);
    }
}

/// A WebSocket is under way until it is closed.
#[tokio::test]
async fn an_upgraded_stream_holds_its_permit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = listener.local_addr().unwrap();
    let sockets = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&sockets);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let socket = tokio_tungstenite::accept_async(stream).await;
            kept.lock().await.extend(socket.ok());
        }
    });
    let gateway = Setup::new()
        .routes(&format!(
            "upstreams: {{ up: 'http://{upstream}' }}\n\
             routes: [{{ name: all, rate-limits: [{{ concurrency: 1 }}], to: up }}]"
        ))
        .start()
        .await;
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let uri = format!("ws://{}/chat", gateway.address());
    let (mut socket, response) = tokio_tungstenite::client_async(uri, stream).await.unwrap();
    assert_eq!(response.status(), 101);
    let refused = raw::exchange(
        gateway.address(),
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(raw::status(&refused.await), 429);
    assert_eq!(under_way(&gateway).await, 1.0);
    let served = soon("the server's end", async {
        loop {
            if let Some(served) = sockets.lock().await.pop() {
                return served;
            }
            tokio::task::yield_now().await;
        }
    });
    drop(served.await);
    while let Some(Ok(_)) = soon("the end", socket.next()).await {}
    drop(socket);
    eventually("a free permit", || async {
        under_way(&gateway).await == 0.0
    })
    .await;
}
