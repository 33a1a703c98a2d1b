//! gRPC-Web with bytes by hand: both forms, over HTTP/1.1 and HTTP/2, before a real gRPC server.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use h2::Reason;
use http::{Method, Request};
use http_body_util::BodyExt;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    sync::{Notify, mpsc},
};

use super::{
    Server,
    peer::{self, message},
};
use crate::support::{
    client::{self, Answer, full, request},
    components, eventually,
    gateway::{Gateway, Setup},
    raw, soon, tools,
};

const BINARY: &str = "application/grpc-web+proto";
const TEXT: &str = "application/grpc-web-text";

async fn proxy(upstream: SocketAddr, more: &str) -> Gateway {
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{upstream}'], protocol: http2 }} }}\n\
         routes:\n  - {{ name: echo, match: {{ grpc: witgate.test.Echo, \
         headers: {{ content-type: application/grpc }} }}, to: up }}\n{more}"
    );
    Setup::new()
        .settings(&format!(
            "plugins: {{ hostile: {{ component: '{}', grants: [metrics] }} }}",
            components::fixture("hostile").display()
        ))
        .routes(&yaml)
        .start()
        .await
}

/// Messages and trailers of a response's body.
fn parts(mut body: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut messages, mut trailers) = (Vec::new(), Vec::new());
    while let [flags, a, b, c, d, rest @ ..] = body {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (payload, rest) = rest.split_at(length);
        let text = String::from_utf8_lossy(payload).into_owned();
        match flags {
            0 => messages.push(text),
            0x80 => trailers.extend(text.split_terminator("\r\n").map(String::from)),
            _ => panic!("flags {flags}"),
        }
        body = rest;
    }
    assert!(body.is_empty());
    (messages, trailers)
}

/// The pieces of text are padded each for itself.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for quartet in text.chunks(4) {
        all.extend(STANDARD.decode(quartet).unwrap());
    }
    all
}

async fn send(gateway: &Gateway, http2: bool, path: &str, form: &str, body: Bytes) -> Answer {
    let address = gateway.address();
    if http2 {
        let sent = Request::post(format!("http://{address}{path}"))
            .header("content-type", form)
            .header("x-grpc-web", "1")
            .body(full(body))
            .unwrap();
        client::send_h2(address, sent).await
    } else {
        let sent = request(Method::POST, address, path)
            .header("content-type", form)
            .header("x-grpc-web", "1")
            .body(full(body))
            .unwrap();
        client::send(address, sent).await
    }
}

fn in_form(form: &str, body: Bytes) -> Bytes {
    if form == TEXT {
        STANDARD.encode(body).into()
    } else {
        body
    }
}

#[tokio::test]
async fn both_forms_pass_over_both_versions() {
    let python = tokio::task::spawn_blocking(tools::python_with_grpc)
        .await
        .unwrap();
    let server = Server::start(&python);
    let gateway = proxy(server.1, "").await;
    for http2 in [false, true] {
        for form in [BINARY, TEXT] {
            let call = async |method: &str, text: &str| {
                let path = format!("/witgate.test.Echo/{method}");
                let sent = in_form(form, message(text));
                let answer = send(&gateway, http2, &path, form, sent).await;
                assert_eq!(answer.status(), 200, "{method}");
                let kind = answer.header("content-type").unwrap().to_owned();
                assert!(kind.starts_with(form), "{method}: {kind}");
                assert!(answer.trailers.is_empty(), "{:?}", answer.trailers);
                let body = if form == TEXT {
                    decoded(&answer.body)
                } else {
                    answer.body.to_vec()
                };
                (parts(&body), answer)
            };
            let ((messages, trailers), answer) = call("Unary", "hi").await;
            assert_eq!(messages, ["echo hi"]);
            assert!(trailers.contains(&"grpc-status:0".into()), "{trailers:?}");
            assert!(trailers.iter().any(|it| it.starts_with("x-trailing:")));
            assert_eq!(answer.header("x-initial"), Some("yes"));

            let ((messages, trailers), _) = call("Download", "5").await;
            assert_eq!(messages, ["0", "1", "2", "3", "4"]);
            assert!(trailers.contains(&"grpc-status:0".into()), "{trailers:?}");

            // Trailers-only: the status is in the head, as the protocol allows.
            let ((messages, trailers), answer) = call("Fail", "").await;
            assert!(messages.is_empty() && trailers.is_empty());
            assert_eq!(answer.header("grpc-status"), Some("9"));
            let ((..), answer) = call("Missing", "").await;
            assert_eq!(answer.header("grpc-status"), Some("12"));
        }
    }
}

