//! A route protected by the jwt-auth component.

use std::net::SocketAddr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::Method;
use serde_json::json;

use crate::support::{
    client::{self, Answer, empty, request},
    components, eventually,
    gateway::{Gateway, Setup},
    issuer::{Issuer, Key, now},
    raw, upstream,
};

async fn protected(issuer: SocketAddr, key_set: &str) -> Gateway {
    let up = upstream::echo().await;
    let component = components::shipped("jwt-auth");
    Setup::new()
        .settings(&format!(
            "plugins: {{ jwt-auth: {{ component: '{}', grants: [clock, crypto, keys] }} }}\n\
             key-sets: {{ login: {{ url: 'http://{issuer}/jwks.json'{key_set} }} }}",
            component.display()
        ))
        .routes(&format!(
            "upstreams: {{ up: 'http://{up}' }}\n\
             routes:\n  - name: orders\n    plugins:\n      - jwt-auth:\n          keys: login\n          \
             issuer: https://issuer.test\n          audience: orders\n          claims-to-headers: {{ sub: x-customer }}\n    to: up"
        ))
        .start()
        .await
}

async fn with_token(gateway: &Gateway, token: &str) -> Answer {
    let sent = request(Method::GET, gateway.address(), "/")
        .header("authorization", format!("Bearer {token}"))
        .header("x-customer", "mallory")
        .body(empty())
        .unwrap();
    client::send(gateway.address(), sent).await
}

#[tokio::test]
async fn a_valid_token_opens_the_route() {
    let key = Key::new("one");
    let issuer = Issuer::with(&[&key]).await;
    let gateway = protected(issuer.address, "").await;
    let token = key.token(&json!({}));
    // The first waits for the keys, the others meet a remembered token.
    for _ in 0..3 {
        let answer = with_token(&gateway, &token).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(upstream::seen(&answer.json(), "x-customer"), ["alice"]);
    }
}

#[tokio::test]
async fn a_token_is_recognised_without_a_call() {
    let key = Key::new("one");
    let issuer = Issuer::with(&[&key]).await;
    let gateway = protected(issuer.address, "").await;
    let (token, other) = (key.token(&json!({})), key.token(&json!({ "sub": "bob" })));
    for (token, who) in [(&token, "alice"), (&other, "bob")] {
        let ask = async || {
            let answer = with_token(&gateway, token).await;
            assert_eq!(answer.status(), 200, "{}", answer.text());
            assert_eq!(upstream::seen(&answer.json(), "x-customer"), [who]);
        };
        gateway.until_reused(ask).await;
    }
    let forged = token.split_at(token.len() - 4).0.to_owned() + "AAAA";
    assert_eq!(with_token(&gateway, &forged).await.status(), 401);
}

#[tokio::test]
async fn without_a_token_the_client_learns_what_is_wanted() {
    let key = Key::new("one");
    let issuer = Issuer::with(&[&key]).await;
    let gateway = protected(issuer.address, "").await;
    let answer = gateway.get("/").await;
    assert_eq!(answer.status(), 401);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(
        challenge.starts_with("Bearer") && !challenge.contains("error"),
        "{challenge}"
    );
}

