//! The whole policy against an authorization server that answers what a test says.

use std::time::Duration;

use serde_json::{Value, json};
use witgate_plugin::{
    http::{Error, Request as HttpRequest, Response as HttpResponse},
    prelude::*,
    testing::{self, Exchange, TestRequest, TestResponse},
};

use super::OAuth2Client;

const SECOND: Duration = Duration::from_secs(1);

fn policy(extra: &Value) -> OAuth2Client {
    testing::set_http_client("login", "https://login.example/realm");
    let mut config = json!({ "client": "login" });
    let fields = extra.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(fields);
    testing::configure(&config.to_string()).unwrap()
}

fn problems(extra: &Value) -> Vec<String> {
    testing::set_http_client("login", "https://login.example");
    let mut config = json!({ "client": "login" });
    let fields = extra.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(fields);
    let problems = testing::configure::<OAuth2Client>(&config.to_string());
    let problems = problems.err().unwrap_or_default();
    problems.into_iter().map(|it| it.pointer).collect()
}

fn answer(status: u16, kind: &str, body: impl Into<Vec<u8>>) {
    let answer = HttpResponse::builder()
        .status(status)
        .header("content-type", kind);
    testing::answer_http("login", Ok(answer.body(body.into()).unwrap()));
}

fn gives(token: &str, seconds: u64) {
    let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": seconds });
    answer(200, "application/json", body.to_string());
}

fn asked() -> Vec<HttpRequest<Vec<u8>>> {
    testing::take_http_requests("login")
}

fn exchange(policy: &OAuth2Client) -> Exchange<'_, OAuth2Client> {
    let request = TestRequest::get("/").header("authorization", "Bearer client's");
    Exchange::new(policy, request)
}

/// What the upstream gets, or the answer in its place.
fn outcome(exchange: &mut Exchange<'_, OAuth2Client>) -> String {
    match exchange.on_request().unwrap() {
        Verdict::Next => exchange
            .request()
            .header("authorization")
            .unwrap_or_default(),
        Verdict::Again => String::from("again"),
        Verdict::Reply(reply) => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            format!("{} {}", reply.status, body["code"].as_str().unwrap())
        }
        Verdict::WaitBody(_) => String::from("waits for the body"),
    }
}

/// With an answer that is there already.
fn whole(policy: &OAuth2Client) -> String {
    outcome(&mut exchange(policy))
}

