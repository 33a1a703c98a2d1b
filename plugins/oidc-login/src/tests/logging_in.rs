//! From the first page to the session.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use witgate_plugin::{
    crypto,
    http::Error,
    prelude::*,
    testing::{self, Exchange, TestRequest},
};

use super::{
    ISSUER, NOW, ORIGIN,
    browser::{Browser, parameter, way_back},
    issuer::{Issuer, answer, declare, nonce},
    policy,
};

#[test]
fn a_login_leads_back_to_where_it_began() {
    let issuer = Issuer::new();
    let policy = policy(
        &json!({ "scopes": ["email"], "parameters": { "prompt": "login" }, "tenant": "/org/id" }),
    );
    let mut browser = Browser::default();
    let question = browser.open(&policy, "/orders/7?full=1&a=%2F").location();
    assert!(question.as_str().starts_with(&format!("{ISSUER}/auth?")));
    assert_eq!(parameter(&question, "response_type"), "code");
    assert_eq!(parameter(&question, "client_id"), "shop");
    assert_eq!(parameter(&question, "scope"), "openid email");
    assert_eq!(parameter(&question, "prompt"), "login");
    assert_eq!(parameter(&question, "code_challenge_method"), "S256");

    issuer.gives(
        &json!({ "nonce": nonce(&question), "org": { "id": "acme" } }),
        &json!({}),
    );
    let seen = browser.open(&policy, &way_back(&question));
    assert_eq!(
        seen.outcome,
        "303 https://shop.example.com/orders/7?full=1&a=%2F"
    );
    let names = browser.cookies.keys().collect::<Vec<_>>();
    assert_eq!(names, ["__Host-session"], "the login's own cookie is gone");

    let [request] = &testing::take_http_requests("login-shop")[..] else {
        panic!("there is one request");
    };
    let body = String::from_utf8(request.body().clone()).unwrap();
    let form = oauth2::url::Url::parse(&format!("x:?{body}")).unwrap();
    assert_eq!(parameter(&form, "grant_type"), "authorization_code");
    assert_eq!(parameter(&form, "code"), "the-code");
    assert_eq!(
        parameter(&form, "redirect_uri"),
        format!("{ORIGIN}/oauth2/callback")
    );
    let verifier = parameter(&form, "code_verifier");
    let challenge = URL_SAFE_NO_PAD.encode(crypto::sha256(verifier.as_bytes()));
    assert_eq!(parameter(&question, "code_challenge"), challenge);

    let request = browser.request("/orders/7").header("cookie", "theme=dark");
    let mut exchange = Exchange::new(&policy, request);
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    let identity = exchange.request().identity().unwrap();
    assert_eq!(identity.subject().as_deref(), Some("ada"));
    assert_eq!(identity.issuer().as_deref(), Some(ISSUER));
    assert_eq!(identity.tenant().as_deref(), Some("acme"));
    assert_eq!(identity.consumer().as_deref(), Some("shop"));
    assert_eq!(identity.scopes(), ["openid", "email"]);
    assert_eq!(
        exchange.request().header("cookie").as_deref(),
        Some("theme=dark")
    );
    assert_eq!(exchange.request().header("authorization"), None);
}

#[test]
fn no_page_leads_elsewhere() {
    for (page, back) in [
        (
            "//evil.example.com/",
            "303 https://shop.example.com//evil.example.com/",
        ),
        (
            "/\\evil.example.com",
            "303 https://shop.example.com/\\evil.example.com",
        ),
        (
            &format!("/{}", "a".repeat(2048)),
            "303 https://shop.example.com/",
        ),
    ] {
        let issuer = Issuer::new();
        let policy = policy(&json!({}));
        let mut browser = Browser::default();
        let question = browser.open(&policy, page).location();
        issuer.gives(&json!({ "nonce": nonce(&question) }), &json!({}));
        assert_eq!(browser.open(&policy, &way_back(&question)).outcome, back);
    }
}

#[test]
fn only_who_opens_a_page_is_sent_to_log_in() {
    let _issuer = Issuer::new();
    let policy = policy(&json!({}));
    let with = |name: &str, value: &str| TestRequest::get("/").header(name, value);
    for request in [
        TestRequest::get("/"),
        with("accept", "application/json"),
        with("accept", "text/html").header("sec-fetch-mode", "cors"),
        TestRequest::new("POST", "/").header("sec-fetch-mode", "navigate"),
        with("x-requested-with", "XMLHttpRequest"),
    ] {
        let seen = Browser::default().send(&policy, request.clone());
        assert_eq!(seen.outcome, "401 login-required", "{request:?}");
        assert!(seen.set_cookies.is_empty());
    }
    for request in [
        with("accept", "text/html,application/xhtml+xml"),
        with("sec-fetch-mode", "navigate"),
    ] {
        let seen = Browser::default().send(&policy, request.clone());
        assert!(seen.outcome.starts_with("303 https://login"), "{request:?}");
    }
}

