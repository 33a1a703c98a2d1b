//! `wait-first`: a response's head that a plugin holds back, through the whole gateway.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Response};
use http_body::Frame;
use tokio::sync::mpsc;

use crate::support::{
    client::{self, Answer, empty, request, streamed},
    components, eventually,
    gateway::{Gateway, Setup},
    soon, upstream,
};

/// A gateway whose plugin holds the head back until a piece of four bytes.
async fn holding(up: SocketAddr, timeouts: &str) -> Gateway {
    Setup::new()
        .settings(&format!(
            "plugins: {{ hostile: {{ component: '{}', grants: [metrics] }} }}\n{timeouts}",
            components::fixture("hostile").display()
        ))
        .routes(&format!(
            "upstreams: {{ up: 'http://{up}' }}\nroutes: [{{ name: all, to: up, plugins: \
             [hostile: {{ on-response: wait-first, on-response-body: hold-first, most: 4 }}] }}]"
        ))
        .start()
        .await
}

type Pieces = mpsc::Sender<Frame<Bytes>>;

/// An upstream whose bodies come when the test says so.
async fn slow() -> (SocketAddr, mpsc::UnboundedReceiver<Pieces>) {
    let (bodies, asked) = mpsc::unbounded_channel();
    let address = upstream::serve(move |_| {
        let bodies = bodies.clone();
        async move {
            let (pieces, body) = streamed();
            bodies.send(pieces).unwrap();
            Response::new(body)
        }
    })
    .await;
    (address, asked)
}

async fn send(pieces: &Pieces, piece: &'static str) {
    pieces.send(Frame::data(piece.into())).await.unwrap();
}

async fn ended(gateway: &Gateway, ending: &str) {
    let label = format!("ending=\"{ending}\"");
    eventually(&label, || async {
        let metrics = gateway.metrics().await;
        metrics.sum("witgate_plugin_ended", &[label.as_str()]) == 1.0
    })
    .await;
}

#[tokio::test]
async fn it_goes_out_with_what_the_plugin_lets_through() {
    let (up, mut asked) = slow().await;
    let gateway = holding(up, "").await;
    let mut connection = client::h1(gateway.address()).await;
    let sent = request(Method::GET, gateway.address(), "/").body(empty());
    let answer = tokio::spawn(connection.send_request(sent.unwrap()));
    let pieces = soon("the request", asked.recv()).await.unwrap();
    send(&pieces, "ab").await;
    send(&pieces, "cd").await;
    let answer = soon("the head", answer).await.unwrap().unwrap();
    assert_eq!(answer.status(), 203);
    assert_eq!(answer.headers()["x-length"], "4");
    // The stream goes on.
    send(&pieces, "efgh").await;
    drop(pieces);
    assert_eq!(Answer::of(answer).await.text(), "abcdefgh");
    ended(&gateway, "complete").await;
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_wait_for_it() {
    let (up, mut asked) = slow().await;
    let gateway = holding(up, "").await;
    let mut connection = client::h2(gateway.address()).await;
    let sent = request(Method::GET, gateway.address(), "/").body(empty());
    let answer = tokio::spawn(connection.send_request(sent.unwrap()));
    let pieces = soon("the request", asked.recv()).await.unwrap();
    send(&pieces, "ab").await;
    answer.abort();
    drop(connection);
    ended(&gateway, "client-gone").await;
    soon("the upstream to be told", pieces.closed()).await;
}

#[tokio::test]
async fn an_upstream_that_falls_silent_does_not_hold_it_for_ever() {
    let (up, mut asked) = slow().await;
    let gateway = holding(up, "timeouts: { idle: 300ms }").await;
    let address = gateway.address();
    let answer = tokio::spawn(async move { client::get(address, "/").await });
    let pieces = soon("the request", asked.recv()).await.unwrap();
    send(&pieces, "ab").await;
    let answer = soon("an answer", answer).await.unwrap();
    answer.is_problem(502, "upstream-reset");
}