#[test]
fn one_asks_and_all_get_the_token() {
    let policy = policy(
        &json!({ "scopes": ["a", "b"], "audience": "x y", "parameters": { "resource": "urn:r" } }),
    );
    let (mut first, mut second) = (exchange(&policy), exchange(&policy));
    assert_eq!(outcome(&mut first), "again");
    assert_eq!(outcome(&mut second), "again");
    gives("one", 300);
    assert_eq!(outcome(&mut second), "again", "it waits for the first");
    assert_eq!(outcome(&mut first), "Bearer one");
    assert_eq!(outcome(&mut second), "Bearer one");
    assert_eq!(whole(&policy), "Bearer one");
    // Another instance, as on another worker.
    let other = self::policy(
        &json!({ "audience": "x y", "parameters": { "resource": "urn:r" }, "scopes": ["a", "b"] }),
    );
    assert_eq!(whole(&other), "Bearer one");
    let asked = asked();
    assert_eq!(asked.len(), 1);
    let (head, body) = asked.into_iter().next().unwrap().into_parts();
    assert_eq!(head.uri.to_string(), "https://login.example/realm/token");
    let body = String::from_utf8(body).unwrap();
    for part in [
        "grant_type=client_credentials",
        "scope=a+b",
        "audience=x+y",
        "resource=urn%3Ar",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert_eq!(
        head.headers["content-type"],
        "application/x-www-form-urlencoded"
    );
}

#[test]
fn what_is_asked_differently_is_another_token() {
    let (one, other) = (policy(&json!({})), policy(&json!({ "scopes": ["s"] })));
    gives("one", 300);
    gives("other", 300);
    assert_eq!(
        (whole(&one), whole(&other)),
        ("Bearer one".into(), "Bearer other".into())
    );
}

#[test]
fn the_ticks_renew_while_the_old_token_is_used() {
    let policy = policy(&json!({}));
    gives("one", 300);
    assert_eq!(whole(&policy), "Bearer one");
    let ticks = self::policy(&json!({}));
    testing::advance(269 * SECOND);
    assert_eq!(whole(&policy), "Bearer one");
    ticks.on_tick().unwrap();
    assert_eq!(asked().len(), 1, "not due yet");
    testing::advance(2 * SECOND);
    ticks.on_tick().unwrap();
    assert_eq!(asked().len(), 0, "due, and nobody uses it");
    assert_eq!(whole(&policy), "Bearer one", "and nobody waits");
    ticks.on_tick().unwrap();
    ticks.on_tick().unwrap();
    assert_eq!(asked().len(), 1, "one renewal");
    assert_eq!(whole(&policy), "Bearer one");
    gives("two", 300);
    ticks.on_tick().unwrap();
    assert_eq!(whole(&policy), "Bearer two");
    testing::advance(100 * SECOND);
    ticks.on_tick().unwrap();
    assert_eq!(asked().len(), 0);
}

#[test]
fn a_renewal_that_fails_leaves_the_old_token_until_its_end() {
    let policy = policy(&json!({}));
    gives("one", 300);
    assert_eq!(whole(&policy), "Bearer one");
    testing::advance(275 * SECOND);
    assert_eq!(whole(&policy), "Bearer one");
    asked();
    let mut renewals = 0;
    for _ in 0..24 {
        policy.on_tick().unwrap();
        let begun = asked().len();
        renewals += begun;
        if begun == 1 {
            testing::answer_http("login", Err(Error::Unreachable));
            policy.on_tick().unwrap();
        }
        assert_eq!(whole(&policy), "Bearer one");
        testing::advance(SECOND);
    }
    assert!(
        (4..=7).contains(&renewals),
        "{renewals}: less and less often"
    );
    testing::advance(SECOND);
    testing::answer_http("login", Err(Error::Timeout));
    let mut late = exchange(&policy);
    assert_eq!(outcome(&mut late), "503 token-unavailable");
    assert_eq!(late.notes(), ["issuer-unavailable"]);
    assert_eq!(whole(&policy), "503 token-unavailable", "without asking");
    assert_eq!(asked().len(), 1);
    testing::advance(2 * SECOND);
    gives("two", 300);
    assert_eq!(whole(&policy), "Bearer two");
}

#[test]
fn answers_that_are_none_are_told_apart() {
    for (status, kind, body, note) in [
        (200, "text/html", "<html>hush</html>", "issuer-unavailable"),
        (200, "application/json", "{}", "issuer-unavailable"),
        (500, "text/plain", "hush", "issuer-unavailable"),
        (302, "text/plain", "", "issuer-unavailable"),
        (
            503,
            "application/json",
            r#"{"error":"temporarily_unavailable"}"#,
            "issuer-unavailable",
        ),
        (
            401,
            "application/json",
            r#"{"error":"invalid_client","error_description":"hush"}"#,
            "credentials-invalid",
        ),
        (
            200,
            "application/json",
            r#"{"access_token":"hush","token_type":"mac"}"#,
            "issuer-unavailable",
        ),
        (
            200,
            "application/json",
            "{\"access_token\":\"hu\\nsh\",\"token_type\":\"bearer\"}",
            "issuer-unavailable",
        ),
        (
            200,
            "application/json",
            r#"{"access_token":"","token_type":"bearer"}"#,
            "issuer-unavailable",
        ),
    ] {
        testing::reset();
        let policy = policy(&json!({}));
        answer(status, kind, body);
        let mut exchange = exchange(&policy);
        assert_eq!(outcome(&mut exchange), "503 token-unavailable", "{body}");
        assert_eq!(exchange.notes(), [note], "{body}");
        let log = format!("{:?}", testing::take_log());
        assert!(
            log.contains("no token from https://login.example/realm/token"),
            "{log}"
        );
        assert!(!log.contains("hu"), "{log}");
    }
}

#[test]
fn a_client_that_goes_away_frees_the_way_for_others() {
    let policy = policy(&json!({}));
    let (mut first, mut second) = (exchange(&policy), exchange(&policy));
    assert_eq!(
        (outcome(&mut first), outcome(&mut second)),
        ("again".into(), "again".into())
    );
    drop(first);
    assert_eq!(testing::cancelled_http_requests("login"), 1);
    assert_eq!(outcome(&mut second), "again");
    assert_eq!(asked().len(), 2);
    gives("one", 300);
    assert_eq!(outcome(&mut second), "Bearer one");
}

#[test]
fn a_401_of_the_upstream_ends_a_token_if_that_is_wanted() {
    for (wanted, after) in [(false, "Bearer one"), (true, "Bearer two")] {
        testing::reset();
        let policy = policy(&json!({ "renew-on-401": wanted }));
        gives("one", 300);
        gives("two", 300);
        let refused = || {
            let mut exchange = exchange(&policy);
            let sent = outcome(&mut exchange);
            exchange.on_response(TestResponse::new(401)).unwrap();
            sent
        };
        assert_eq!(refused(), "Bearer one");
        assert_eq!(refused(), "Bearer one", "it is new");
        testing::advance(11 * SECOND);
        assert_eq!(refused(), "Bearer one");
        assert_eq!(refused(), after);
        assert_eq!(refused(), after, "not again and again");
    }
}

#[test]
fn the_token_can_stand_elsewhere() {
    let policy = policy(&json!({ "field": "X-Token", "token-path": "/o/t", "client-id": "me" }));
    gives("one", 300);
    let mut exchange = exchange(&policy);
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    assert_eq!(exchange.request().header("x-token").as_deref(), Some("one"));
    assert_eq!(
        exchange.request().header("authorization").as_deref(),
        Some("Bearer client's")
    );
    let asked = asked().remove(0);
    assert_eq!(asked.uri().path(), "/realm/o/t");
    assert!(String::from_utf8_lossy(asked.body()).contains("client_id=me"));
}

#[test]
fn short_lives_and_none_that_are_told() {
    let policy = policy(&json!({ "default-lifetime": "20s" }));
    answer(
        200,
        "application/json",
        r#"{"access_token":"one","token_type":"bearer"}"#,
    );
    assert_eq!(whole(&policy), "Bearer one");
    testing::advance(11 * SECOND);
    assert_eq!(whole(&policy), "Bearer one");
    gives("two", 0);
    policy.on_tick().unwrap();
    assert_eq!(whole(&policy), "Bearer two", "half of a life is enough");
    testing::advance(SECOND);
    gives("three", 300);
    assert_eq!(whole(&policy), "Bearer three");
}

#[test]
fn settings_are_judged_at_their_place() {
    assert!(problems(&json!({})).is_empty());
    for (settings, pointer) in [
        (json!({ "client": "logn" }), "/client"),
        (json!({ "token-path": "token" }), "/token-path"),
        (json!({ "token-path": "/token?a" }), "/token-path"),
        (json!({ "scopes": ["a", "b c"] }), "/scopes/1"),
        (
            json!({ "parameters": { "client_secret": "hush" } }),
            "/parameters/client_secret",
        ),
        (json!({ "field": "x y" }), "/field"),
        (json!({ "prefix": "x\n" }), "/prefix"),
        (json!({ "renew-before": "2h" }), "/renew-before"),
        (json!({ "default-lifetime": "1ms" }), "/default-lifetime"),
        (json!({ "secret": "hush" }), "/secret"),
    ] {
        assert_eq!(problems(&settings), [pointer]);
    }
}

#[test]
fn every_setting_is_documented() {
    let schema: Value = serde_json::from_str(&testing::schema::<OAuth2Client>()).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let page = include_str!("../../../docs/oauth2-client.md");
    for (name, property) in properties {
        assert!(property["description"].is_string(), "{name}");
        assert!(
            page.contains(&format!("`{name}")),
            "docs/oauth2-client.md lacks `{name}`"
        );
    }
}
