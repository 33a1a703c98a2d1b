//! Bodies and heads pass unchanged, as they come.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::BodyExt;
use hyper::body::Frame;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc};

use crate::support::{
    client::{self, Answer, empty, full, request, streamed},
    gateway::Setup,
    raw, soon, upstream,
};

#[tokio::test]
async fn method_target_headers_and_body_reach_the_upstream() {
    let up = upstream::echo().await;
    let gateway = Setup::proxy_to(up).start().await;
    let body = Bytes::from(vec![7; 300_000]);
    let sent = request(Method::PUT, gateway.address(), "/a%20b/c?d=%2F&e")
        .header("x-custom", "yes")
        .body(full(body.clone()))
        .unwrap();
    let answer = client::send(gateway.address(), sent).await;
    assert_eq!(answer.status(), 200);
    let seen = answer.json();
    assert_eq!(seen["method"], "PUT");
    assert_eq!(seen["target"], "/a%20b/c?d=%2F&e");
    assert_eq!(seen["length"], 300_000);
    assert_eq!(seen["digest"], upstream::digest(&body));
    assert_eq!(upstream::seen(&seen, "x-custom"), ["yes"]);
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let up = upstream::echo().await;
    let gateway = Setup::proxy_to(up).start().await;
    let mut connection = client::h1(gateway.address()).await;
    for number in 0..50 {
        let path = format!("/{number}");
        let sent = request(Method::GET, gateway.address(), &path)
            .body(empty())
            .unwrap();
        let answer = Answer::of(connection.send_request(sent).await.unwrap()).await;
        assert_eq!(answer.json()["target"], path);
        connection.ready().await.unwrap();
    }
    let metrics = gateway.metrics().await;
    assert_eq!(
        metrics.sum("witgate_requests_total", &["route=\"all\"", "2xx"]),
        50.0
    );
}

