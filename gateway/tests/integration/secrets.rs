//! What is secret in the files shows nowhere else. Every secret here has the word `hush` in it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::Method;

use crate::support::{
    client::{self, empty, request},
    components,
    gateway::{Gateway, Setup},
    issuer::{Issuer, Key},
    soon,
    tls::Authority,
    upstream,
};

/// Every place where a configuration can have a secret.
async fn setup() -> Setup {
    let issuer = Issuer::with(&[&Key::new("one")]).await;
    let up = upstream::echo().await;
    let identity = Authority::new().issue(&["localhost"]);
    let shared = BASE64_URL_SAFE_NO_PAD.encode("hush: thirty-two bytes and more of it");
    Setup::new()
        .file("jwks.json", format!(r#"{{"keys":[{{"kty":"oct","kid":"shared","k":"{shared}"}}]}}"#))
        .file("a.pem", identity.certificate)
        .file("a.key", format!("hush: what comes before counts for nothing\n{}", identity.key))
        .listeners("  - { address: '127.0.0.1:0' }\n  - { address: '127.0.0.1:0', tls: { certificates: [{ certificate: a.pem, key: a.key }] } }")
        .settings(&format!(
            "logging: {{ format: json, level: debug }}\n\
             plugins:\n  hostile: {{ component: '{}', grants: [metrics] }}\n  jwt-auth: {{ component: '{}', grants: [clock, crypto, keys] }}\n\
             key-sets:\n  file: {{ file: jwks.json }}\n  login: {{ url: 'http://ada:hush@{}/jwks.json?key=hush' }}\n  \
             down: {{ url: 'http://ada:hush@127.0.0.1:1/jwks.json?key=hush' }}",
            components::fixture("hostile").display(),
            components::shipped("jwt-auth").display(),
            issuer.address,
        ))
        .routes(&ROUTES.replace("UP", &up.to_string()))
}

const ROUTES: &str = "
upstreams: { up: 'http://UP' }
routes:
  - name: greeted
    match: { path: /greeted, headers: { x-api-key: hush }, query: { access_token: hush } }
    headers: { request: { set: { authorization: Bearer hush } } }
    plugins: [hostile: { on-request: nothing, secret: hush }]
    to: up
  - name: signed
    match: { path: /signed }
    plugins: [jwt-auth: { keys: file, algorithms: [HS256] }]
    to: up
";

/// The configuration with the same mistake twice: once beside a secret, once in one.
fn mistaken() -> String {
    ROUTES
        .replace("on-request: nothing", "on-requst: nothing")
        .replace("algorithms: [HS256]", "leeway: { secret: hush }")
}

fn is_silent(what: &str, text: &str) {
    let shared = BASE64_URL_SAFE_NO_PAD.encode("hush:");
    for secret in ["hush", shared.trim_end_matches('o')] {
        assert!(!text.contains(secret), "{what} shows {secret}:\n{text}");
    }
}

async fn pages_are_silent(gateway: &Gateway) {
    for page in [
        "/config",
        "/plugins",
        "/routes",
        "/key-sets",
        "/metrics",
        "/explain?method=GET&url=http://a/greeted",
        "/explain?method=GET&url=http://a/signed",
    ] {
        let answer = gateway.admin(page).await;
        assert_eq!(answer.status(), 200, "{page}");
        is_silent(page, &answer.text());
    }
}

#[tokio::test]
async fn a_running_gateway_keeps_them() {
    let gateway = setup().await.start().await;
    let unasked = gateway.get("/greeted").await;
    is_silent("a problem", &unasked.text());
    let sent = request(Method::GET, gateway.address(), "/signed")
        .header("authorization", "Bearer a.b.c")
        .body(empty())
        .unwrap();
    let refused = client::send(gateway.address(), sent).await;
    assert_eq!(refused.status(), 401);
    is_silent("a refusal", &format!("{refused:?}"));
    gateway
        .log
        .wait_for("the issuer that is down", |line| line["key_set"] == "down")
        .await;
    pages_are_silent(&gateway).await;
    // The secrets are in use all the same.
    let explained = gateway
        .admin("/explain?method=GET&url=http://a/greeted")
        .await
        .text();
    assert!(explained.contains("x-api-key=***"), "{explained}");

    gateway.write("routes.d/routes.yaml", mistaken());
    let asked = request(Method::POST, gateway.admin, "/reload")
        .body(empty())
        .unwrap();
    let report = client::send(gateway.admin, asked).await;
    assert_eq!(report.status(), 422);
    assert!(report.text().contains("on-requst"), "{}", report.text());
    is_silent("/reload", &report.text());
    pages_are_silent(&gateway).await;
    is_silent("the log", &gateway.log.text());
    is_silent("the access log", &gateway.access.text());
}

#[tokio::test]
async fn an_upstream_gets_what_clients_must_not_see() {
    let gateway = setup().await.start().await;
    let sent = request(Method::GET, gateway.address(), "/greeted?access_token=hush")
        .header("x-api-key", "hush")
        .body(empty())
        .unwrap();
    let answer = soon("an answer", client::send(gateway.address(), sent)).await;
    assert_eq!(
        upstream::seen(&answer.json(), "authorization"),
        ["Bearer hush"]
    );
}

#[tokio::test]
async fn the_commands_keep_them() {
    let setup = setup().await;
    for arguments in [
        &["check"][..],
        &["routes"],
        &["explain", "GET", "http://a/greeted"],
        &["explain", "GET", "http://a/signed", "--json"],
    ] {
        let output = setup.command(arguments);
        assert!(output.status.success(), "{output:?}");
        is_silent(arguments[0], &String::from_utf8_lossy(&output.stdout));
        is_silent(arguments[0], &String::from_utf8_lossy(&output.stderr));
    }
    let output = setup.routes(&mistaken()).command(&["check"]);
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("on-requst: nothing, secret: ****") && text.contains("leeway"),
        "{text}"
    );
    is_silent("check", &text);
}

/// A key that is none is not quoted in the complaint about it.
#[tokio::test]
async fn a_bad_private_key_is_not_quoted() {
    let (status, text) = setup()
        .await
        .file(
            "a.key",
            "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n",
        )
        .refused()
        .await;
    assert!(!status.success() && text.contains("a.key"), "{text}");
    is_silent("the refusal to start", &text);
}
