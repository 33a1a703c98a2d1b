//! The whole policy, with a server whose answers the tests write.

use std::time::Duration;

use serde_json::{Value, json};
use witgate_plugin::{
    http::{self, Response},
    prelude::*,
    testing::{self, Exchange, TestRequest},
};

use super::Introspection;

const NOW: u64 = 1_700_000_000;

fn policy(extra: &Value) -> Introspection {
    testing::set_unix_seconds(NOW);
    testing::set_http_client("login", "https://login.example.com");
    let mut config = json!({ "client": "login", "path": "/introspect" });
    let fields = extra.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(fields);
    testing::configure(&config.to_string()).unwrap()
}

fn answer(status: u16, body: &str) {
    let response = Response::builder().status(status);
    let response = response.body(body.as_bytes().to_vec()).unwrap();
    testing::answer_http("login", Ok(response));
}

fn says(changes: &Value) {
    let mut says = json!({ "active": true, "sub": "ada", "client_id": "shop", "scope": "read write", "exp": NOW + 300 });
    let fields = changes.as_object().unwrap().clone();
    says.as_object_mut().unwrap().extend(fields);
    answer(200, &says.to_string());
}

fn bearer(token: &str) -> TestRequest {
    TestRequest::get("/orders").header("authorization", format!("Bearer {token}"))
}

fn told(verdict: Verdict) -> String {
    match verdict {
        Verdict::Next => String::from("next"),
        Verdict::Reply(reply) => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            format!("{} {}", reply.status, body["code"].as_str().unwrap())
        }
        other => format!("{other:?}"),
    }
}

fn outcome(policy: &Introspection, request: TestRequest) -> String {
    told(Exchange::new(policy, request).on_request().unwrap())
}

fn questions() -> usize {
    testing::take_http_requests("login").len()
}

#[test]
fn an_active_token_establishes_who_asks() {
    let policy = policy(&json!({ "tenant": "/org/id", "forward": false }));
    says(&json!({ "org": { "id": "acme" }, "iss": "https://login" }));
    let mut exchange = Exchange::new(&policy, bearer("abc+/="));
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    let identity = exchange.request().identity().unwrap();
    assert_eq!(identity.scheme(), "oauth2");
    assert_eq!(identity.subject().as_deref(), Some("ada"));
    assert_eq!(identity.consumer().as_deref(), Some("shop"));
    assert_eq!(identity.tenant().as_deref(), Some("acme"));
    assert_eq!(identity.issuer().as_deref(), Some("https://login"));
    assert_eq!(identity.scopes(), ["read", "write"]);
    assert_eq!(identity.claim_as::<u64>("/exp"), Some(NOW + 300));
    assert_eq!(exchange.request().header("authorization"), None);
}

#[test]
fn the_question_is_that_of_rfc_7662_without_credentials() {
    let policy = policy(&json!({}));
    says(&json!({}));
    assert_eq!(outcome(&policy, bearer("abc+/=")), "next");
    let [question] = &testing::take_http_requests("login")[..] else {
        panic!("there is one question");
    };
    assert_eq!(question.method(), "POST");
    assert_eq!(question.uri(), "https://login.example.com/introspect");
    assert!(question.headers().get("authorization").is_none());
    let body = String::from_utf8(question.body().clone()).unwrap();
    assert_eq!(body, "token=abc%2B%2F%3D&token_type_hint=access_token");
}

#[test]
fn one_question_for_all_who_wait() {
    // Two instances, as on two workers.
    let (one, other) = (policy(&json!({})), policy(&json!({})));
    let mut waiting = (0..20)
        .map(|index| Exchange::new(if index % 2 == 0 { &one } else { &other }, bearer("abc")))
        .collect::<Vec<_>>();
    for exchange in &mut waiting {
        assert_eq!(exchange.on_request().unwrap(), Verdict::Again);
    }
    says(&json!({}));
    for exchange in &mut waiting {
        assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    }
    assert_eq!(questions(), 1);
}

