//! New tokens in a session that goes on.

use std::time::Duration;

use oauth2::url::Url;
use serde_json::json;
use witgate_plugin::{
    http::Error,
    prelude::*,
    testing::{self, Exchange},
};

use super::{
    browser::{Browser, parameter},
    issuer::{Issuer, answer},
    policy,
};

/// Into the last minute of an access token.
fn wait() {
    testing::advance(Duration::from_secs(250));
}

fn questions() -> Vec<Url> {
    let requests = testing::take_http_requests("login-shop");
    let bodies = requests
        .iter()
        .map(|request| String::from_utf8(request.body().clone()).unwrap());
    bodies
        .map(|body| Url::parse(&format!("x:?{body}")).unwrap())
        .collect()
}

#[test]
fn tokens_are_renewed_before_they_end() {
    let issuer = Issuer::new();
    let policy = policy(&json!({ "forward-access-token": true }));
    let mut browser = issuer.welcomes(&policy, &json!({}), &json!({}));
    let mut exchange = Exchange::new(&policy, browser.request("/"));
    exchange.on_request().unwrap();
    let forwarded = exchange.request().header("authorization");
    assert_eq!(forwarded.as_deref(), Some("Bearer the-access-token"));

    wait();
    issuer.gives(
        &json!({ "name": "Ada" }),
        &json!({ "access_token": "second", "refresh_token": "next" }),
    );
    let mut exchange = Exchange::new(&policy, browser.request("/"));
    let verdict = exchange.on_request().unwrap();
    assert_eq!(verdict, Verdict::Next);
    assert_eq!(
        exchange.request().header("authorization").as_deref(),
        Some("Bearer second")
    );
    let identity = exchange.request().identity().unwrap();
    assert_eq!(identity.claim_as::<String>("/name").as_deref(), Some("Ada"));
    browser.see(exchange, verdict);
    let [question] = &questions()[..] else {
        panic!("there is one question");
    };
    assert_eq!(parameter(question, "grant_type"), "refresh_token");
    assert_eq!(parameter(question, "refresh_token"), "the-refresh-token");

    wait();
    issuer.gives(&json!({}), &json!({ "id_token": null }));
    assert_eq!(browser.fetch(&policy, "/").outcome, "next");
    assert_eq!(parameter(&questions()[0], "refresh_token"), "next");
}

/// An issuer that changes refresh tokens would take the second question for a theft.
#[test]
fn one_request_for_all_who_wait_and_those_who_come_late() {
    let issuer = Issuer::new();
    let (one, other) = (policy(&json!({})), policy(&json!({})));
    let browser = issuer.welcomes(&one, &json!({}), &json!({}));
    wait();
    let mut waiting = (0..10)
        .map(|index| {
            Exchange::new(
                if index % 2 == 0 { &one } else { &other },
                browser.request("/"),
            )
        })
        .collect::<Vec<_>>();
    for exchange in &mut waiting {
        assert_eq!(exchange.on_request().unwrap(), Verdict::Again);
    }
    issuer.gives(&json!({}), &json!({ "refresh_token": "next" }));
    for mut exchange in waiting {
        let verdict = exchange.on_request().unwrap();
        let seen = browser.clone().see(exchange, verdict);
        assert_eq!(seen.outcome, "next");
        assert_eq!(seen.set_cookies.len(), 1, "each answer may be the last");
    }
    testing::advance(Duration::from_secs(200));
    assert_eq!(browser.clone().fetch(&other, "/").outcome, "next");
    assert_eq!(questions().len(), 1);
}

#[test]
fn a_refresh_token_may_stay_the_same() {
    let issuer = Issuer::new();
    let policy = policy(&json!({}));
    let mut browser = issuer.welcomes(&policy, &json!({}), &json!({}));
    for turn in 0..3 {
        wait();
        issuer.gives(&json!({}), &json!({}));
        assert_eq!(browser.fetch(&policy, "/").outcome, "next");
        assert_eq!(questions().len(), 1, "{turn}");
        assert_eq!(browser.fetch(&policy, "/").outcome, "next");
        assert_eq!(questions().len(), 0, "{turn}");
    }
}

#[test]
fn a_session_that_the_issuer_ended_is_over() {
    let issuer = Issuer::new();
    let policy = policy(&json!({}));
    let mut browser = issuer.welcomes(&policy, &json!({}), &json!({}));
    let mut copy = browser.clone();
    wait();
    answer("login-shop", 400, &json!({ "error": "invalid_grant" }));
    assert_eq!(browser.fetch(&policy, "/").outcome, "401 login-required");
    assert_eq!(browser.session(), None);
    assert_eq!(copy.fetch(&policy, "/").outcome, "401 login-required");
    assert_eq!(questions().len(), 1);
}

