//! Connections that become something else: WebSocket passes, CONNECT does not.

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::support::{eventually, gateway::Setup, raw, soon, upstream};

async fn websocket_echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                let (mut sink, mut source) = socket.split();
                while let Some(Ok(message)) = source.next().await {
                    if (message.is_text() || message.is_binary())
                        && sink.send(message).await.is_err()
                    {
                        break;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_websocket_talks_both_ways() {
    let gateway = Setup::proxy_to(websocket_echo().await).start().await;
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let request = format!("ws://{}/chat", gateway.address())
        .into_client_request()
        .unwrap();
    let (mut socket, response) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    assert_eq!(response.status(), 101);
    for text in ["one", "two"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(
            soon(text, socket.next()).await.unwrap().unwrap(),
            Message::text(text)
        );
    }
    let large = Message::binary(vec![9; 1 << 20]);
    socket.send(large.clone()).await.unwrap();
    assert_eq!(
        soon("a large message", socket.next())
            .await
            .unwrap()
            .unwrap(),
        large
    );
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = soon("the end", socket.next()).await {}
    gateway
        .access
        .wait_for("the upgraded exchange", |line| line["status"] == 101)
        .await;
    assert_eq!(
        gateway.metrics().await.sum("witgate_upgrades_total", &[]),
        1.0
    );
}

/// One worker carries many at once: an upgraded connection must not hold it.
#[tokio::test]
async fn many_websockets_share_a_worker() {
    let gateway = Setup::proxy_to(websocket_echo().await)
        .settings("workers: 1")
        .start()
        .await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        let stream = TcpStream::connect(gateway.address()).await.unwrap();
        let request = format!("ws://{}/", gateway.address())
            .into_client_request()
            .unwrap();
        sockets.push(
            tokio_tungstenite::client_async(request, stream)
                .await
                .unwrap()
                .0,
        );
    }
    for socket in &mut sockets {
        socket.send(Message::text("hello")).await.unwrap();
    }
    for socket in &mut sockets {
        assert_eq!(
            soon("an answer", socket.next()).await.unwrap().unwrap(),
            Message::text("hello")
        );
    }
    drop(sockets);
    eventually("all connections closed", || async {
        gateway.metrics().await.sum("witgate_connections_open", &[]) <= 1.0
    })
    .await;
}

/// A stream that outlives many tables, the one that it began on included.
#[tokio::test]
async fn a_websocket_lives_through_reloads() {
    let up = websocket_echo().await;
    let gateway = Setup::proxy_to(up).start().await;
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let uri = format!("ws://{}/", gateway.address());
    let (mut socket, _) = tokio_tungstenite::client_async(uri, stream).await.unwrap();
    for number in 0..3 {
        let answer = format!("{number}");
        gateway.write(
            "routes.d/routes.yaml",
            format!("routes: [{{ name: all, respond: {{ body: '{answer}' }} }}]"),
        );
        gateway.answers("/", 200, &answer).await;
        socket.send(Message::text(&answer)).await.unwrap();
        assert_eq!(
            soon("an answer", socket.next()).await.unwrap().unwrap(),
            Message::text(&answer)
        );
    }
}

#[tokio::test]
async fn an_upstream_may_decline_an_upgrade() {
    let gateway = Setup::proxy_to(upstream::echo().await).start().await;
    let sent =
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n";
    let answer = raw::exchange(gateway.address(), sent).await;
    assert_eq!(raw::status(&answer), 200, "{answer}");
}

#[tokio::test]
async fn connect_is_refused() {
    let gateway = Setup::proxy_to(upstream::echo().await).start().await;
    let sent = b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n";
    let answer = raw::exchange(gateway.address(), sent).await;
    assert!([405, 501].contains(&raw::status(&answer)), "{answer}");
}