#[tokio::test]
async fn every_malformed_token_is_refused() {
    let (key, stranger) = (Key::new("one"), Key::new("one"));
    let issuer = Issuer::with(&[&key]).await;
    let gateway = protected(issuer.address, ", cool-down: 1s").await;
    let good = key.token(&json!({}));
    let claims = json!({ "iss": "https://issuer.test", "aud": "orders", "sub": "alice", "exp": now() + 600 });
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let unsigned = format!(
        "{}.{}.",
        part(r#"{"alg":"none"}"#),
        part(&claims.to_string())
    );
    let cases = [
        ("no signature algorithm", unsigned),
        ("another's signature", stranger.token(&json!({}))),
        (
            "another algorithm",
            key.sign(&json!({ "alg": "HS256", "kid": "one" }), &claims),
        ),
        (
            "an unknown algorithm",
            key.sign(&json!({ "alg": "XX999", "kid": "one" }), &claims),
        ),
        (
            "a key that nobody has",
            key.sign(&json!({ "alg": "RS256", "kid": "two" }), &claims),
        ),
        ("expired", key.token(&json!({ "exp": now() - 3600 }))),
        ("not yet valid", key.token(&json!({ "nbf": now() + 3600 }))),
        (
            "no end",
            key.sign(
                &json!({ "alg": "RS256", "kid": "one" }),
                &json!({ "iss": "https://issuer.test", "aud": "orders" }),
            ),
        ),
        (
            "another issuer",
            key.token(&json!({ "iss": "https://other.test" })),
        ),
        ("another audience", key.token(&json!({ "aud": "billing" }))),
        ("truncated", good[..good.len() - 10].to_owned()),
        (
            "changed",
            good.replacen(&part(r#"{"alg""#)[..4], &part(r#"{"alh""#)[..4], 1)
                .replace('.', ".x"),
        ),
        ("two parts", good.rsplit_once('.').unwrap().0.to_owned()),
        ("four parts", format!("{good}.x")),
        ("not base64", "!!.!!.!!".to_owned()),
        ("nothing", String::new()),
        (
            "not JSON",
            format!("{}.{}.{}", part("hello"), part("hello"), part("hello")),
        ),
    ];
    for (what, token) in cases {
        let answer = with_token(&gateway, &token).await;
        assert_eq!(answer.status(), 401, "{what}: {}", answer.text());
        assert!(answer.header("www-authenticate").is_some(), "{what}");
    }
    assert_eq!(with_token(&gateway, &good).await.status(), 200);
}

#[tokio::test]
async fn a_token_of_a_megabyte_is_refused_before_it_is_read() {
    let key = Key::new("one");
    let issuer = Issuer::with(&[&key]).await;
    let gateway = protected(issuer.address, "").await;
    let sent = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        "a".repeat(1 << 20)
    );
    let answer = raw::exchange(gateway.address(), sent).await;
    assert!(answer.is_empty() || raw::status(&answer) == 431, "{answer}");
    assert_eq!(
        with_token(&gateway, &key.token(&json!({}))).await.status(),
        200
    );
}

/// An unknown key id makes the gateway ask again, though not more often than the cool-down allows.
#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let issuer = Issuer::with(&[&old]).await;
    let gateway = protected(issuer.address, ", cool-down: 1s").await;
    assert_eq!(
        with_token(&gateway, &old.token(&json!({}))).await.status(),
        200
    );
    issuer.publish(Some(&[&old, &new]));
    let token = new.token(&json!({}));
    eventually("the new key", || async {
        with_token(&gateway, &token).await.status() == 200
    })
    .await;
}

#[tokio::test]
async fn keys_outlive_their_issuer() {
    let key = Key::new("one");
    let issuer = Issuer::with(&[&key]).await;
    let gateway = protected(issuer.address, ", refresh: 10s, cool-down: 1s").await;
    assert_eq!(
        with_token(&gateway, &key.token(&json!({}))).await.status(),
        200
    );
    issuer.publish(None);
    let before = issuer.asked();
    eventually("a refresh that fails", || async {
        issuer.asked() > before + 1
    })
    .await;
    // Not remembered: this token is new.
    let token = key.token(&json!({ "sub": "bob" }));
    assert_eq!(with_token(&gateway, &token).await.status(), 200);
}

#[tokio::test]
async fn a_remembered_token_ends_with_its_key() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let issuer = Issuer::with(&[&old]).await;
    let gateway = protected(issuer.address, ", refresh: 10s, cool-down: 1s").await;
    let token = old.token(&json!({}));
    assert_eq!(with_token(&gateway, &token).await.status(), 200);
    issuer.publish(Some(&[&new]));
    eventually("the old key to be gone", || async {
        with_token(&gateway, &token).await.status() == 401
    })
    .await;
}

#[tokio::test]
async fn a_mistake_in_its_configuration_has_a_place_in_the_file() {
    let component = components::shipped("jwt-auth");
    let output = Setup::new()
        .settings(&format!("plugins: {{ jwt-auth: {{ component: '{}', grants: [clock, crypto, keys] }} }}", component.display()))
        .routes("routes:\n  - name: a\n    plugins:\n      - jwt-auth:\n          keys: login\n          leeway: 3h\n    respond: {}\n")
        .command(&["check"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("routes.yaml:6:"),
        "{text}"
    );
}
