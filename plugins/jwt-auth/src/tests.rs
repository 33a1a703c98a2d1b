//! The whole policy, with real signatures.

mod caching;
mod demands;
mod identity;
mod issuer;
mod issuers;
mod malformed;
mod placing;

use serde_json::{Value, json};
use witgate_plugin::{
    prelude::*,
    testing::{self, Exchange, TestRequest},
};

use super::JwtAuth;
use issuer::Issuer;

const NOW: u64 = 1_700_000_000;

fn policy(extra: &Value) -> JwtAuth {
    testing::set_unix_seconds(NOW);
    let mut config = json!({ "keys": "login", "issuer": "https://login", "audience": "orders" });
    let fields = extra.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(fields);
    testing::configure(&config.to_string()).unwrap()
}

fn claims() -> Value {
    json!({ "iss": "https://login", "aud": "orders", "sub": "ada", "exp": NOW + 300 })
}

fn with(changes: &Value) -> Value {
    let mut claims = claims();
    let fields = changes.as_object().unwrap().clone();
    claims.as_object_mut().unwrap().extend(fields);
    claims
}

fn bearer(token: &str) -> TestRequest {
    TestRequest::get("/orders/7").header("authorization", format!("Bearer {token}"))
}

fn verdict(policy: &JwtAuth, request: TestRequest) -> Verdict {
    Exchange::new(policy, request).on_request().unwrap()
}

/// The status, the code and the challenge that the client gets; `next` if the request goes on.
fn outcome(policy: &JwtAuth, request: TestRequest) -> String {
    match verdict(policy, request) {
        Verdict::Next => String::from("next"),
        Verdict::Reply(reply) => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            format!("{} {}", reply.status, body["code"].as_str().unwrap())
        }
        other => format!("{other:?}"),
    }
}

fn challenge(policy: &JwtAuth, request: TestRequest) -> String {
    let Verdict::Reply(reply) = verdict(policy, request) else {
        return String::from("none");
    };
    let field = reply
        .headers
        .into_iter()
        .find(|(name, _)| name == "www-authenticate");
    String::from_utf8(field.unwrap().1).unwrap()
}

