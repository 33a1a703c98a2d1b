//! Clients that show a certificate.

use std::path::Path;

use http::Request;
use rcgen::SanType;
use serde_json::{Value, json};

use crate::support::{
    client::{self, Answer, empty},
    components, eventually,
    gateway::{Gateway, Setup},
    soon,
    tls::{Authority, Identity},
};

const ID: &str = "spiffe://example.org/ns/shop/sa/orders";

/// A gateway whose certificate is from `server`, and that lets in clients of `clients`.
async fn gateway(server: &Authority, clients: &Authority, wanted: &str, chain: &str) -> Gateway {
    let identity = server.issue(&["api.example.com"]);
    let grants = |name: &str, path: &Path| {
        let path = path.display();
        format!("{name}: {{ component: '{path}', grants: [metrics] }}")
    };
    Setup::new()
        .file("tls/api.pem", identity.certificate)
        .file("tls/api.key", identity.key)
        .file("tls/clients.pem", clients.pem())
        .listeners(&format!(
            "  - {{ address: '127.0.0.1:0', tls: {{ certificates: [{{ certificate: tls/api.pem, key: tls/api.key }}], client-ca: tls/clients.pem{wanted} }} }}"
        ))
        .settings(&format!(
            "plugins: {{ {}, {} }}",
            grants("badge", &components::fixture("badge")),
            grants("access-control", &components::shipped("access-control")),
        ))
        .routes(&format!("routes: [{{ name: a, respond: {{}}, plugins: [{chain}] }}]"))
        .start()
        .await
}

const TELL: &str = "{ badge: { tell: true } }";
const OPTIONAL: &str = ", client-certificate: optional";

fn orders(authority: &Authority) -> Identity {
    let uri = SanType::URI(ID.try_into().unwrap());
    authority.issue_with(&["Orders.example.com"], &[uri])
}

/// One request over a connection of its own; none when there can be no such connection.
async fn ask(
    gateway: &Gateway,
    server: &Authority,
    client: Option<&Identity>,
    protocol: &str,
) -> Option<Answer> {
    let name = "api.example.com";
    let (address, protocols) = (gateway.address(), [protocol]);
    let connected = server.connect_as(client, address, name, &protocols);
    let stream = soon("a handshake", connected).await.ok()?;
    let request = Request::get(format!("https://{name}/")).header("host", name);
    let request = request.body(empty()).unwrap();
    let response = if protocol == "h2" {
        let mut connection = client::h2_over(stream).await;
        soon("a response", connection.send_request(request)).await
    } else {
        let mut connection = client::h1_over(stream).await;
        soon("a response", connection.send_request(request)).await
    };
    // With TLS 1.3 a client learns only now that it is not let in.
    Some(Answer::of(response.ok()?).await)
}

