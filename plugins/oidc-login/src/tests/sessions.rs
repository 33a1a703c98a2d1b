//! What a session's cookie is good for.

use std::time::Duration;

use serde_json::json;
use witgate_plugin::{prelude::*, testing, testing::Exchange};

use super::{NOW, browser::Browser, issuer::Issuer, policy};

const ISSUER_IS_ASKED: &str = "303 https://login.example.com/auth?";

#[test]
fn a_cookie_that_was_changed_is_no_session() {
    let issuer = Issuer::new();
    let policy = policy(&json!({}));
    let browser = issuer.welcomes(&policy, &json!({}), &json!({}));
    let good = browser.session().unwrap().clone();
    let last = if good.ends_with('A') { "B" } else { "A" };
    for forged in [
        String::new(),
        String::from("1."),
        String::from("junk"),
        String::from("9.junk"),
        good.replacen("1.", "2.", 1),
        format!("{}{last}", &good[..good.len() - 1]),
        good[..good.len() - 5].to_owned(),
        format!("{good}AAAA"),
    ] {
        let mut forger = Browser::default();
        forger
            .cookies
            .insert("__Host-session".into(), forged.clone());
        assert_eq!(
            forger.fetch(&policy, "/").outcome,
            "401 login-required",
            "{forged}"
        );
        assert_eq!(forger.session(), None, "it is removed");
        forger
            .cookies
            .insert("__Host-session".into(), forged.clone());
        assert!(
            forger
                .open(&policy, "/")
                .outcome
                .starts_with(ISSUER_IS_ASKED),
            "{forged}"
        );
    }
    // Nor is it one under a name that any page of a neighbouring host could have set.
    let mut forger = Browser::default();
    forger.cookies.insert("session".into(), good);
    assert_eq!(forger.fetch(&policy, "/").outcome, "401 login-required");
}

#[test]
fn keys_can_be_rotated() {
    let issuer = Issuer::new();
    let policy = policy(&json!({}));
    let mut browser = issuer.welcomes(&policy, &json!({}), &json!({ "refresh_token": null }));
    let first = browser.session().cloned();
    testing::set_secret(
        "cookies",
        &[b"an even newer key", b"the newest of the keys"],
    );
    testing::advance(Duration::from_secs(600));
    assert_eq!(browser.fetch(&policy, "/").outcome, "next");
    assert_ne!(browser.session().cloned(), first, "it is sealed anew");
    testing::set_secret("cookies", &[b"an even newer key"]);
    let other_worker = super::policy(&json!({}));
    assert_eq!(browser.fetch(&other_worker, "/").outcome, "next");

    testing::set_secret("cookies", &[b"the key of somebody else"]);
    let other_worker = super::policy(&json!({}));
    assert_eq!(
        browser.fetch(&other_worker, "/").outcome,
        "401 login-required"
    );
}

#[test]
fn a_session_is_for_one_client_at_one_issuer() {
    let issuer = Issuer::new();
    let mut browser = issuer.welcomes(&policy(&json!({})), &json!({}), &json!({}));
    for other in [
        json!({ "client-id": "bank" }),
        json!({ "issuer": "https://other.example.com" }),
    ] {
        let mut browser = browser.clone();
        assert_eq!(
            browser.fetch(&policy(&other), "/").outcome,
            "401 login-required"
        );
    }
    assert_eq!(
        browser
            .fetch(&policy(&json!({ "callback": "/cb" })), "/")
            .outcome,
        "next"
    );
}

#[test]
fn a_login_under_way_is_no_session() {
    let _issuer = Issuer::new();
    let policy = policy(&json!({}));
    let mut browser = Browser::default();
    browser.open(&policy, "/");
    let attempt = browser.cookies.values().next().unwrap().clone();
    browser
        .cookies
        .insert("__Host-session".into(), format!("1.{attempt}"));
    assert_eq!(browser.fetch(&policy, "/").outcome, "401 login-required");
}

#[test]
fn sessions_end_when_nobody_uses_them_and_at_last_anyway() {
    let issuer = Issuer::new();
    let policy = policy(&json!({ "idle": "10m", "lifetime": "1h" }));
    let tokens = json!({ "refresh_token": null });
    let mut used = issuer.welcomes(&policy, &json!({}), &tokens);
    let mut unused = used.clone();
    for minute in (9..60).step_by(9) {
        testing::set_unix_seconds(NOW + 60 * minute);
        let seen = used.fetch(&policy, "/");
        assert_eq!(seen.outcome, "next", "{minute}");
        assert_eq!(seen.set_cookies.len(), 1, "its use is written down");
        assert!(
            used.fetch(&policy, "/").set_cookies.is_empty(),
            "and not every time"
        );
    }
    testing::set_unix_seconds(NOW + 3599);
    assert_eq!(used.fetch(&policy, "/").outcome, "next");
    testing::set_unix_seconds(NOW + 3600);
    assert_eq!(used.fetch(&policy, "/").outcome, "401 login-required");
    testing::set_unix_seconds(NOW + 599);
    assert_eq!(unused.clone().fetch(&policy, "/").outcome, "next");
    testing::set_unix_seconds(NOW + 600);
    assert_eq!(unused.fetch(&policy, "/").outcome, "401 login-required");
}

#[test]
fn a_long_session_takes_several_cookies_and_too_long_a_one_is_refused() {
    let issuer = Issuer::new();
    let policy = policy(&json!({}));
    let mut browser = issuer.welcomes(&policy, &json!({ "groups": "g".repeat(6000) }), &json!({}));
    assert!(browser.cookies.len() > 2, "{:?}", browser.cookies.keys());
    let request = browser.request("/");
    let mut exchange = Exchange::new(&policy, request);
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    assert_eq!(exchange.request().header("cookie"), None);
    let mut part = browser.clone();
    part.cookies.remove("__Host-session.1");
    assert_eq!(part.fetch(&policy, "/").outcome, "401 login-required");
    browser
        .cookies
        .insert("__Host-session.1".into(), "junk".into());
    browser.fetch(&policy, "/");
    assert!(browser.cookies.is_empty(), "all of it goes");

    let question = browser.open(&policy, "/").location();
    let nonce = super::issuer::nonce(&question);
    issuer.gives(
        &json!({ "nonce": nonce, "groups": "g".repeat(11_000) }),
        &json!({ "refresh_token": "r".repeat(9000) }),
    );
    let seen = browser.open(&policy, &super::browser::way_back(&question));
    assert_eq!(seen.outcome, "403 login-claims-unusable");
}

#[test]
fn a_rule_decides_who_may_enter() {
    let issuer = Issuer::new();
    let policy = policy(&json!({ "require": { "claim": "role", "equals": "admin" } }));
    let mut admin = issuer.welcomes(&policy, &json!({ "role": "admin" }), &json!({}));
    let mut guest = issuer.welcomes(&policy, &json!({ "role": "guest" }), &json!({}));
    assert_eq!(admin.fetch(&policy, "/").outcome, "next");
    assert_eq!(guest.open(&policy, "/").outcome, "403 login-rule-refused");
}
