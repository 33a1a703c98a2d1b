//! Where tokens come from, and what the upstream gets.

use super::*;

fn admitted(policy: &JwtAuth, request: TestRequest) -> Exchange<'_, JwtAuth> {
    let mut exchange = Exchange::new(policy, request);
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    exchange
}

fn good() -> String {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let claims = with(&json!({ "roles": ["a", "b"], "realm": { "id": 7 }, "name": "Zo\u{eb}" }));
    issuer.token(&json!({ "alg": "ES256", "kid": "k1" }), &claims)
}

#[test]
fn claims_become_fields_and_forged_ones_go() {
    let token = good();
    let policy = policy(&json!({ "claims-to-headers": {
        "sub": "X-User", "roles": "x-roles", "/realm/id": "x-realm", "/roles/1": "x-role", "email": "x-email", "name": "x-name"
    } }));
    // The second time out of the cache.
    for _ in 0..2 {
        let request = bearer(&token)
            .header("X-USER", "root")
            .header("x-user", "root")
            .header("x-email", "root@example.com");
        let exchange = admitted(&policy, request);
        let request = exchange.request();
        assert_eq!(request.header_values("x-user"), [b"ada".to_vec()]);
        assert_eq!(request.header("x-roles").unwrap(), "a,b");
        assert_eq!(request.header("x-realm").unwrap(), "7");
        assert_eq!(request.header("x-role").unwrap(), "b");
        assert_eq!(request.header("x-name").unwrap(), "Zo\u{eb}");
        assert_eq!(request.header("x-email"), None);
        assert!(request.header("authorization").is_some());
    }
}

#[test]
fn forged_fields_go_even_when_the_token_is_refused() {
    let token = good();
    let policy = policy(&json!({ "claims-to-headers": { "sub": "x-user" } }));
    for token in [&token[..20], ""] {
        let mut exchange = Exchange::new(&policy, bearer(token).header("x-user", "root"));
        assert!(matches!(exchange.on_request(), Ok(Verdict::Reply(_))));
        assert_eq!(exchange.request().header("x-user"), None);
    }
}

#[test]
fn a_claim_cannot_break_out_of_its_field() {
    let issuer = Issuer::p256();
    testing::set_keys("login", &issuer.set("k1"));
    let policy = policy(&json!({ "claims-to-headers": { "sub": "x-user" } }));
    let long = "x".repeat(1025);
    let lists = [
        json!(["a,b"]),
        json!(["a", " b"]),
        json!([""]),
        json!(["a\n"]),
    ];
    let texts = [
        "a\r\nx-admin: 1",
        "a\0",
        " root",
        "a\u{85}",
        "\u{7f}",
        &long,
    ]
    .map(|text| json!(text));
    for sub in texts.into_iter().chain(lists) {
        let token = issuer.token(
            &json!({ "alg": "ES256", "kid": "k1" }),
            &with(&json!({ "sub": sub })),
        );
        assert_eq!(
            outcome(&policy, bearer(&token)),
            "401 token-claim-unprintable",
            "{sub:?}"
        );
    }
}

#[test]
fn the_token_can_be_elsewhere_and_be_kept_from_the_upstream() {
    let token = good();
    let named = policy(&json!({ "from": { "header": "x-token" }, "forward": false }));
    let exchange = admitted(&named, TestRequest::get("/").header("x-token", &token));
    assert_eq!(exchange.request().header("x-token"), None);

    let cookie = policy(&json!({ "from": { "cookie": "session" }, "forward": false }));
    let request = TestRequest::get("/")
        .header("cookie", format!("a=1; session={token}; b=2"))
        .header("cookie", "c=3");
    let exchange = admitted(&cookie, request);
    assert_eq!(
        exchange.request().header("cookie").unwrap(),
        "a=1; b=2; c=3"
    );
    let twice = format!("session={token}; session=x");
    let request = TestRequest::get("/").header("cookie", twice);
    assert_eq!(outcome(&cookie, request), "401 token-ambiguous");

    let query = policy(&json!({ "from": { "query": "access_token" }, "forward": false }));
    let request = TestRequest::get(&format!("/a?x=1&access_token={token}&y=%20"));
    let exchange = admitted(&query, request);
    assert_eq!(exchange.request().query().unwrap(), "x=1&y=%20");
    let exchange = admitted(
        &query,
        TestRequest::get(&format!("/a?access_token={token}")),
    );
    assert_eq!(exchange.request().query(), None);
    assert_eq!(
        outcome(&query, TestRequest::get("/a?access_token")),
        "401 token-missing"
    );
}

#[test]
fn the_scheme_is_read_in_any_case() {
    let token = good();
    let policy = policy(&json!({ "forward": false }));
    let request = TestRequest::get("/").header("authorization", format!("bEARER   {token}"));
    let exchange = admitted(&policy, request);
    assert_eq!(exchange.request().header("authorization"), None);
    let request = TestRequest::get("/").header("authorization", format!("Bearer{token}"));
    assert_eq!(outcome(&policy, request), "401 token-missing");
}
