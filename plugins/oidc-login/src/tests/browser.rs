//! A browser, as far as a login is concerned.

use std::collections::BTreeMap;

use oauth2::url::Url;
use serde_json::Value;
use witgate_plugin::{
    prelude::*,
    testing::{Exchange, TestRequest, TestResponse},
};

use super::{ORIGIN, OidcLogin};

/// What came of a request.
#[derive(Debug)]
pub(super) struct Seen {
    /// The status, with the code of a problem and the target of a redirect; `next` if the request went on.
    pub(super) outcome: String,
    pub(super) set_cookies: Vec<String>,
}

impl Seen {
    pub(super) fn location(&self) -> Url {
        Url::parse(self.outcome.strip_prefix("303 ").unwrap()).unwrap()
    }
}

/// Keeps cookies.
#[derive(Clone, Default)]
pub(super) struct Browser {
    pub(super) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(super) fn request(&self, path: &str) -> TestRequest {
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let request = TestRequest::get(path).authority("shop.example.com");
        match self.cookies.len() {
            0 => request,
            _ => request.header("cookie", cookies.collect::<Vec<_>>().join("; ")),
        }
    }

    /// Opens a page.
    pub(super) fn open(&mut self, policy: &OidcLogin, path: &str) -> Seen {
        let request = self
            .request(path)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-site", "none");
        self.send(policy, request)
    }

    /// What a script does.
    pub(super) fn fetch(&mut self, policy: &OidcLogin, path: &str) -> Seen {
        let request = self
            .request(path)
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-site", "same-origin");
        self.send(policy, request)
    }

    pub(super) fn send(&mut self, policy: &OidcLogin, request: TestRequest) -> Seen {
        let mut exchange = Exchange::new(policy, request);
        let verdict = exchange.on_request().unwrap();
        self.see(exchange, verdict)
    }

    pub(super) fn see(&mut self, mut exchange: Exchange<'_, OidcLogin>, verdict: Verdict) -> Seen {
        let (outcome, headers) = match verdict {
            Verdict::Next => {
                exchange.on_response(TestResponse::new(200)).unwrap();
                (String::from("next"), exchange.response().headers())
            }
            Verdict::Reply(reply) => (described(&reply), reply.headers),
            other => panic!("{other:?}"),
        };
        let set_cookies = headers.into_iter().filter(|(name, _)| name == "set-cookie");
        let set_cookies: Vec<_> = set_cookies
            .map(|(_, value)| String::from_utf8(value).unwrap())
            .collect();
        for cookie in &set_cookies {
            self.keep(cookie);
        }
        Seen {
            outcome,
            set_cookies,
        }
    }

    fn keep(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        assert!(cookie.len() <= 4096, "no browser keeps this: {cookie}");
        assert!(
            attributes.contains("Path=/; HttpOnly; SameSite=Lax; Secure;")
                && name.starts_with("__Host-"),
            "{cookie}"
        );
        if attributes.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    pub(super) fn session(&self) -> Option<&String> {
        self.cookies.get("__Host-session")
    }
}

fn described(reply: &Reply) -> String {
    let location = reply.headers.iter().find(|(name, _)| name == "location");
    let what = match location {
        Some((_, location)) => String::from_utf8(location.clone()).unwrap(),
        None => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            body["code"].as_str().unwrap().to_owned()
        }
    };
    format!("{} {what}", reply.status)
}

/// A parameter of a URL.
pub(super) fn parameter(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(known, _)| known == name);
    found
        .unwrap_or_else(|| panic!("{url} has no {name}"))
        .1
        .into_owned()
}

/// The path with which the issuer sends the browser back.
pub(super) fn way_back(question: &Url) -> String {
    let state = parameter(question, "state");
    assert_eq!(
        parameter(question, "redirect_uri"),
        format!("{ORIGIN}/oauth2/callback")
    );
    format!("/oauth2/callback?code=the-code&state={state}")
}