#[tokio::test]
async fn the_response_has_the_form_that_is_asked_for() {
    let upstream = peer::upstream(|mut call| async move {
        call.read().await;
        call.succeed("hello");
    })
    .await;
    let gateway = proxy(upstream, "").await;
    let sent = request(Method::POST, gateway.address(), "/witgate.test.Echo/A")
        .header("content-type", "application/grpc-web-text; charset=utf-8")
        .header("accept", "application/grpc-web+proto")
        .body(full(STANDARD.encode(message("x"))))
        .unwrap();
    let answer = client::send(gateway.address(), sent).await;
    assert_eq!(answer.header("content-type"), Some(BINARY));
    assert_eq!(parts(&answer.body).0, ["hello"]);
}

/// The upstream and the policies see gRPC and nothing else.
#[tokio::test]
async fn what_goes_upstream_is_grpc() {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let upstream = peer::upstream(move |mut call| {
        let sender = sender.clone();
        async move {
            let body = call.read().await;
            let _ = sender.send((call.head.headers.clone(), call.head.method.clone(), body));
            call.succeed("");
        }
    })
    .await;
    let gateway = proxy(upstream, "").await;
    for http2 in [false, true] {
        let sent = in_form(TEXT, message("a message"));
        send(&gateway, http2, "/witgate.test.Echo/A", TEXT, sent).await;
        let (headers, method, body) = soon("the request", seen.recv()).await.unwrap();
        assert_eq!(headers["content-type"], "application/grpc");
        assert_eq!(headers["te"], "trailers");
        assert_eq!(method, Method::POST);
        assert_eq!(body, message("a message"));
        for name in ["content-length", "accept", "accept-encoding"] {
            assert!(!headers.contains_key(name), "{name}: {headers:?}");
        }
    }
}

const REFUSALS: &str = "  - { name: trap, match: { path: /a.B/Trap }, plugins: [hostile: { on-request: trap }], to: up }
  - { name: down, match: { path: /a.B/Down }, to: down }
  - { name: html, match: { path: /a.B/Html }, to: html }
  - { name: text, match: { path: /a.B/Text }, respond: { body: hello } }
  - { name: late, match: { path: /a.B/Late }, plugins: [hostile: { on-response: trap }], to: up }
";

#[tokio::test]
async fn refusals_are_statuses() {
    let up = peer::upstream(|mut call| async move {
        call.read().await;
        call.succeed("hello");
    })
    .await;
    let html = raw::answering(
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\ncontent-length: 4\r\nconnection: close\r\n\r\n<hr>",
    )
    .await;
    let yaml = format!(
        "upstreams:\n  up: {{ endpoints: ['http://{up}'], protocol: http2 }}\n  down: http://127.0.0.1:1\n  \
         html: http://{html}\nroutes:\n{REFUSALS}"
    );
    let gateway = Setup::new()
        .settings(&format!(
            "plugins: {{ hostile: {{ component: '{}', grants: [metrics] }} }}",
            components::fixture("hostile").display()
        ))
        .routes(&yaml)
        .start()
        .await;
    for http2 in [false, true] {
        for form in [BINARY, TEXT] {
            for (path, status) in [
                ("/a.B/Nowhere", "12"),
                ("/a.B/Trap", "13"),
                ("/a.B/Down", "14"),
                ("/a.B/Html", "7"),
                ("/a.B/Text", "2"),
                ("/a.B/Late", "13"),
            ] {
                let sent = in_form(form, message("x"));
                let answer = send(&gateway, http2, path, form, sent).await;
                assert_eq!(answer.status(), 200, "{path}");
                let kind = answer.header("content-type").unwrap();
                assert!(kind.starts_with(form), "{path}: {kind}");
                assert_eq!(answer.header("grpc-status"), Some(status), "{path}");
                assert!(answer.body.is_empty(), "{path}");
            }
        }
    }
}

