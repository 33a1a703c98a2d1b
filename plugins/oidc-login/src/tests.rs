//! The whole policy, with an issuer whose answers the tests write, and a browser that keeps cookies.

mod browser;
mod issuer;
mod logging_in;
mod logging_out;
mod refreshing;
mod sessions;

use serde_json::{Value, json};
use witgate_plugin::testing;

use super::OidcLogin;

const NOW: u64 = 1_700_000_000;
const ISSUER: &str = "https://login.example.com";
const ORIGIN: &str = "https://shop.example.com";

fn policy(extra: &Value) -> OidcLogin {
    let mut config = json!({
        "issuer": ISSUER, "client": "login", "token-client": "login-shop", "keys": "login", "secret": "cookies",
        "client-id": "shop", "origin": ORIGIN,
    });
    let fields = extra.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(fields);
    testing::configure(&config.to_string()).unwrap()
}

#[test]
fn wrong_settings_are_all_reported() {
    testing::set_http_client("login", ISSUER);
    let config = json!({
        "issuer": ISSUER, "client": "login", "token-client": "nobody", "keys": "none", "secret": "none",
        "client-id": "", "origin": "https://shop.example.com/", "callback": "//evil", "logout": "x",
        "after-logout": "/a?b", "cookie": "a b", "idle": "13h", "parameters": { "state": "x" }, "tenant": "",
    });
    let problems = testing::configure::<OidcLogin>(&config.to_string())
        .err()
        .unwrap();
    let pointers = problems.iter().map(|problem| problem.pointer.as_str());
    let expected = [
        "/client-id",
        "/origin",
        "/callback",
        "/logout",
        "/after-logout",
        "/cookie",
        "/idle",
        "/parameters/state",
        "/token-client",
        "/keys",
        "/secret",
        "/tenant",
    ];
    assert_eq!(pointers.collect::<Vec<_>>(), expected);
}
