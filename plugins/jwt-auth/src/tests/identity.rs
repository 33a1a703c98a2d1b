//! Who asks, for all who come after.

use witgate_plugin::Identity;

use super::*;

/// The second time out of the cache: the same.
fn identity(policy: &JwtAuth, claims: &Value) -> Result<Identity, String> {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let token = issuer.token(&json!({ "alg": "ES256", "kid": "k1" }), &with(claims));
    let mut last = None;
    for _ in 0..2 {
        let mut exchange = Exchange::new(policy, bearer(&token));
        if exchange.on_request().unwrap() != Verdict::Next {
            return Err(exchange.notes().join(" "));
        }
        last = exchange.identity();
    }
    Ok(last.unwrap())
}

#[test]
fn claims_say_who_asks() {
    testing::set_keys("login", "");
    let policy = policy(&json!({ "identity": { "tenant": "/org/id", "consumer": "app" } }));
    let claims = json!({ "org": { "id": 7 }, "app": "shop", "scope": "read  write", "scp": ["x", "y z"], "email": "a@b" });
    let who = identity(&policy, &claims).unwrap();
    assert_eq!(who.scheme(), "jwt");
    assert_eq!(who.subject().as_deref(), Some("ada"));
    assert_eq!(who.tenant().as_deref(), Some("7"));
    assert_eq!(who.consumer().as_deref(), Some("shop"));
    assert_eq!(who.issuer().as_deref(), Some("https://login"));
    assert_eq!(who.scopes(), ["read", "write", "x", "y", "z"]);
    // All claims, also those that nobody here asks for.
    assert_eq!(who.claim("/email").as_deref(), Some(r#""a@b""#));
}

#[test]
fn without_a_word_the_usual_claims_count() {
    testing::set_keys("login", "");
    let policy = policy(&json!({}));
    let consumer = |claims| identity(&policy, &claims).unwrap().consumer();
    let app = |name: &str| Some(name.to_owned());
    assert_eq!(consumer(json!({ "azp": "a" })), app("a"));
    assert_eq!(consumer(json!({ "azp": "a", "client_id": "c" })), app("c"));
    assert_eq!(consumer(json!({ "client_id": null, "azp": "a" })), app("a"));
    assert_eq!(consumer(json!({})), None);
    let who = identity(&policy, &json!({ "sub": "" })).unwrap();
    assert_eq!((who.subject(), who.tenant()), (None, None));
}

#[test]
fn a_name_that_is_none_refuses_the_token() {
    testing::set_keys("login", "");
    let policy = policy(&json!({ "identity": { "tenant": "org" } }));
    let long = "x".repeat(1025);
    for org in [
        json!(["a"]),
        json!({ "id": 1 }),
        json!("a\nb"),
        json!(" a"),
        json!(long),
    ] {
        let refused = identity(&policy, &json!({ "org": org })).unwrap_err();
        assert_eq!(refused, "token-invalid token-claim-unprintable", "{org}");
    }
    let scopes = vec!["s"; 1001].join(" ");
    for scope in [scopes, String::from("a\u{7f}"), "s".repeat(1025)] {
        assert!(identity(&policy, &json!({ "scope": scope })).is_err());
    }
    // What nobody could read is nobody's claims.
    let deep = format!(
        r#"{{"iss":"https://login","aud":"orders","exp":{},"x":{}1{}}}"#,
        NOW + 300,
        "[".repeat(1000),
        "]".repeat(1000)
    );
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let message = format!(
        "{}.{}",
        issuer::encode(r#"{"alg":"ES256","kid":"k1"}"#),
        issuer::encode(deep)
    );
    let token = issuer.seal("ES256", &message);
    assert_eq!(
        outcome(&policy, bearer(&token)),
        "401 token-claim-unprintable"
    );
}