#[test]
fn whoever_asks_may_go_and_another_asks() {
    let policy = policy(&json!({}));
    let mut first = Exchange::new(&policy, bearer("abc"));
    let mut second = Exchange::new(&policy, bearer("abc"));
    assert_eq!(first.on_request().unwrap(), Verdict::Again);
    assert_eq!(second.on_request().unwrap(), Verdict::Again);
    drop(first);
    assert_eq!(testing::cancelled_http_requests("login"), 1);
    says(&json!({}));
    assert_eq!(second.on_request().unwrap(), Verdict::Next);
    assert_eq!(questions(), 2);
}

#[test]
fn an_answer_is_good_for_its_time() {
    let policy = policy(&json!({ "max-age": "1m" }));
    says(&json!({}));
    assert_eq!(outcome(&policy, bearer("abc")), "next");
    testing::advance(Duration::from_secs(59));
    assert_eq!(outcome(&policy, bearer("abc")), "next");
    assert_eq!(questions(), 1);
    testing::advance(Duration::from_secs(1));
    answer(200, r#"{"active":false}"#);
    assert_eq!(outcome(&policy, bearer("abc")), "401 token-inactive");
    testing::advance(Duration::from_secs(9));
    assert_eq!(outcome(&policy, bearer("abc")), "401 token-inactive");
    assert_eq!(questions(), 1);
    testing::advance(Duration::from_secs(1));
    says(&json!({ "exp": NOW + 75 }));
    assert_eq!(outcome(&policy, bearer("abc")), "next");
    testing::advance(Duration::from_secs(5));
    says(&json!({ "exp": NOW + 75 }));
    assert_eq!(outcome(&policy, bearer("abc")), "next");
    assert_eq!(questions(), 2);
}

#[test]
fn the_gateway_may_recognise_a_token_for_the_rest_of_its_time() {
    let policy = policy(&json!({ "max-age": "1m" }));
    says(&json!({}));
    let reused = || {
        let mut exchange = Exchange::new(&policy, bearer("abc"));
        assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
        exchange.reuse()
    };
    assert_eq!(reused(), None, "it was asked about");
    testing::advance(Duration::from_secs(20));
    assert_eq!(reused(), Some(("authorization".into(), 0..NOW + 60)));
}

#[test]
fn only_active_lets_in() {
    for (status, body) in [
        (200, "<!doctype html>"),
        (200, ""),
        (200, "{}"),
        (200, r#"{"active":"true"}"#),
        (200, r#"{"active":1}"#),
        (200, r#"[{"active":true}]"#),
        (200, r#"{"active":true,"exp":"tomorrow"}"#),
        (500, r#"{"active":true}"#),
        (302, r#"{"active":true}"#),
        (401, r#"{"error":"invalid_client"}"#),
    ] {
        testing::reset();
        let policy = policy(&json!({}));
        answer(status, body);
        assert_eq!(
            outcome(&policy, bearer("abc")),
            "503 introspection-unavailable",
            "{status} {body}"
        );
        assert_eq!(
            testing::metric("introspections", &[("result", "failed")]),
            1
        );
        // Those who waited share the failure; soon somebody tries again.
        assert_eq!(
            outcome(&policy, bearer("abc")),
            "503 introspection-unavailable"
        );
        testing::advance(Duration::from_secs(1));
        says(&json!({}));
        assert_eq!(outcome(&policy, bearer("abc")), "next");
    }
}

#[test]
fn without_a_server_nobody_gets_in_and_the_log_says_why() {
    let policy = policy(&json!({}));
    testing::answer_http("login", Err(http::Error::Timeout));
    let mut exchange = Exchange::new(&policy, bearer("very-secret-token"));
    let verdict = exchange.on_request().unwrap();
    assert_eq!(told(verdict), "503 introspection-unavailable");
    let log = testing::take_log();
    assert!(
        log.iter()
            .any(|(_, line)| line.contains("no whole answer in time")),
        "{log:?}"
    );
    assert!(
        !log.iter()
            .any(|(_, line)| line.contains("very-secret-token")),
        "{log:?}"
    );
}

#[test]
fn claims_are_judged() {
    let cases = [
        (json!({}), json!({}), "next"),
        (json!({ "scopes": ["read"] }), json!({}), "next"),
        (
            json!({ "scopes": ["rea"] }),
            json!({}),
            "403 token-scope-missing",
        ),
        (
            json!({ "issuer": "a" }),
            json!({}),
            "401 token-issuer-refused",
        ),
        (
            json!({ "issuer": ["b", "a"] }),
            json!({ "iss": "a" }),
            "next",
        ),
        (
            json!({}),
            json!({ "aud": "x" }),
            "401 token-audience-refused",
        ),
        (
            json!({ "audience": "x" }),
            json!({}),
            "401 token-audience-refused",
        ),
        (
            json!({ "audience": "x" }),
            json!({ "aud": ["y", "x"] }),
            "next",
        ),
        (
            json!({ "require": { "claim": "username", "equals": "ada" } }),
            json!({ "username": "eve" }),
            "403 token-rule-refused",
        ),
        (
            json!({ "require": { "claim": "plan", "equals": "gold" } }),
            json!({ "plan": "gold" }),
            "next",
        ),
        (json!({}), json!({ "exp": NOW - 59 }), "next"),
        (json!({}), json!({ "exp": NOW - 60 }), "401 token-expired"),
        (
            json!({}),
            json!({ "nbf": NOW + 61 }),
            "401 token-not-yet-valid",
        ),
        (
            json!({}),
            json!({ "sub": "a\nb" }),
            "401 token-claims-unusable",
        ),
    ];
    for (settings, claims, expected) in cases {
        testing::reset();
        let policy = policy(&settings);
        says(&claims);
        assert_eq!(
            outcome(&policy, bearer("abc")),
            expected,
            "{settings} {claims}"
        );
    }
}

#[test]
fn what_is_no_token_is_refused_without_a_question() {
    let policy = policy(&json!({}));
    let long = "a".repeat(1 << 20);
    for (field, expected) in [
        ("", "401 token-missing"),
        ("Basic YTpi", "401 token-missing"),
        ("Bearer", "401 token-missing"),
        ("Bearer ", "401 token-missing"),
        ("Bearer a b", "401 token-malformed"),
        ("Bearer a, Bearer b", "401 token-ambiguous"),
        ("Bearer =", "401 token-malformed"),
        ("Bearer ü", "401 token-malformed"),
        (&format!("Bearer {long}"), "401 token-too-long"),
    ] {
        let request = TestRequest::get("/").header("authorization", field);
        assert_eq!(outcome(&policy, request), expected, "{field:.20}");
    }
    assert_eq!(questions(), 0);
}

#[test]
fn wrong_settings_are_all_reported() {
    let config = r#"{ "client": "nobody", "max-age": "2h", "inactive-age": "1h", "cache": 0, "tenant": "", "realm": "ü" }"#;
    let problems = testing::configure::<Introspection>(config).err().unwrap();
    let pointers = problems.iter().map(|problem| problem.pointer.as_str());
    assert_eq!(
        pointers.collect::<Vec<_>>(),
        [
            "/client",
            "/tenant",
            "/max-age",
            "/inactive-age",
            "/realm",
            "/cache"
        ]
    );
}

#[test]
fn the_token_can_be_elsewhere() {
    let policy = policy(&json!({ "from": { "cookie": "token" }, "forward": false }));
    says(&json!({}));
    let request = TestRequest::get("/").header("cookie", "a=b; token=abc");
    let mut exchange = Exchange::new(&policy, request);
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    let left = exchange.request().header("cookie");
    assert_eq!(left.as_deref(), Some("a=b"));
}
