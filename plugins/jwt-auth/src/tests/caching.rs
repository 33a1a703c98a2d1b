//! Remembered tokens, and keys that come and go.

use std::time::Duration;

use super::*;

fn es256(issuer: &Issuer, id: &str, claims: &Value) -> String {
    issuer.token(&json!({ "alg": "ES256", "kid": id }), claims)
}

fn remembered(policy: &JwtAuth, token: &str, now: u64) -> bool {
    policy.cache.borrow().get(token.as_bytes(), now).is_some()
}

#[test]
fn a_remembered_token_ends_with_its_exp() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let policy = policy(&json!({}));
    let token = es256(&issuer, "k1", &claims());
    assert_eq!(outcome(&policy, bearer(&token)), "next");
    assert!(remembered(&policy, &token, NOW + 299));
    assert!(!remembered(&policy, &token, NOW + 300));
    testing::advance(Duration::from_secs(300 + 60));
    assert_eq!(outcome(&policy, bearer(&token)), "401 token-expired");
}

#[test]
fn a_token_is_not_remembered_before_its_nbf() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let policy = policy(&json!({}));
    let token = es256(&issuer, "k1", &with(&json!({ "nbf": NOW + 30 })));
    assert_eq!(outcome(&policy, bearer(&token)), "next");
    assert!(!remembered(&policy, &token, NOW + 31));
    testing::advance(Duration::from_secs(30));
    assert_eq!(outcome(&policy, bearer(&token)), "next");
    assert!(remembered(&policy, &token, NOW + 31));
}

#[test]
fn a_removed_key_takes_its_tokens_along() {
    let (old, new) = (Issuer::p256(), Issuer::p256());
    let both = json!({ "keys": [old.jwk("k1"), new.jwk("k2")] }).to_string();
    testing::set_keys("login", &both);
    let policy = policy(&json!({}));
    let (first, second) = (es256(&old, "k1", &claims()), es256(&new, "k2", &claims()));
    assert_eq!(outcome(&policy, bearer(&first)), "next");
    assert_eq!(outcome(&policy, bearer(&second)), "next");
    testing::set_keys("login", &new.set("k2"));
    assert_eq!(outcome(&policy, bearer(&first)), "401 token-key-unknown");
    assert!(remembered(&policy, &second, NOW));
    // The same id with another key is another key.
    testing::set_keys("login", &old.set("k2"));
    assert_eq!(
        outcome(&policy, bearer(&second)),
        "401 token-signature-invalid"
    );
}

#[test]
fn an_unknown_key_is_asked_for_once() {
    let (old, new) = (Issuer::p256(), Issuer::p256());
    testing::set_keys("login", &old.set("k1"));
    testing::allow_refresh("login", true);
    let policy = policy(&json!({}));
    let token = es256(&new, "k2", &claims());
    let mut exchange = Exchange::new(&policy, bearer(&token));
    assert_eq!(exchange.on_request().unwrap(), Verdict::Again);
    testing::set_keys("login", &new.set("k2"));
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);

    testing::allow_refresh("login", false);
    let stranger = es256(&Issuer::p256(), "k3", &claims());
    assert_eq!(outcome(&policy, bearer(&stranger)), "401 token-key-unknown");
    assert_eq!(testing::refreshes("login"), 2);
    // A forged signature is no reason to fetch keys.
    let forged = es256(&Issuer::p256(), "k2", &claims());
    assert_eq!(
        outcome(&policy, bearer(&forged)),
        "401 token-signature-invalid"
    );
    assert_eq!(testing::refreshes("login"), 2);
}

#[test]
fn without_any_keys_the_door_stays_shut() {
    testing::set_keys("login", "");
    let policy = policy(&json!({ "claims-to-headers": { "sub": "x-user" } }));
    let issuer = Issuer::p256();
    let token = es256(&issuer, "k1", &claims());
    assert_eq!(
        outcome(&policy, bearer(&token)),
        "503 token-keys-unavailable"
    );
    assert_eq!(outcome(&policy, bearer("x")), "401 token-malformed");
    testing::set_keys("login", &issuer.set("k1"));
    assert_eq!(outcome(&policy, bearer(&token)), "next");
}

#[test]
fn the_cache_stays_within_its_bounds() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let policy = policy(&json!({ "cache": 8 }));
    let tokens: Vec<_> = (0..40)
        .map(|n| es256(&issuer, "k1", &with(&json!({ "jti": n }))))
        .collect();
    for token in &tokens {
        assert_eq!(outcome(&policy, bearer(token)), "next");
    }
    let kept = tokens
        .iter()
        .filter(|token| remembered(&policy, token, NOW))
        .count();
    assert!((4..=8).contains(&kept), "{kept}");
    assert!(remembered(&policy, tokens.last().unwrap(), NOW));

    let long = es256(&issuer, "k1", &with(&json!({ "x": "y".repeat(5000) })));
    assert_eq!(outcome(&policy, bearer(&long)), "next");
    assert!(!remembered(&policy, &long, NOW));
}

#[test]
fn no_cache_is_a_choice() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let policy = policy(&json!({ "cache": 0 }));
    let token = es256(&issuer, "k1", &claims());
    for _ in 0..2 {
        let mut exchange = Exchange::new(&policy, bearer(&token));
        assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
        assert_eq!(exchange.reuse(), None);
    }
    assert!(!remembered(&policy, &token, NOW));
}

#[test]
fn the_gateway_may_recognise_a_token_until_it_ends() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let reused = |settings: &Value, place: &str, value: &dyn Fn(&str) -> String| {
        let policy = policy(settings);
        let token = es256(&issuer, "k1", &with(&json!({ "nbf": NOW - 5 })));
        let request = TestRequest::get(&format!("/?t={token}")).header(place, value(&token));
        let mut exchange = Exchange::new(&policy, request);
        assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
        exchange.reuse()
    };
    let bearer = |token: &str| format!("Bearer {token}");
    assert_eq!(
        reused(&json!({ "forward": false }), "authorization", &bearer),
        Some(("authorization".into(), NOW - 5..NOW + 300))
    );
    let cookie = |token: &str| format!("a=b; t={token}");
    assert_eq!(
        reused(&json!({ "from": { "cookie": "t" } }), "cookie", &cookie),
        Some(("cookie".into(), NOW - 5..NOW + 300))
    );
    let nothing = |_: &str| String::new();
    assert_eq!(
        reused(&json!({ "from": { "query": "t" } }), "x-other", &nothing),
        None
    );
}