#[test]
fn two_tabs_do_not_disturb_each_other() {
    let issuer = Issuer::new();
    let policy = policy(&json!({}));
    let mut browser = Browser::default();
    let one = browser.open(&policy, "/one").location();
    let two = browser.open(&policy, "/two").location();
    for (question, page) in [(&two, "/two"), (&one, "/one")] {
        issuer.gives(&json!({ "nonce": nonce(question) }), &json!({}));
        let seen = browser.open(&policy, &way_back(question));
        assert_eq!(seen.outcome, format!("303 {ORIGIN}{page}"));
    }
}

#[test]
fn logins_that_are_never_finished_do_not_pile_up() {
    let _issuer = Issuer::new();
    let policy = policy(&json!({}));
    let mut browser = Browser::default();
    browser
        .cookies
        .insert("__Host-session-login-junk".into(), "junk".into());
    for _ in 0..20 {
        testing::advance(std::time::Duration::from_secs(1));
        browser.open(&policy, "/");
        assert!(browser.cookies.len() <= 5, "{:?}", browser.cookies.keys());
    }
    assert!(!browser.cookies.contains_key("__Host-session-login-junk"));
}

#[test]
fn a_state_is_good_once_for_one_browser_and_not_for_ever() {
    let issuer = Issuer::new();
    let policy = policy(&json!({}));
    let mut browser = Browser::default();
    let question = browser.open(&policy, "/").location();
    let back = way_back(&question);
    let refused = "400 login-state-refused";
    assert_eq!(
        Browser::default().open(&policy, &back).outcome,
        refused,
        "another browser"
    );
    assert_eq!(
        browser
            .open(&policy, "/oauth2/callback?code=x&state=made-up")
            .outcome,
        refused
    );
    assert_eq!(
        browser.open(&policy, "/oauth2/callback?code=x").outcome,
        refused
    );
    assert_eq!(
        browser.open(&policy, &format!("{back}&state=two")).outcome,
        refused
    );
    // The number is right and the rest is not.
    assert_eq!(browser.open(&policy, &format!("{back}x")).outcome, refused);

    let mut copy = browser.clone();
    issuer.gives(&json!({ "nonce": nonce(&question) }), &json!({}));
    assert_eq!(
        browser.open(&policy, &back).outcome,
        format!("303 {ORIGIN}/")
    );
    assert_eq!(
        browser.open(&policy, &back).outcome,
        refused,
        "its cookie is gone"
    );
    assert_eq!(copy.open(&policy, &back).outcome, "400 login-replayed");

    let question = browser.open(&policy, "/oauth2/x").outcome;
    assert_eq!(question, "next", "there is a session");
    let mut late = Browser::default();
    let question = late.open(&policy, "/").location();
    testing::advance(std::time::Duration::from_secs(600));
    assert_eq!(late.open(&policy, &way_back(&question)).outcome, refused);
}

#[test]
fn an_id_token_must_be_right() {
    for (claims, tokens) in [
        (json!({ "nonce": "another" }), json!({})),
        (json!({ "nonce": null }), json!({})),
        (json!({ "aud": "another" }), json!({})),
        (json!({ "iss": "https://evil.example.com" }), json!({})),
        (json!({ "exp": NOW - 60 }), json!({})),
        (json!({}), json!({ "id_token": null })),
        (json!({}), json!({ "id_token": "eyJhbGciOiJub25lIn0.e30." })),
        (json!({}), json!({ "id_token": "junk" })),
    ] {
        let issuer = Issuer::new();
        let policy = policy(&json!({}));
        let mut browser = Browser::default();
        let question = browser.open(&policy, "/").location();
        let mut all = json!({ "nonce": nonce(&question) });
        all.as_object_mut()
            .unwrap()
            .extend(claims.as_object().unwrap().clone());
        issuer.gives(&all, &tokens);
        let seen = browser.open(&policy, &way_back(&question));
        assert_eq!(
            seen.outcome, "403 login-id-token-refused",
            "{claims} {tokens}"
        );
        assert_eq!(browser.session(), None);
    }
}

