//! SIGTERM: nothing new, what is in flight ends, then a deadline.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc};

use crate::support::{
    client::{self, Answer, empty, request, streamed},
    eventually,
    gateway::{Gateway, Setup},
    raw, soon, upstream,
};

/// A gateway whose upstream answers with bodies that the test writes.
async fn streaming(settings: &str) -> (Gateway, mpsc::Receiver<mpsc::Sender<Frame<Bytes>>>) {
    let (sender, pieces) = mpsc::channel(8);
    let up = upstream::serve(move |_| {
        let sender = sender.clone();
        async move {
            let (pieces, body) = streamed();
            sender.send(pieces).await.unwrap();
            Response::new(body)
        }
    })
    .await;
    (Setup::proxy_to(up).settings(settings).start().await, pieces)
}

async fn refuses_connections(gateway: &Gateway) {
    let address = gateway.address();
    eventually("the listener's end", || async move {
        TcpStream::connect(address).await.is_err()
    })
    .await;
}

#[tokio::test]
async fn what_is_in_flight_ends() {
    let (mut gateway, mut pieces) = streaming("").await;
    let mut first = client::h1(gateway.address()).await;
    let mut second = client::h2(gateway.address()).await;
    let sent = request(Method::GET, gateway.address(), "/")
        .body(empty())
        .unwrap();
    let first = first.send_request(sent);
    let uri = format!("http://{}/", gateway.address());
    let second = second.send_request(Request::get(uri).body(empty()).unwrap());
    let (first, second) = tokio::join!(first, second);
    let bodies = [first.unwrap().into_body(), second.unwrap().into_body()];
    let upstreams = [pieces.recv().await.unwrap(), pieces.recv().await.unwrap()];
    gateway.signal("TERM");
    refuses_connections(&gateway).await;
    assert!(gateway.running());
    for upstream in upstreams {
        upstream.send(Frame::data("late".into())).await.unwrap();
    }
    for body in bodies {
        assert_eq!(
            soon("the body", body.collect()).await.unwrap().to_bytes(),
            "late"
        );
    }
    assert!(gateway.ended().await.success());
}

#[tokio::test]
async fn readiness_ends_first() {
    let (mut gateway, mut pieces) = streaming("").await;
    assert_eq!(gateway.admin("/livez").await.status(), 200);
    assert_eq!(gateway.admin("/readyz").await.status(), 200);
    let mut connection = client::h1(gateway.address()).await;
    let sent = request(Method::GET, gateway.address(), "/")
        .body(empty())
        .unwrap();
    let response = connection.send_request(sent).await.unwrap();
    let upstream = pieces.recv().await.unwrap();
    gateway.signal("TERM");
    eventually("readiness off", || async {
        gateway.admin("/readyz").await.status() == 503
    })
    .await;
    assert_eq!(gateway.admin("/livez").await.status(), 200);
    drop(upstream);
    response.into_body().collect().await.unwrap();
    assert!(gateway.ended().await.success());
}

/// HTTP/2 clients learn from GOAWAY which requests were not taken: all others are answered, whole.
#[tokio::test]
async fn no_request_over_http2_is_lost() {
    let mut gateway = Setup::proxy_to(upstream::echo().await).start().await;
    let address = gateway.address();
    let uri = format!("http://{address}/");
    let (answered, mut answers) = mpsc::unbounded_channel();
    let connection = client::h2(address).await;
    let clients = (0..8).map(|_| {
        let (mut connection, uri) = (connection.clone(), uri.clone());
        let answered = answered.clone();
        tokio::spawn(async move {
            while connection.ready().await.is_ok() {
                let sent = Request::get(&uri).body(empty()).unwrap();
                match connection.send_request(sent).await {
                    Ok(response) => assert_eq!(Answer::of(response).await.status(), 200),
                    Err(error) => {
                        assert!(error.is_canceled(), "it was sent, and lost: {error:?}");
                        break;
                    }
                }
                // Nobody listens any more once there is load.
                let _ = answered.send(());
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    for _ in 0..50 {
        soon("load", answers.recv()).await;
    }
    drop(connection);
    gateway.signal("TERM");
    for client in clients {
        soon("the end of a client", client).await.unwrap();
    }
    assert!(gateway.ended().await.success());
}

#[tokio::test]
async fn idle_connections_do_not_hold_it() {
    let mut gateway = Setup::proxy_to(upstream::echo().await).start().await;
    let mut idle = TcpStream::connect(gateway.address()).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    raw::until(&mut idle, "\"version\"").await;
    let _h2 = client::h2(gateway.address()).await;
    let begun = Instant::now();
    gateway.signal("TERM");
    assert!(gateway.ended().await.success());
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn the_deadline_cuts_what_remains() {
    let (mut gateway, mut pieces) = streaming("timeouts: { drain: 300ms }").await;
    let mut connection = client::h1(gateway.address()).await;
    let sent = request(Method::GET, gateway.address(), "/")
        .body(empty())
        .unwrap();
    let response = connection.send_request(sent).await.unwrap();
    let _upstream = pieces.recv().await.unwrap();
    let begun = Instant::now();
    gateway.signal("TERM");
    gateway.ended().await;
    assert!(
        begun.elapsed() >= Duration::from_millis(300),
        "{:?}",
        begun.elapsed()
    );
    assert!(response.into_body().collect().await.is_err());
}
