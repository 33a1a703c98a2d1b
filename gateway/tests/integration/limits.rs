//! Every limit meets a clear answer.

use http::{Method, Request};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::{
    client::{self, empty, full, request, streamed},
    gateway::{Gateway, Setup},
    raw, soon, upstream,
};

async fn limited(settings: &str) -> Gateway {
    Setup::proxy_to(upstream::echo().await)
        .settings(settings)
        .start()
        .await
}

#[tokio::test]
async fn a_head_of_too_many_bytes() {
    let gateway = limited("limits: { header-bytes: 4KiB }").await;
    let fits = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Fill: {}\r\n\r\n",
        "a".repeat(3000)
    );
    assert_eq!(
        raw::status(&raw::exchange(gateway.address(), fits).await),
        200
    );
    let over = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX-Fill: {}\r\n\r\n",
        "a".repeat(5000)
    );
    assert_eq!(
        raw::status(&raw::exchange(gateway.address(), over).await),
        431
    );
}

#[tokio::test]
async fn a_head_of_too_many_bytes_over_http2() {
    let gateway = limited("limits: { header-bytes: 4KiB }").await;
    let uri = format!("http://{}/", gateway.address());
    let sent = Request::get(&uri)
        .header("x-fill", "a".repeat(5000))
        .body(empty())
        .unwrap();
    assert_eq!(client::send_h2(gateway.address(), sent).await.status(), 431);
    let sent = Request::get(&uri)
        .header("x-fill", "a".repeat(2000))
        .body(empty())
        .unwrap();
    assert_eq!(client::send_h2(gateway.address(), sent).await.status(), 200);
}

#[tokio::test]
async fn too_many_fields() {
    let gateway = limited("limits: { header-count: 10 }").await;
    let with = |count: usize| {
        let fields = (0..count)
            .map(|number| format!("X-{number}: 1\r\n"))
            .collect::<String>();
        format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n")
    };
    assert_eq!(
        raw::status(&raw::exchange(gateway.address(), with(8)).await),
        200
    );
    assert_eq!(
        raw::status(&raw::exchange(gateway.address(), with(20)).await),
        431
    );
}

#[tokio::test]
async fn too_long_a_target() {
    let gateway = limited("limits: { uri-length: 1KiB }").await;
    assert_eq!(
        gateway.get(&format!("/{}", "a".repeat(900))).await.status(),
        200
    );
    assert_eq!(
        gateway
            .get(&format!("/{}", "a".repeat(1100)))
            .await
            .status(),
        414
    );
}

#[tokio::test]
async fn too_long_a_body_that_says_so() {
    let gateway = limited("limits: { body: 1KiB }").await;
    let sent = |size| {
        request(Method::POST, gateway.address(), "/")
            .body(full(vec![0; size]))
            .unwrap()
    };
    assert_eq!(
        client::send(gateway.address(), sent(1024)).await.status(),
        200
    );
    assert_eq!(
        client::send(gateway.address(), sent(1025)).await.status(),
        413
    );
}

#[tokio::test]
async fn too_long_a_body_that_does_not() {
    let gateway = limited("limits: { body: 1KiB }").await;
    let mut connection = client::h1(gateway.address()).await;
    let (pieces, body) = streamed();
    let sent = request(Method::POST, gateway.address(), "/")
        .body(body)
        .unwrap();
    let response = tokio::spawn(connection.send_request(sent));
    // The gateway may hang up before all of it is sent.
    for _ in 0..3 {
        let _ = pieces
            .send(hyper::body::Frame::data(vec![0; 600].into()))
            .await;
    }
    drop(pieces);
    let response = soon("an answer", response)
        .await
        .unwrap()
        .expect("an answer");
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn a_route_may_allow_more() {
    let up = upstream::echo().await;
    let yaml = format!(
        "upstreams: {{ up: 'http://{up}' }}\nroutes:\n  - {{ name: small, to: up }}\n  - {{ name: upload, match: {{ prefix: /upload }}, to: up, limits: {{ body: 1MiB }} }}"
    );
    let gateway = Setup::new()
        .routes(&yaml)
        .settings("limits: { body: 10 }")
        .start()
        .await;
    let sent = |path| {
        request(Method::POST, gateway.address(), path)
            .body(full(vec![0; 1000]))
            .unwrap()
    };
    assert_eq!(
        client::send(gateway.address(), sent("/")).await.status(),
        413
    );
    assert_eq!(
        client::send(gateway.address(), sent("/upload"))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let gateway = limited("workers: 1\nlimits: { connections: 2 }").await;
    let sent = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut first = TcpStream::connect(gateway.address()).await.unwrap();
    let mut second = TcpStream::connect(gateway.address()).await.unwrap();
    for stream in [&mut first, &mut second] {
        stream.write_all(sent).await.unwrap();
        raw::until(stream, "\"version\"").await;
    }
    let mut third = TcpStream::connect(gateway.address()).await.unwrap();
    third.write_all(sent).await.unwrap();
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), third.readable()).await;
    assert!(
        early.is_err(),
        "the third connection was served beside two others"
    );
    drop(first);
    raw::until(&mut third, "200 OK").await;
}

#[tokio::test]
async fn the_gateway_says_how_many_streams_it_takes() {
    let gateway = limited("limits: { streams: 7 }").await;
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (_client, connection) = h2::client::handshake(stream).await.unwrap();
    let mut connection = Box::pin(connection);
    crate::support::eventually("the settings", || {
        let _ = futures_util::FutureExt::now_or_never(&mut connection);
        let streams = connection.max_concurrent_send_streams();
        async move { streams == 7 }
    })
    .await;
}