#[test]
fn a_key_that_is_not_known_is_waited_for() {
    let issuer = Issuer::new();
    let keys = issuer.jwks();
    testing::set_keys("login", &keys.replace("one", "two"));
    testing::allow_refresh("login", true);
    let policy = policy(&json!({}));
    let mut browser = Browser::default();
    let question = browser.open(&policy, "/").location();
    issuer.gives(&json!({ "nonce": nonce(&question) }), &json!({}));
    let mut exchange = Exchange::new(&policy, browser.request(&way_back(&question)));
    assert_eq!(exchange.on_request().unwrap(), Verdict::Again);
    assert_eq!(exchange.on_request().unwrap(), Verdict::Again);
    testing::set_keys("login", &keys);
    let verdict = exchange.on_request().unwrap();
    assert_eq!(
        browser.see(exchange, verdict).outcome,
        format!("303 {ORIGIN}/")
    );
}

#[test]
fn the_issuer_may_say_no() {
    let _issuer = Issuer::new();
    let policy = policy(&json!({}));
    let mut browser = Browser::default();
    let question = browser.open(&policy, "/").location();
    let state = parameter(&question, "state");
    let denied = format!("/oauth2/callback?error=access_denied&state={state}");
    assert_eq!(browser.open(&policy, &denied).outcome, "403 login-denied");

    let question = browser.open(&policy, "/").location();
    let back = way_back(&question);
    assert_eq!(
        browser
            .open(
                &policy,
                &format!("{back}&iss=https%3A%2F%2Fevil.example.com")
            )
            .outcome,
        "400 login-issuer-refused"
    );

    let question = browser.open(&policy, "/").location();
    answer("login-shop", 400, &json!({ "error": "invalid_grant" }));
    assert_eq!(
        browser.open(&policy, &way_back(&question)).outcome,
        "400 login-code-refused"
    );
}

#[test]
fn an_issuer_that_names_itself_must_do_so() {
    let names_itself = json!({ "authorization_response_iss_parameter_supported": true });
    let issuer = Issuer::publishing(&names_itself);
    let policy = policy(&json!({}));
    let mut browser = Browser::default();
    let question = browser.open(&policy, "/").location();
    assert_eq!(
        browser.open(&policy, &way_back(&question)).outcome,
        "400 login-issuer-refused"
    );
    let question = browser.open(&policy, "/").location();
    issuer.gives(&json!({ "nonce": nonce(&question) }), &json!({}));
    let named = format!(
        "{}&iss=https%3A%2F%2Flogin.example.com",
        way_back(&question)
    );
    assert_eq!(
        browser.open(&policy, &named).outcome,
        format!("303 {ORIGIN}/")
    );
}

#[test]
fn without_the_issuer_there_is_no_login_and_later_there_is() {
    let issuer = Issuer::new();
    let policy = policy(&json!({}));
    let mut browser = Browser::default();
    let question = browser.open(&policy, "/").location();
    testing::answer_http("login-shop", Err(Error::Unreachable));
    let unavailable = "503 login-unavailable";
    assert_eq!(
        browser.open(&policy, &way_back(&question)).outcome,
        unavailable
    );
    answer("login-shop", 502, &json!("<html>"));
    assert_eq!(
        browser.open(&policy, &way_back(&question)).outcome,
        unavailable
    );
    issuer.gives(&json!({ "nonce": nonce(&question) }), &json!({}));
    assert_eq!(
        browser.open(&policy, &way_back(&question)).outcome,
        format!("303 {ORIGIN}/")
    );
}

#[test]
fn what_an_issuer_publishes_must_be_its_own() {
    for document in [
        json!({ "issuer": "https://evil.example.com", "authorization_endpoint": "https://e/a", "token_endpoint": "https://e/t" }),
        json!({ "issuer": ISSUER }),
        json!("<!doctype html>"),
    ] {
        declare();
        answer("login", 200, &document);
        let policy = policy(&json!({}));
        let mut browser = Browser::default();
        assert_eq!(
            browser.open(&policy, "/").outcome,
            "503 login-unavailable",
            "{document}"
        );
        assert_eq!(browser.open(&policy, "/").outcome, "503 login-unavailable");
        assert_eq!(
            testing::take_http_requests("login").len(),
            1,
            "it is left in peace for a while"
        );
    }
}