#[test]
fn every_algorithm_is_verified() {
    let rsa = Issuer::rsa();
    let secret = Issuer::Secret(vec![7; 64]);
    let cases = [
        (
            &rsa,
            vec!["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
        ),
        (&Issuer::p256(), vec!["ES256"]),
        (&Issuer::p384(), vec!["ES384"]),
        (&Issuer::ed25519(), vec!["EdDSA"]),
        (&secret, vec!["HS256", "HS384", "HS512"]),
    ];
    for (issuer, algorithms) in cases {
        testing::set_keys("login", &issuer.set("k1"));
        for algorithm in algorithms {
            let policy = policy(&json!({ "algorithms": [algorithm] }));
            let token = issuer.token(&json!({ "alg": algorithm, "kid": "k1" }), &claims());
            assert_eq!(outcome(&policy, bearer(&token)), "next", "{algorithm}");
            let forged = Issuer::p256().seal("ES256", token.rsplit_once('.').unwrap().0);
            let refused = "401 token-signature-invalid";
            assert_eq!(outcome(&policy, bearer(&forged)), refused, "{algorithm}");
        }
    }
}

#[test]
fn a_secret_counts_only_where_it_is_asked_for() {
    let issuer = Issuer::Secret(vec![7; 32]);
    testing::set_keys("login", &issuer.set("k1"));
    let token = issuer.token(&json!({ "alg": "HS256", "kid": "k1" }), &claims());
    let policy = policy(&json!({}));
    assert_eq!(
        outcome(&policy, bearer(&token)),
        "401 token-algorithm-refused"
    );
}

#[test]
fn a_public_key_is_no_secret() {
    let rsa = Issuer::rsa();
    testing::set_keys("login", &rsa.set("k1"));
    let forger = Issuer::Secret(rsa.public_der());
    let token = forger.token(&json!({ "alg": "HS256", "kid": "k1" }), &claims());
    let policy = policy(&json!({ "algorithms": ["RS256", "HS256"] }));
    assert_eq!(outcome(&policy, bearer(&token)), "401 token-key-unknown");
}

#[test]
fn a_key_with_an_algorithm_serves_no_other() {
    let rsa = Issuer::rsa();
    let mut jwk = rsa.jwk("k1");
    jwk["alg"] = json!("RS512");
    testing::set_keys("login", &json!({ "keys": [jwk] }).to_string());
    let policy = policy(&json!({}));
    let token = rsa.token(&json!({ "alg": "RS256", "kid": "k1" }), &claims());
    assert_eq!(outcome(&policy, bearer(&token)), "401 token-key-unknown");
    let token = rsa.token(&json!({ "alg": "RS512", "kid": "k1" }), &claims());
    assert_eq!(outcome(&policy, bearer(&token)), "next");
}

#[test]
fn claims_are_judged() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let policy = policy(&json!({ "required-claims": ["exp", "sub"], "scopes": ["read"] }));
    let cases = [
        (json!({ "scope": "write read" }), "next"),
        (json!({ "scp": ["read"] }), "next"),
        (json!({ "aud": ["x", "orders"], "scope": "read" }), "next"),
        (json!({ "scope": "reads" }), "403 token-scope-missing"),
        (json!({ "exp": NOW - 59, "scope": "read" }), "next"),
        (json!({ "exp": NOW - 60 }), "401 token-expired"),
        (json!({ "exp": -1 }), "401 token-expired"),
        (json!({ "exp": "tomorrow" }), "401 token-malformed"),
        (json!({ "exp": null }), "401 token-malformed"),
        (json!({ "exp": u64::MAX, "scope": "read" }), "next"),
        (json!({ "exp": 1e300, "scope": "read" }), "next"),
        (json!({ "nbf": NOW + 60, "scope": "read" }), "next"),
        (json!({ "nbf": NOW + 61 }), "401 token-not-yet-valid"),
        (json!({ "nbf": 1e300 }), "401 token-not-yet-valid"),
        (json!({ "iat": NOW + 60, "scope": "read" }), "next"),
        (json!({ "iat": NOW + 61 }), "401 token-issued-in-future"),
        (json!({ "iat": "now" }), "401 token-malformed"),
        (
            json!({ "iss": "https://login/" }),
            "401 token-issuer-refused",
        ),
        (
            json!({ "iss": ["https://login"] }),
            "401 token-issuer-refused",
        ),
        (json!({ "aud": "order" }), "401 token-audience-refused"),
        (json!({ "aud": [] }), "401 token-audience-refused"),
        (
            json!({ "aud": { "orders": true } }),
            "401 token-audience-refused",
        ),
    ];
    for (changes, expected) in cases {
        let token = issuer.token(&json!({ "alg": "ES256", "kid": "k1" }), &with(&changes));
        assert_eq!(outcome(&policy, bearer(&token)), expected, "{changes}");
    }
    let mut nobody = with(&json!({ "scope": "read" }));
    nobody.as_object_mut().unwrap().remove("sub");
    let token = issuer.token(&json!({ "alg": "ES256", "kid": "k1" }), &nobody);
    assert_eq!(outcome(&policy, bearer(&token)), "401 token-claim-missing");
}

#[test]
fn without_an_audience_no_audience_is_named() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let policy = policy(&json!({ "audience": [] }));
    let token = issuer.token(&json!({ "alg": "ES256", "kid": "k1" }), &claims());
    assert_eq!(
        outcome(&policy, bearer(&token)),
        "401 token-audience-refused"
    );
}

#[test]
fn challenges_follow_rfc_6750() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let policy = policy(&json!({ "realm": "the \"shop\"", "scopes": ["a", "b"] }));
    assert_eq!(
        challenge(&policy, TestRequest::get("/")),
        r#"Bearer realm="the \"shop\"""#
    );
    assert_eq!(
        challenge(&policy, bearer("x")),
        r#"Bearer realm="the \"shop\"", error="invalid_token", error_description="The token is malformed""#
    );
    let token = issuer.token(&json!({ "alg": "ES256", "kid": "k1" }), &claims());
    assert_eq!(
        challenge(&policy, bearer(&token)),
        r#"Bearer realm="the \"shop\"", error="insufficient_scope", error_description="The token lacks a required scope", scope="a b""#
    );
}

#[test]
fn wrong_settings_are_all_reported() {
    testing::set_keys("login", "");
    let config = r#"{ "keys": "login", "algorithms": ["RS256", "none"], "from": { "cookie": "a", "query": "b" },
        "leeway": "1h", "claims-to-headers": { "sub": "host", "a/b": "x y" } }"#;
    let problems = testing::configure::<JwtAuth>(config).err().unwrap();
    let pointers: Vec<_> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        pointers,
        [
            "/from",
            "/algorithms/1",
            "/leeway",
            "/claims-to-headers/a~1b",
            "/claims-to-headers/sub",
        ]
    );
    let problems = testing::configure::<JwtAuth>(r#"{ "keys": "other" }"#)
        .err()
        .unwrap();
    assert_eq!(
        problems[0],
        Problem::at("/keys", "no key set is called `other`")
    );
}