#[tokio::test]
async fn a_response_streams_before_it_is_complete() {
    let (sender, mut pieces) = mpsc::channel::<mpsc::Sender<Frame<Bytes>>>(1);
    let up = upstream::serve(move |_| {
        let sender = sender.clone();
        async move {
            let (pieces, body) = streamed();
            sender.send(pieces).await.unwrap();
            Response::new(body)
        }
    })
    .await;
    let gateway = Setup::proxy_to(up).start().await;
    let mut connection = client::h1(gateway.address()).await;
    let sent = request(Method::GET, gateway.address(), "/")
        .body(empty())
        .unwrap();
    let mut body = soon("a head", connection.send_request(sent))
        .await
        .unwrap()
        .into_body();
    let upstream = pieces.recv().await.unwrap();
    for piece in ["one", "two", "three"] {
        upstream.send(Frame::data(piece.into())).await.unwrap();
        let frame = soon(piece, body.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    drop(upstream);
    assert!(soon("the end", body.frame()).await.is_none());
}

#[tokio::test]
async fn a_request_streams_before_it_is_complete() {
    let (sender, mut seen) = mpsc::channel(8);
    let up = upstream::serve(move |request: http::Request<hyper::body::Incoming>| {
        let sender = sender.clone();
        async move {
            let mut body = request.into_body();
            while let Some(Ok(frame)) = body.frame().await {
                sender.send(frame.into_data().unwrap()).await.unwrap();
            }
            Response::new(empty())
        }
    })
    .await;
    let gateway = Setup::proxy_to(up).start().await;
    let (pieces, body) = streamed();
    let mut connection = client::h1(gateway.address()).await;
    let sent = request(Method::POST, gateway.address(), "/")
        .body(body)
        .unwrap();
    let response = tokio::spawn(connection.send_request(sent));
    for piece in ["one", "two", "three"] {
        pieces.send(Frame::data(piece.into())).await.unwrap();
        assert_eq!(soon(piece, seen.recv()).await.unwrap(), piece);
    }
    drop(pieces);
    assert_eq!(
        soon("the response", response)
            .await
            .unwrap()
            .unwrap()
            .status(),
        200
    );
}

/// An upload that the upstream does not read must stop at the client, not pile up in the gateway.
#[tokio::test]
async fn a_slow_upstream_slows_the_client() {
    let up = raw::upstream(|mut stream| async move {
        raw::until(&mut stream, "\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    let gateway = Setup::proxy_to(up).start().await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let size = 256 << 20;
    let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![0; 64 * 1024];
    let mut taken = 0;
    // Blocked is when no byte is taken for a while: the kernel's buffers are full and nobody empties them.
    while let Ok(written) =
        tokio::time::timeout(std::time::Duration::from_millis(700), stream.write(&piece)).await
    {
        taken += written.unwrap();
        assert!(
            taken < 64 << 20,
            "the gateway took {taken} bytes that nobody read"
        );
    }
    let resident = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let resident = resident
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap()
        .trim();
    let kilobytes = resident.trim_end_matches(" kB").parse::<u64>().unwrap();
    assert!(kilobytes < 200_000, "{resident}");
}

/// A download that the client does not read must stop at the upstream.
#[tokio::test]
async fn a_slow_client_slows_the_upstream() {
    let (sender, mut progress) = mpsc::unbounded_channel();
    let up = raw::upstream(move |mut stream| {
        let sender = sender.clone();
        async move {
            raw::until(&mut stream, "\r\n\r\n").await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
                .await
                .unwrap();
            let piece = vec![0; 64 * 1024];
            while let Ok(written) = stream.write(&piece).await {
                if sender.send(written).is_err() {
                    break;
                }
            }
        }
    })
    .await;
    let gateway = Setup::proxy_to(up).start().await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    raw::until(&mut stream, "\r\n\r\n").await;
    let mut taken = 0;
    while let Ok(Some(written)) =
        tokio::time::timeout(std::time::Duration::from_millis(700), progress.recv()).await
    {
        taken += written;
        assert!(
            taken < 64 << 20,
            "the gateway took {taken} bytes that nobody read"
        );
    }
    assert!(taken > 0);
}

#[tokio::test]
async fn trailers_pass_in_both_directions() {
    let up = upstream::serve(|request: http::Request<hyper::body::Incoming>| async move {
        let collected = request.into_body().collect().await.unwrap();
        let received = collected
            .trailers()
            .and_then(|trailers| trailers.get("x-sum"))
            .cloned();
        let (pieces, body) = streamed();
        tokio::spawn(async move {
            pieces.send(Frame::data("body".into())).await.unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert(
                "x-echo",
                received.unwrap_or(HeaderValue::from_static("none")),
            );
            pieces.send(Frame::trailers(trailers)).await.unwrap();
        });
        Response::builder()
            .header("trailer", "x-echo")
            .body(body)
            .unwrap()
    })
    .await;
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{up}'], protocol: http2 }} }}\nroutes: [{{ name: all, to: up }}]"
    );
    let gateway = Setup::new().routes(&yaml).start().await;
    let (pieces, body) = streamed();
    tokio::spawn(async move {
        pieces.send(Frame::data("body".into())).await.unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("42"));
        pieces.send(Frame::trailers(trailers)).await.unwrap();
    });
    let uri = format!("http://{}/", gateway.address());
    let sent = http::Request::post(uri)
        .header("te", "trailers")
        .body(body)
        .unwrap();
    let answer = client::send_h2(gateway.address(), sent).await;
    assert_eq!(answer.text(), "body");
    assert_eq!(answer.trailers.get("x-echo").unwrap(), "42");
}

#[tokio::test]
async fn trailers_pass_over_http1() {
    let up = raw::answering(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n",
    )
    .await;
    let gateway = Setup::proxy_to(up).start().await;
    let sent = b"GET / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n";
    let answer = raw::exchange(gateway.address(), sent).await;
    assert_eq!(raw::status(&answer), 200, "{answer}");
    assert!(
        answer.to_lowercase().contains("0\r\nx-sum: 42\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn expect_100_continue_asks_for_the_body() {
    let up = upstream::echo().await;
    let gateway = Setup::proxy_to(up).start().await;
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n";
    stream.write_all(head).await.unwrap();
    raw::until(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
    stream.write_all(b"body").await.unwrap();
    let answer = raw::until_closed(&mut stream).await;
    assert_eq!(raw::status(&answer), 200, "{answer}");
    assert!(answer.contains("\"length\":4"), "{answer}");
}

#[tokio::test]
async fn a_request_that_is_refused_is_not_asked_for_its_body() {
    let gateway = Setup::new()
        .routes("routes: [{ name: no, respond: { status: 403 } }]")
        .start()
        .await;
    let sent = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    let answer = raw::exchange(gateway.address(), sent).await;
    assert_eq!(raw::status(&answer), 403, "{answer}");
}

#[tokio::test]
async fn early_responses_do_not_end_the_exchange() {
    let up = raw::answering(
        b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
    )
    .await;
    let gateway = Setup::proxy_to(up).start().await;
    let answer = gateway.get("/").await;
    assert_eq!(
        (answer.status().as_u16(), answer.text().as_str()),
        (200, "body")
    );
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let up = raw::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
    let gateway = Setup::proxy_to(up).start().await;
    let sent = b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = raw::exchange(gateway.address(), sent).await;
    assert_eq!(raw::status(&answer), 200, "{answer}");
    assert!(
        answer.to_lowercase().contains("content-length: 1234\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn responses_without_content_stay_so() {
    for status in [204, 304] {
        let up = upstream::serve(move |_| async move {
            Response::builder().status(status).body(empty()).unwrap()
        })
        .await;
        let gateway = Setup::proxy_to(up).start().await;
        let sent = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let answer = raw::exchange(gateway.address(), sent).await;
        assert_eq!(raw::status(&answer), status, "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        let lower = answer.to_lowercase();
        assert!(!lower.contains("transfer-encoding"), "{answer}");
        assert!(
            status != 204 || !lower.contains("content-length"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_body_that_ends_with_its_connection_is_whole() {
    let up = raw::answering(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end").await;
    let gateway = Setup::proxy_to(up).start().await;
    assert_eq!(gateway.get("/").await.text(), "until the end");
}

#[tokio::test]
async fn a_response_that_breaks_off_is_not_passed_off_as_whole() {
    let up = raw::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this").await;
    let gateway = Setup::proxy_to(up).start().await;
    let mut connection = client::h1(gateway.address()).await;
    let sent = request(Method::GET, gateway.address(), "/")
        .body(empty())
        .unwrap();
    // The head may have gone out or not; a complete 200 it must not be.
    match connection.send_request(sent).await {
        Ok(response) if response.status() == 200 => {
            assert!(Answer::complete(response).await.is_err());
        }
        Ok(response) => assert_eq!(response.status(), 502),
        Err(_) => {}
    }
    gateway
        .access
        .wait_for("the broken exchange", |line| {
            line["ending"] == json!("upstream-failed")
        })
        .await;
}
