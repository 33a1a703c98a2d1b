//! Every version of HTTP, with and without TLS, on both sides.

use http::{Method, Request};

use crate::support::{
    client::{self, Answer, empty, request},
    gateway::Setup,
    soon,
    tls::Authority,
    upstream,
};

#[tokio::test]
async fn http1_and_http2_share_a_cleartext_port() {
    let gateway = Setup::proxy_to(upstream::echo().await).start().await;
    assert_eq!(gateway.get("/one").await.json()["target"], "/one");
    let sent = Request::get(format!("http://{}/two", gateway.address()))
        .body(empty())
        .unwrap();
    let answer = client::send_h2(gateway.address(), sent).await;
    assert_eq!(answer.head.version, http::Version::HTTP_2);
    assert_eq!(answer.json()["target"], "/two");
}

#[tokio::test]
async fn http2_streams_do_not_wait_for_each_other() {
    let up = upstream::serve(|request: Request<hyper::body::Incoming>| async move {
        if request.uri().path() == "/never" {
            std::future::pending::<()>().await;
        }
        http::Response::new(empty())
    })
    .await;
    let gateway = Setup::proxy_to(up).start().await;
    let mut connection = client::h2(gateway.address()).await;
    let to = |path| {
        Request::get(format!("http://{}{path}", gateway.address()))
            .body(empty())
            .unwrap()
    };
    let stuck = tokio::spawn(connection.send_request(to("/never")));
    let answer = soon("the other stream", connection.send_request(to("/now")))
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert!(!stuck.is_finished());
    stuck.abort();
}

#[tokio::test]
async fn tls_offers_both_versions() {
    let authority = Authority::new();
    let identity = authority.issue(&["api.example.com"]);
    let gateway = Setup::proxy_to(upstream::echo().await)
        .file("tls/api.pem", &identity.certificate)
        .file("tls/api.key", &identity.key)
        .listeners("  - { address: '127.0.0.1:0', tls: { certificates: [{ certificate: tls/api.pem, key: tls/api.key }] } }\n  - { address: '127.0.0.1:0' }")
        .start()
        .await;
    for (protocol, version) in [
        ("h2", http::Version::HTTP_2),
        ("http/1.1", http::Version::HTTP_11),
    ] {
        let stream = authority
            .connect(gateway.address(), "api.example.com", &[protocol])
            .await
            .unwrap();
        assert_eq!(
            stream.get_ref().1.alpn_protocol(),
            Some(protocol.as_bytes())
        );
        let answer = if protocol == "h2" {
            let sent = Request::get("https://api.example.com/")
                .body(empty())
                .unwrap();
            client::h2_over(stream)
                .await
                .send_request(sent)
                .await
                .unwrap()
        } else {
            let sent = Request::get("/")
                .header("host", "api.example.com")
                .body(empty())
                .unwrap();
            client::h1_over(stream)
                .await
                .send_request(sent)
                .await
                .unwrap()
        };
        assert_eq!(answer.version(), version);
        let seen = Answer::of(answer).await.json();
        assert_eq!(upstream::seen(&seen, "x-forwarded-proto"), ["https"]);
    }
    let cleartext = client::get(gateway.listener(1), "/").await.json();
    assert_eq!(upstream::seen(&cleartext, "x-forwarded-proto"), ["http"]);
}

#[tokio::test]
async fn the_certificate_follows_the_name() {
    let authority = Authority::new();
    let mut setup = Setup::proxy_to(upstream::echo().await);
    for (name, file) in [("one.example.com", "one"), ("*.two.example.com", "two")] {
        let identity = authority.issue(&[name]);
        setup = setup
            .file(&format!("{file}.pem"), &identity.certificate)
            .file(&format!("{file}.key"), &identity.key);
    }
    let gateway = setup
        .listeners(
            "  - address: 127.0.0.1:0\n    tls:\n      certificates:\n        - { certificate: one.pem, key: one.key }\n        - { certificate: two.pem, key: two.key }",
        )
        .start()
        .await;
    for name in ["one.example.com", "a.two.example.com"] {
        authority
            .connect(gateway.address(), name, &["http/1.1"])
            .await
            .expect(name);
    }
    // The first certificate answers for names that none has, and so the client notices.
    let unknown = authority
        .connect(gateway.address(), "three.example.com", &["http/1.1"])
        .await;
    assert!(unknown.unwrap_err().to_string().contains("certificate"));
}

#[tokio::test]
async fn a_tls_client_that_says_nothing_does_not_stop_others() {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"]);
    let gateway = Setup::proxy_to(upstream::echo().await)
        .file("a.pem", &identity.certificate)
        .file("a.key", &identity.key)
        .listeners("  - { address: '127.0.0.1:0', tls: { certificates: [{ certificate: a.pem, key: a.key }] } }")
        .settings("workers: 1")
        .start()
        .await;
    let _silent = tokio::net::TcpStream::connect(gateway.address())
        .await
        .unwrap();
    soon(
        "a handshake",
        authority.connect(gateway.address(), "localhost", &["h2"]),
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn upstreams_speak_what_they_are_configured_to() {
    let up = upstream::echo().await;
    for (protocol, version) in [("http1", "HTTP/1.1"), ("http2", "HTTP/2.0")] {
        let yaml = format!(
            "upstreams: {{ up: {{ endpoints: ['http://{up}'], protocol: {protocol} }} }}\nroutes: [{{ name: all, to: up }}]"
        );
        let gateway = Setup::new().routes(&yaml).start().await;
        assert_eq!(gateway.get("/").await.json()["version"], version);
    }
}

async fn behind_tls(protocols: &[&str], upstream: &str) -> (u16, serde_json::Value) {
    let authority = Authority::new();
    let identity = authority.issue(&["orders.internal"]);
    let up = upstream::serve_tls(identity.acceptor(protocols), upstream::tell).await;
    let yaml = format!(
        "upstreams:\n  up:\n    endpoints: ['https://{up}']\n    {upstream}\nroutes: [{{ name: all, to: up }}]"
    );
    let gateway = Setup::new()
        .file("ca.pem", authority.pem())
        .routes(&yaml)
        .start()
        .await;
    let sent = request(Method::GET, gateway.address(), "/")
        .body(empty())
        .unwrap();
    let answer = client::send(gateway.address(), sent).await;
    (answer.status().as_u16(), answer.json())
}

#[tokio::test]
async fn tls_upstreams_choose_their_version() {
    let trust = "tls: { authorities: ca.pem, server-name: orders.internal }";
    let (status, seen) = behind_tls(&["h2", "http/1.1"], trust).await;
    assert_eq!((status, seen["version"].as_str()), (200, Some("HTTP/2.0")));
    let (status, seen) = behind_tls(&["http/1.1"], trust).await;
    assert_eq!((status, seen["version"].as_str()), (200, Some("HTTP/1.1")));
}

#[tokio::test]
async fn a_tls_upstream_that_nobody_vouches_for_is_refused() {
    let (status, problem) = behind_tls(&["h2"], "tls: { server-name: orders.internal }").await;
    assert_eq!(status, 502, "{problem}");
    let (status, problem) = behind_tls(
        &["h2"],
        "tls: { authorities: ca.pem, server-name: other.internal }",
    )
    .await;
    assert_eq!(status, 502, "{problem}");
}
