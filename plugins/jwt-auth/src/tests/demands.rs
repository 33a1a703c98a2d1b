//! What a route demands of the claims, and what it does for those who have none.

use super::*;

fn token(changes: &Value) -> String {
    token_of_kind(changes, &json!({}))
}

fn token_of_kind(changes: &Value, header: &Value) -> String {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let mut full = json!({ "alg": "ES256", "kid": "k1" });
    let header = header.as_object().unwrap().clone();
    full.as_object_mut().unwrap().extend(header);
    issuer.token(&full, &with(changes))
}

#[test]
fn scopes_are_all_or_any() {
    let cases = [
        (json!(["a", "b"]), "a b", "next"),
        (json!(["a", "b"]), "a", "403 token-scope-missing"),
        (json!({ "any": ["a", "b"] }), "b c", "next"),
        (json!({ "any": ["a", "b"] }), "c", "403 token-scope-missing"),
        (json!({ "all": ["c"], "any": ["a", "b"] }), "a c", "next"),
        (
            json!({ "all": ["c"], "any": ["a", "b"] }),
            "a b",
            "403 token-scope-missing",
        ),
        (json!([]), "", "next"),
    ];
    for (wanted, granted, expected) in cases {
        let token = token(&json!({ "scope": granted }));
        let policy = policy(&json!({ "scopes": wanted }));
        assert_eq!(
            outcome(&policy, bearer(&token)),
            expected,
            "{wanted} {granted}"
        );
    }
    let token = token(&json!({}));
    let policy = policy(&json!({ "scopes": { "any": ["a", "b"] } }));
    let challenge = challenge(&policy, bearer(&token));
    assert!(challenge.ends_with("scope=\"a b\""), "{challenge}");
}

#[test]
fn every_rule_of_require_must_hold() {
    testing::set_keys("login", "");
    let policy = policy(&json!({ "require": [
        { "claim": "/org/plan", "one-of": ["gold", "silver"] },
        { "any": [{ "claim": "roles", "contains": "ops" }, { "not": { "claim": "guest", "equals": true } }] },
    ] }));
    let refused = "403 token-claims-insufficient";
    let cases = [
        (json!({ "org": { "plan": "gold" } }), "next"),
        (json!({ "org": { "plan": "gold" }, "guest": true }), refused),
        (
            json!({ "org": { "plan": "gold" }, "guest": true, "roles": ["ops"] }),
            "next",
        ),
        (json!({ "org": { "plan": "tin" } }), refused),
        (json!({ "org": "gold" }), refused),
        (json!({}), refused),
    ];
    for (claims, expected) in cases {
        assert_eq!(
            outcome(&policy, bearer(&token(&claims))),
            expected,
            "{claims}"
        );
    }
    let told = challenge(&policy, bearer(&token(&json!({}))));
    assert!(told.contains("error=\"insufficient_scope\""), "{told}");
}

#[test]
fn a_wrong_rule_has_a_place() {
    testing::set_keys("login", "");
    let config = r#"{ "keys": "login", "require": [{ "claim": "a", "exists": true }, { "any": [{ "claim": "b" }] }],
        "identity": { "tenant": "/a~" } }"#;
    let problems = testing::configure::<JwtAuth>(config).err().unwrap();
    let pointers: Vec<_> = problems.iter().map(|problem| &*problem.pointer).collect();
    assert_eq!(pointers, ["/identity/tenant", "/require/1/any/0"]);
    let config = r#"{ "keys": "login", "scopes": "a" }"#;
    let problems = testing::configure::<JwtAuth>(config).err().unwrap();
    assert!(
        problems[0].message.contains("a list of scopes"),
        "{problems:?}"
    );
}

#[test]
fn a_type_of_token_can_be_demanded() {
    testing::set_keys("login", "");
    let only = policy(&json!({ "type": "at+jwt" }));
    let either = policy(&json!({ "type": ["at+JWT", "JWT"] }));
    let any = policy(&json!({}));
    let refused = "401 token-type-refused";
    for (typ, by_one, by_two) in [
        (json!("at+jwt"), "next", "next"),
        (json!("AT+JWT"), "next", "next"),
        (json!("application/at+jwt"), "next", "next"),
        (json!("JWT"), refused, "next"),
        (json!("id+jwt"), refused, refused),
        (json!("text/at+jwt"), refused, refused),
    ] {
        let token = token_of_kind(&json!({}), &json!({ "typ": typ }));
        assert_eq!(outcome(&only, bearer(&token)), by_one, "{typ}");
        assert_eq!(outcome(&either, bearer(&token)), by_two, "{typ}");
        assert_eq!(outcome(&any, bearer(&token)), "next", "{typ}");
    }
    assert_eq!(outcome(&only, bearer(&token(&json!({})))), refused);
}

#[test]
fn nobody_may_pass_where_that_is_said() {
    let good = token(&json!({}));
    let policy = policy(&json!({ "anonymous": true, "claims-to-headers": { "sub": "x-user" } }));
    let nobodies = [
        TestRequest::get("/"),
        TestRequest::get("/").header("authorization", "Basic eDp5"),
        TestRequest::get("/").header("authorization", "Bearer"),
    ];
    for nobody in nobodies {
        let mut exchange = Exchange::new(&policy, nobody.header("x-user", "root"));
        assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
        assert_eq!(exchange.request().header("x-user"), None);
        assert!(exchange.identity().is_none() && exchange.notes().is_empty());
    }
    // A token that is not valid is not the same as none.
    for bad in [
        "x",
        &good[..good.len() - 8],
        &format!("{good}, Bearer {good}"),
    ] {
        let mut exchange = Exchange::new(&policy, bearer(bad).header("x-user", "root"));
        assert!(
            matches!(exchange.on_request(), Ok(Verdict::Reply(_))),
            "{bad}"
        );
        assert_eq!(exchange.request().header("x-user"), None);
    }
    let mut exchange = Exchange::new(&policy, bearer(&good));
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    assert_eq!(exchange.request().header("x-user").as_deref(), Some("ada"));
}

#[test]
fn every_refusal_is_noted() {
    testing::set_keys("login", "");
    let token = |changes: &Value| {
        let issuer = Issuer::p256();
        testing::set_keys("login", &issuer.set("k1"));
        issuer.token(&json!({ "alg": "ES256", "kid": "k1" }), &with(changes))
    };
    let policy = policy(&json!({ "scopes": ["a"] }));
    let notes = |request| {
        let mut exchange = Exchange::new(&policy, request);
        exchange.on_request().unwrap();
        exchange.notes()
    };
    assert_eq!(notes(TestRequest::get("/")), ["token-missing"]);
    assert_eq!(notes(bearer("x")), ["token-invalid", "token-malformed"]);
    let old = token(&json!({ "exp": NOW - 600 }));
    assert_eq!(notes(bearer(&old)), ["token-expired"]);
    let early = token(&json!({ "nbf": NOW + 600 }));
    assert_eq!(
        notes(bearer(&early)),
        ["token-invalid", "token-not-yet-valid"]
    );
    let poor = token(&json!({}));
    assert_eq!(
        notes(bearer(&poor)),
        ["access-denied", "token-scope-missing"]
    );
    let good = token(&json!({ "scope": "a" }));
    assert!(notes(bearer(&good)).is_empty());
    testing::reset();
    testing::set_keys("login", "");
    let unknown = self::policy(&json!({}));
    let mut exchange = Exchange::new(&unknown, bearer(&good));
    exchange.on_request().unwrap();
    assert_eq!(
        exchange.notes(),
        ["issuer-unavailable", "token-keys-unavailable"]
    );
}