/// They would be answered with 400 by tonic-web.
#[tokio::test]
async fn what_is_not_grpc_web_stays_outside() {
    let upstream = crate::support::upstream::echo().await;
    let gateway = Setup::proxy_to(upstream).start().await;
    for (method, kind) in [
        (Method::POST, "application/grpc-web+json"),
        (Method::PUT, BINARY),
        (Method::POST, "application/json"),
    ] {
        let sent = request(method.clone(), gateway.address(), "/")
            .header("content-type", kind)
            .body(full("{}"))
            .unwrap();
        let seen = client::send(gateway.address(), sent).await;
        assert_eq!(seen.json()["method"], method.as_str());
        let told = crate::support::upstream::seen(&seen.json(), "content-type");
        assert_eq!(told, [kind]);
    }
}

#[tokio::test]
async fn a_body_that_is_no_text_is_the_clients_fault() {
    let upstream = peer::upstream(|mut call| async move {
        call.read().await;
        peer::reset_of_response(&mut call.respond).await;
    })
    .await;
    let gateway = proxy(upstream, "").await;
    let answer = send(&gateway, false, "/witgate.test.Echo/A", TEXT, "!!!!".into()).await;
    assert_eq!(answer.header("grpc-status"), Some("13"));
    gateway
        .access
        .wait_for("the refusal", |line| line["code"] == "body-malformed")
        .await;
}

/// Each message comes when it was sent, and a deadline shows although the head has gone out.
#[tokio::test]
async fn messages_stream_and_a_deadline_is_the_last() {
    let taken = Arc::new(Notify::new());
    let (go_on, (sender, mut reset)) = (Arc::clone(&taken), mpsc::unbounded_channel());
    let upstream = peer::upstream(move |mut call| {
        let (go_on, sender) = (Arc::clone(&go_on), sender.clone());
        async move {
            let mut stream = call.begin();
            stream.send_data(message("one"), false).unwrap();
            go_on.notified().await;
            stream.send_data(message("two"), false).unwrap();
            let _ = sender.send(peer::reset_of(&mut stream).await);
        }
    })
    .await;
    let gateway = proxy(upstream, "").await;
    let mut connection = client::h1(gateway.address()).await;
    let sent = request(Method::POST, gateway.address(), "/witgate.test.Echo/A")
        .header("content-type", BINARY)
        .header("grpc-timeout", "800m")
        .body(full(message("x")))
        .unwrap();
    let response = soon("the head", connection.send_request(sent))
        .await
        .unwrap();
    let mut body = response.into_body();
    let first = soon("a message", body.frame()).await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), message("one"));
    taken.notify_one();
    let rest = soon("the end", body.collect()).await.unwrap().to_bytes();
    let (messages, trailers) = parts(&rest);
    assert_eq!(messages, ["two"]);
    assert_eq!(trailers[0], "grpc-status:4");
    let reason = soon("the reset upstream", reset.recv()).await.unwrap();
    assert_eq!(reason, Reason::CANCEL);
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_upstream() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let upstream = peer::upstream(move |mut call| {
        let counter = Arc::clone(&counter);
        async move {
            let mut stream = call.begin();
            let piece = Bytes::from(vec![0; 16 * 1024]);
            loop {
                stream.reserve_capacity(piece.len());
                let capacity = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
                let Some(Ok(capacity)) = capacity else { return };
                let piece = piece.slice(..capacity.min(piece.len()));
                counter.fetch_add(piece.len(), Relaxed);
                if stream.send_data(piece, false).is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let gateway = proxy(upstream, "").await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let body = message("x");
    let head = format!(
        "POST /witgate.test.Echo/A HTTP/1.1\r\nhost: a\r\ncontent-type: {BINARY}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    // It stands still once all windows and buffers are full.
    eventually("a standstill", || async {
        let before = sent.load(Relaxed);
        tokio::time::sleep(Duration::from_millis(300)).await;
        before > 0 && sent.load(Relaxed) == before
    })
    .await;
    assert!(sent.load(Relaxed) < 32 << 20, "{sent:?}");
}