#[test]
fn while_the_issuer_is_down_sessions_live_as_long_as_their_tokens() {
    let issuer = Issuer::new();
    let policy = policy(&json!({}));
    let mut browser = issuer.welcomes(&policy, &json!({}), &json!({}));
    wait();
    testing::answer_http("login-shop", Err(Error::Unreachable));
    assert_eq!(browser.fetch(&policy, "/").outcome, "next");
    assert_eq!(browser.fetch(&policy, "/").outcome, "next");
    assert_eq!(questions().len(), 1, "it is left in peace for a while");

    testing::advance(Duration::from_secs(50));
    testing::answer_http("login-shop", Err(Error::Timeout));
    assert_eq!(browser.open(&policy, "/").outcome, "503 login-unavailable");
    assert!(browser.session().is_some(), "nobody needs to log in again");
    testing::advance(Duration::from_secs(2));
    issuer.gives(&json!({}), &json!({}));
    assert_eq!(browser.fetch(&policy, "/").outcome, "next");
}

#[test]
fn a_refresh_never_makes_a_session_somebody_elses() {
    let issuer = Issuer::new();
    let policy = policy(&json!({}));
    let mut browser = issuer.welcomes(&policy, &json!({}), &json!({}));
    wait();
    issuer.gives(&json!({ "sub": "eve" }), &json!({}));
    assert_eq!(browser.fetch(&policy, "/").outcome, "401 login-required");
}

#[test]
fn without_a_refresh_token_only_the_upstream_needs_the_access_token() {
    for (forward, outcome) in [(false, "next"), (true, "401 login-required")] {
        let issuer = Issuer::new();
        let policy = policy(&json!({ "forward-access-token": forward }));
        let tokens = json!({ "refresh_token": null });
        let mut browser: Browser = issuer.welcomes(&policy, &json!({}), &tokens);
        testing::advance(Duration::from_secs(299));
        assert_eq!(browser.fetch(&policy, "/").outcome, "next");
        testing::advance(Duration::from_secs(1));
        assert_eq!(browser.fetch(&policy, "/").outcome, outcome);
    }
}

#[test]
fn what_the_issuer_tells_beside_the_token_must_be_about_the_same_user() {
    for (told, outcome) in [
        (
            json!({ "sub": "ada", "email": "ada@example.com", "iss": "https://evil" }),
            "303 https://shop.example.com/",
        ),
        (json!({ "sub": "eve" }), "503 login-unavailable"),
        (json!({}), "503 login-unavailable"),
        (json!([]), "503 login-unavailable"),
    ] {
        let issuer = Issuer::new();
        let policy = policy(&json!({ "userinfo": true }));
        let mut browser = Browser::default();
        let question = browser.open(&policy, "/").location();
        issuer.gives(
            &json!({ "nonce": super::issuer::nonce(&question) }),
            &json!({}),
        );
        answer("login", 200, &told);
        let seen = browser.open(&policy, &super::browser::way_back(&question));
        assert_eq!(seen.outcome, outcome, "{told}");
        let asked = testing::take_http_requests("login").pop().unwrap();
        assert_eq!(asked.headers()["authorization"], "Bearer the-access-token");
        if browser.session().is_some() {
            let mut exchange = Exchange::new(&policy, browser.request("/"));
            exchange.on_request().unwrap();
            let identity = exchange.request().identity().unwrap();
            assert_eq!(
                identity.claim_as::<String>("/email").as_deref(),
                Some("ada@example.com")
            );
            assert_eq!(
                identity.issuer().as_deref(),
                Some(super::ISSUER),
                "what is signed counts more"
            );
        }
    }
}

/// By then the refresh token may be used up.
#[test]
fn a_refresh_does_without_what_is_told_beside_the_token() {
    let issuer = Issuer::new();
    let policy = policy(&json!({ "userinfo": true }));
    let mut browser = Browser::default();
    let question = browser.open(&policy, "/").location();
    let nonce = super::issuer::nonce(&question);
    issuer.gives(&json!({ "nonce": nonce }), &json!({}));
    answer(
        "login",
        200,
        &json!({ "sub": "ada", "email": "ada@example.com" }),
    );
    browser.open(&policy, &super::browser::way_back(&question));
    wait();
    issuer.gives(&json!({}), &json!({}));
    answer("login", 500, &json!({}));
    let mut exchange = Exchange::new(&policy, browser.request("/"));
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    let identity = exchange.request().identity().unwrap();
    let email = identity.claim_as::<String>("/email");
    assert_eq!(email.as_deref(), Some("ada@example.com"));
}
