//! Requests that two parsers could read in two ways are refused before anything judges them.

use crate::support::{gateway::Setup, raw, upstream};

async fn refused(cases: &[(&str, &[u8])]) {
    let up = upstream::serve(|request| async move {
        panic!(
            "an ambiguous request reached the upstream: {:?}",
            request.uri()
        );
    })
    .await;
    let gateway = Setup::proxy_to(up).start().await;
    for (what, bytes) in cases {
        let answer = raw::exchange(gateway.address(), bytes).await;
        assert!(
            (400..500).contains(&raw::status(&answer)) || raw::status(&answer) == 501,
            "{what}: {answer}"
        );
        assert!(
            !answer[12..].contains("HTTP/1.1 2"),
            "{what}: a second request was let in: {answer}"
        );
    }
    let metrics = gateway.metrics().await;
    assert_eq!(
        metrics.sum("witgate_requests_total", &["route=\"all\"", "2xx"]),
        0.0
    );
}

#[tokio::test]
async fn two_framings() {
    refused(&[
        (
            "both Content-Length and Transfer-Encoding",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
        (
            "the same in the other order",
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        ),
        ("two different lengths", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"),
        ("a list of lengths", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 5\r\n\r\nabcde"),
        ("a signed length", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nabcd"),
        ("a negative length", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\nabcd"),
        ("an unknown coding", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("chunked not last", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("space before the colon", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        ("a folded field", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n"),
    ])
    .await;
}

#[tokio::test]
async fn two_hosts_or_none() {
    refused(&[
        ("two hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        (
            "two equal hosts",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        ),
        ("no host", b"GET / HTTP/1.1\r\nX-A: 1\r\n\r\n"),
        ("an empty host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        ("a port alone", b"GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
        (
            "a host with two dots at its end",
            b"GET / HTTP/1.1\r\nHost: a..\r\n\r\n",
        ),
        ("a host with a path", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        (
            "a host with user information",
            b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
        ),
        (
            "a host with a space",
            b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        ),
    ])
    .await;
}

#[tokio::test]
async fn bytes_that_do_not_belong() {
    refused(&[
        (
            "a NUL in a value",
            b"GET / HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n",
        ),
        (
            "a bare CR in a value",
            b"GET / HTTP/1.1\r\nHost: x\r\nX-A: a\rb\r\n\r\n",
        ),
        (
            "a control character in the path",
            b"GET /a\x01b HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
        (
            "a space in the path",
            b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
        (
            "a control character in the method",
            b"G\x01T / HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
        ("no method", b" / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("an unknown version", b"GET / HTTP/1.9\r\nHost: x\r\n\r\n"),
    ])
    .await;
}

#[tokio::test]
async fn paths_that_two_could_read_differently() {
    refused(&[
        ("a bad escape", b"GET /a%zz HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("half an escape", b"GET /a%2 HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("an escaped NUL", b"GET /a%00 HTTP/1.1\r\nHost: x\r\n\r\n"),
        (
            "an escaped line break",
            b"GET /a%0d%0ab HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
        (
            "above the root",
            b"GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
    ])
    .await;
}

/// What routing judges is what the upstream gets: a path that hides behind escapes or dots matches as what it is.
#[tokio::test]
async fn a_protected_path_has_no_second_spelling() {
    let up = upstream::echo().await;
    let yaml = format!(
        "upstreams: {{ up: 'http://{up}' }}\nroutes:\n  - {{ name: all, to: up }}\n  - {{ name: admin, match: {{ prefix: /admin }}, respond: {{ status: 403 }} }}"
    );
    let gateway = Setup::new().routes(&yaml).start().await;
    for path in [
        "/admin",
        "/admin/x",
        "/./admin",
        "/a/../admin",
        "/%61dmin",
        "/a/%2e%2e/admin",
        "//admin/..",
    ] {
        let sent = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = raw::exchange(gateway.address(), sent).await;
        let status = raw::status(&answer);
        let passed_as_admin = status == 200 && answer.contains("\"target\":\"/admin");
        assert!(!passed_as_admin, "{path}: {answer}");
        assert!(status != 200 || path == "//admin/..", "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_protected_host_has_no_second_spelling() {
    let up = upstream::echo().await;
    let yaml = format!(
        "upstreams: {{ up: 'http://{up}' }}\nroutes:\n  - {{ name: all, to: up }}\n  - {{ name: admin, match: {{ host: admin.example.com }}, respond: {{ status: 403 }} }}"
    );
    let gateway = Setup::new().routes(&yaml).start().await;
    for host in [
        "admin.example.com",
        "ADMIN.example.Com",
        "admin.example.com:80",
        "admin.example.com.",
        "admin.example.com.:80",
    ] {
        let sent = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = raw::exchange(gateway.address(), sent).await;
        assert_eq!(raw::status(&answer), 403, "{host}: {answer}");
        let target = format!("GET http://{host}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = raw::exchange(gateway.address(), target).await;
        assert_eq!(raw::status(&answer), 403, "{host}: {answer}");
    }
}

#[tokio::test]
async fn noise_is_not_a_request() {
    let up = upstream::echo().await;
    let mut gateway = Setup::proxy_to(up).start().await;
    let noise = (0..4096_u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect::<Vec<_>>();
    for length in [1, 10, 100, 4096] {
        let mut bytes = noise[..length].to_vec();
        bytes.extend_from_slice(b"\r\n\r\n");
        let answer = raw::exchange(gateway.address(), &bytes).await;
        assert!(answer.is_empty() || raw::status(&answer) >= 400, "{answer}");
    }
    assert!(gateway.running());
    assert_eq!(gateway.get("/").await.status(), 200);
}