#[tokio::test]
async fn a_certificate_is_shown_to_policies_over_both_versions() {
    let (server, clients) = (Authority::new(), Authority::new());
    let gateway = gateway(&server, &clients, "", TELL).await;
    let orders = orders(&clients);
    let mut fingerprints = Vec::new();
    for protocol in ["http/1.1", "h2"] {
        let answer = ask(&gateway, &server, Some(&orders), protocol)
            .await
            .unwrap();
        let peer = &answer.json()["peer"];
        assert_eq!(peer["spiffe-id"], ID, "{peer}");
        assert_eq!(peer["dns-names"], json!(["orders.example.com"]));
        assert!(
            peer["subject"].as_str().unwrap().starts_with("CN="),
            "{peer}"
        );
        fingerprints.push(peer["fingerprint"].as_str().unwrap().to_owned());
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
    assert_eq!(fingerprints[0].len(), 64);
    let line = gateway
        .access
        .wait_for("a request", |line| line["route"] == "a")
        .await;
    assert_eq!(line["peer"], ID);
}

#[tokio::test]
async fn without_the_right_certificate_nobody_comes_in() {
    let (server, clients) = (Authority::new(), Authority::new());
    let gateway = gateway(&server, &clients, "", TELL).await;
    let stranger = orders(&server);
    for client in [None, Some(&stranger)] {
        for protocol in ["http/1.1", "h2"] {
            let answer = ask(&gateway, &server, client, protocol).await;
            assert!(answer.is_none(), "{answer:?}");
        }
    }
    eventually("the failures to be counted", || async {
        let metrics = gateway.metrics().await;
        metrics.sum("witgate_tls_handshake_failures_total", &[]) == 4.0
    })
    .await;
}

#[tokio::test]
async fn an_optional_certificate_must_still_be_a_right_one() {
    let (server, clients) = (Authority::new(), Authority::new());
    let gateway = gateway(&server, &clients, OPTIONAL, TELL).await;
    let answer = ask(&gateway, &server, None, "h2").await.unwrap();
    assert_eq!(answer.json()["peer"], Value::Null);
    let answer = ask(&gateway, &server, Some(&orders(&clients)), "h2").await;
    assert_eq!(answer.unwrap().json()["peer"]["spiffe-id"], ID);
    let stranger = orders(&server);
    assert!(
        ask(&gateway, &server, Some(&stranger), "h2")
            .await
            .is_none()
    );
}

#[tokio::test]
async fn an_authority_that_is_taken_out_lets_nobody_in_any_more() {
    let (server, old, new) = (Authority::new(), Authority::new(), Authority::new());
    let gateway = gateway(&server, &old, "", TELL).await;
    let (before, after) = (orders(&old), orders(&new));
    assert!(ask(&gateway, &server, Some(&before), "h2").await.is_some());
    assert!(ask(&gateway, &server, Some(&after), "h2").await.is_none());
    gateway.write("tls/clients.pem", old.pem() + &new.pem());
    eventually("the new authority", || async {
        ask(&gateway, &server, Some(&after), "h2").await.is_some()
    })
    .await;
    assert!(ask(&gateway, &server, Some(&before), "h2").await.is_some());
    gateway.write("tls/clients.pem", new.pem());
    eventually("the end of the old authority", || async {
        ask(&gateway, &server, Some(&before), "h2").await.is_none()
    })
    .await;
    // A file that cannot be read changes nothing.
    gateway.write("tls/clients.pem", "hello");
    gateway
        .log
        .wait_for("the refusal", |line| {
            line.to_string().contains("certificate authorities")
        })
        .await;
    assert!(ask(&gateway, &server, Some(&after), "h2").await.is_some());
    assert!(ask(&gateway, &server, Some(&before), "h2").await.is_none());
}

#[tokio::test]
async fn workloads_are_let_in_by_their_ids() {
    let (server, clients) = (Authority::new(), Authority::new());
    let chain = "{ access-control: { rules: [{ allow: { peers: ['spiffe://example.org/ns/*/sa/orders'] } }] } }";
    let gateway = gateway(&server, &clients, OPTIONAL, chain).await;
    let uri = |id: &str| SanType::URI(id.try_into().unwrap());
    let status = async |client: Option<&Identity>| {
        let answer = ask(&gateway, &server, client, "h2").await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(status(Some(&orders(&clients))).await, 200);
    assert_eq!(status(None).await, 403);
    let other = clients.issue_with(&[], &[uri("spiffe://example.org/ns/shop/sa/billing")]);
    assert_eq!(status(Some(&other)).await, 403);
    let two = clients.issue_with(&[], &[uri(ID), uri("spiffe://example.org/ns/b/sa/orders")]);
    assert_eq!(status(Some(&two)).await, 403, "two ids are none");
}

#[tokio::test]
async fn settings_that_cannot_be_meant_are_refused() {
    let authority = Authority::new();
    let identity = authority.issue(&["a.example.com"]);
    for (settings, words) in [
        (
            "client-certificate: required",
            ["witgate.yaml:2:", "client-ca"],
        ),
        ("client-ca: nowhere.pem", ["witgate.yaml:2:", "nowhere.pem"]),
        (
            "client-ca: a.key",
            ["witgate.yaml:2:", "certificate authorities"],
        ),
        (
            "client-ca: a.pem, client-certificate: maybe",
            ["witgate.yaml:2:", "optional"],
        ),
    ] {
        let output = Setup::new()
            .file("a.pem", &identity.certificate)
            .file("a.key", &identity.key)
            .listeners(&format!(
                "  - {{ address: '127.0.0.1:0', tls: {{ certificates: [{{ certificate: a.pem, key: a.key }}], {settings} }} }}"
            ))
            .routes("routes: [{ name: a, respond: {} }]")
            .command(&["check"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{settings}");
        for word in words {
            assert!(text.contains(word), "{settings}: {text}");
        }
    }
}
