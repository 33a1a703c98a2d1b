//! Tokens that nobody should send.

use super::*;
use issuer::encode;

fn es256() -> Value {
    json!({ "alg": "ES256", "kid": "k1" })
}

#[test]
fn a_malformed_token_meets_401_whatever_it_is() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let policy = policy(&json!({}));
    let good = issuer.token(&es256(), &claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    let sealed = |header: &str, claims: &str| {
        issuer.seal("ES256", &format!("{}.{}", encode(header), encode(claims)))
    };
    let es256 = es256().to_string();
    let none = encode(r#"{"alg":"none"}"#);
    let cases = [
        (format!("{none}.{body}."), "token-malformed"),
        (format!("{none}.{body}.AA"), "token-algorithm-refused"),
        (sealed(r#"{"alg":"nOnE"}"#, "{}"), "token-algorithm-refused"),
        (sealed(r#"{"alg":["ES256"]}"#, "{}"), "token-malformed"),
        (sealed("{}", "{}"), "token-malformed"),
        (sealed("[]", "{}"), "token-malformed"),
        (
            sealed(r#"{"alg":"ES256","kid":7}"#, "{}"),
            "token-malformed",
        ),
        (
            sealed(r#"{"alg":"ES256","typ":{"a":1}}"#, "{}"),
            "token-malformed",
        ),
        (
            sealed(r#"{"alg":"ES256","kid":"k1","crit":["exp"]}"#, "{}"),
            "token-malformed",
        ),
        (
            sealed(r#"{"alg":"ES256","kid":"k1","crit":[]}"#, "{}"),
            "token-malformed",
        ),
        (sealed(&es256, "{"), "token-malformed"),
        (sealed(&es256, "[]"), "token-malformed"),
        (sealed(&es256, "\u{feff}{}"), "token-malformed"),
        (sealed(&es256, r#"{"exp":1e999}"#), "token-malformed"),
        (sealed(&es256, &"[".repeat(4000)), "token-malformed"),
        (
            sealed(&es256, &format!(r#"{{"exp":{}}}"#, "9".repeat(400))),
            "token-malformed",
        ),
        (
            sealed(r#"{"alg":"ES256","kid":"k2"}"#, "{}"),
            "token-key-unknown",
        ),
        (String::new(), "token-missing"),
        (String::from("."), "token-malformed"),
        (String::from(".."), "token-malformed"),
        (String::from("a.b"), "token-malformed"),
        (String::from("a.b.c"), "token-malformed"),
        (format!("{good}."), "token-malformed"),
        (format!("{good}.x"), "token-malformed"),
        (format!("{good}="), "token-malformed"),
        (format!("{good} "), "token-malformed"),
        (format!("{head}.{body}"), "token-malformed"),
        (format!("{head}.{body}."), "token-malformed"),
        (format!("{head}..{signature}"), "token-malformed"),
        (good[..good.len() - 6].to_owned(), "token-signature-invalid"),
        (
            format!("{message}.{}", encode([0; 64])),
            "token-signature-invalid",
        ),
        (
            format!("{message}.{}", encode([0; 10_000])),
            "token-signature-invalid",
        ),
        (good.replace('.', "\u{e9}"), "token-malformed"),
        ("a".repeat(17 << 10), "token-too-long"),
        (
            format!("{message}.{}", "A".repeat(1 << 20)),
            "token-too-long",
        ),
    ];
    for (token, code) in cases {
        let shown = &token[..token.len().min(80)];
        assert_eq!(
            outcome(&policy, bearer(&token)),
            format!("401 {code}"),
            "{shown}"
        );
    }
    assert_eq!(outcome(&policy, bearer(&good)), "next");
}

#[test]
fn a_second_authorization_field_is_refused() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let policy = policy(&json!({}));
    let good = issuer.token(&es256(), &claims());
    for second in ["Bearer x", "Basic eDp5", &format!("Bearer {good}")] {
        let request = bearer(&good).header("Authorization", second);
        assert_eq!(outcome(&policy, request), "401 token-ambiguous", "{second}");
    }
    let request = TestRequest::get("/").header("authorization", "Basic eDp5");
    assert_eq!(outcome(&policy, request), "401 token-missing");
}

#[test]
fn keys_in_the_token_are_not_believed() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let policy = policy(&json!({}));
    let forger = Issuer::p256();
    let header =
        json!({ "alg": "ES256", "kid": "k1", "jwk": forger.jwk("k1"), "jku": "http://evil" });
    let token = forger.token(&header, &claims());
    assert_eq!(
        outcome(&policy, bearer(&token)),
        "401 token-signature-invalid"
    );
}

#[test]
fn odd_keys_in_the_set_do_no_harm() {
    let issuer = Issuer::p256();
    let mut for_encryption = issuer.jwk("k2");
    for_encryption["use"] = json!("enc");
    let keys = json!({ "keys": [
        7,
        { "kty": "EC", "crv": "secp256k1", "kid": "k0", "x": "AA", "y": "AA" },
        { "kty": "EC", "crv": "P-256", "kid": "k9", "x": "AA", "y": "AA" },
        { "kty": "RSA", "kid": "k8", "n": "AQAB", "e": "AQAB" },
        for_encryption,
        issuer.jwk("k1"),
    ] });
    testing::set_keys("login", &keys.to_string());
    let policy = policy(&json!({}));
    let token = |id: &str, algorithm: &str| {
        issuer.token(&json!({ "alg": algorithm, "kid": id }), &claims())
    };
    assert_eq!(outcome(&policy, bearer(&token("k1", "ES256"))), "next");
    assert_eq!(
        outcome(&policy, bearer(&token("k2", "ES256"))),
        "401 token-key-unknown"
    );
    assert_eq!(
        outcome(&policy, bearer(&token("k9", "ES256"))),
        "401 token-signature-invalid"
    );
    assert_eq!(
        outcome(&policy, bearer(&token("k8", "RS256"))),
        "401 token-signature-invalid"
    );
}

#[test]
fn not_a_byte_of_a_token_can_be_changed() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let policy = policy(&json!({}));
    let good = issuer.token(&es256(), &claims());
    assert_eq!(outcome(&policy, bearer(&good)), "next");
    for place in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        for other in [b'A', b'B', b'.', b'='] {
            bytes[place] = other;
            let changed = String::from_utf8(bytes.clone()).unwrap();
            if changed != good {
                let refused = outcome(&policy, bearer(&changed));
                assert!(refused.starts_with("401 "), "{place}: {refused}");
            }
        }
    }
}
