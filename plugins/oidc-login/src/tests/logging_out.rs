//! The end of a session.

use std::time::Duration;

use serde_json::json;
use witgate_plugin::{
    http::Error,
    testing::{self, TestRequest},
};

use super::{
    ISSUER, ORIGIN,
    browser::{Browser, parameter},
    issuer::{Issuer, answer},
    policy,
};

#[test]
fn a_session_ends_here_and_at_the_issuer() {
    let issuer = Issuer::new();
    let policy = policy(&json!({ "after-logout": "/goodbye" }));
    let mut browser = issuer.welcomes(&policy, &json!({}), &json!({}));
    let mut copy = browser.clone();
    let end = browser.open(&policy, "/oauth2/logout").location();
    assert!(end.as_str().starts_with("https://login.example.com/end?"));
    assert_eq!(
        parameter(&end, "post_logout_redirect_uri"),
        format!("{ORIGIN}/goodbye")
    );
    assert_eq!(parameter(&end, "client_id"), "shop");
    assert_eq!(parameter(&end, "id_token_hint").split('.').count(), 3);
    assert!(browser.cookies.is_empty());
    // A copy of the cookie ends with its access token.
    testing::advance(Duration::from_secs(250));
    assert_eq!(copy.fetch(&policy, "/").outcome, "401 login-required");
}

/// And if the issuer does not answer, the session ends all the same.
#[test]
fn the_issuer_forgets_the_refresh_token() {
    for answered in [true, false] {
        let issuer =
            Issuer::publishing(&json!({ "revocation_endpoint": format!("{ISSUER}/revoke") }));
        let policy = policy(&json!({}));
        let mut browser = issuer.welcomes(&policy, &json!({}), &json!({}));
        match answered {
            true => answer("login-shop", 200, &json!({})),
            false => testing::answer_http("login-shop", Err(Error::Timeout)),
        }
        let seen = browser.open(&policy, "/oauth2/logout");
        assert!(
            seen.outcome
                .starts_with("303 https://login.example.com/end?")
        );
        assert_eq!(browser.session(), None);
        let request = testing::take_http_requests("login-shop").pop().unwrap();
        assert_eq!(request.uri(), "https://login.example.com/revoke");
        let form = String::from_utf8(request.body().clone()).unwrap();
        let expected = "token=the-refresh-token&token_type_hint=refresh_token&client_id=shop";
        assert_eq!(form, expected);
    }
}

#[test]
fn another_site_cannot_end_a_session() {
    let issuer = Issuer::new();
    let policy = policy(&json!({}));
    let browser = issuer.welcomes(&policy, &json!({}), &json!({}));
    let logout = || browser.request("/oauth2/logout");
    let cases: [(TestRequest, bool); 9] = [
        (logout(), false),
        (logout().header("sec-fetch-site", "cross-site"), false),
        (logout().header("sec-fetch-site", "same-site"), false),
        (logout().header("sec-fetch-site", "none"), true),
        (logout().header("sec-fetch-site", "same-origin"), true),
        (logout().header("origin", "https://evil.example.com"), false),
        (logout().header("origin", ORIGIN), true),
        (
            logout().header("referer", "https://shop.example.com.evil.example.com/"),
            false,
        ),
        (
            logout().header("referer", "https://shop.example.com/cart"),
            true,
        ),
    ];
    for (request, ends) in cases {
        let mut browser = browser.clone();
        let seen = browser.send(&policy, request.clone());
        assert_eq!(browser.session().is_none(), ends, "{request:?}");
        assert_eq!(seen.outcome == "403 logout-refused", !ends, "{request:?}");
    }
}

#[test]
fn without_a_session_or_an_end_at_the_issuer_it_is_quick() {
    let issuer = Issuer::publishing(&json!({ "end_session_endpoint": null }));
    let policy = policy(&json!({}));
    let goodbye = "303 https://shop.example.com/";
    assert_eq!(
        Browser::default().open(&policy, "/oauth2/logout").outcome,
        goodbye
    );
    let mut browser = issuer.welcomes(&policy, &json!({}), &json!({}));
    assert_eq!(browser.open(&policy, "/oauth2/logout").outcome, goodbye);
    assert_eq!(browser.session(), None);
}
