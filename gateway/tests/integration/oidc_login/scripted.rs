//! What a browser would not do.

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;

use super::guarded;
use crate::support::{
    auth_servers::AuthServer,
    client::{self, Answer, empty, request},
    eventually,
    gateway::Gateway,
};

/// Keeps cookies, follows nothing.
#[derive(Clone, Default)]
struct Client {
    cookies: BTreeMap<String, String>,
}

impl Client {
    async fn open(&mut self, gateway: &Gateway, path: &str) -> Answer {
        let pairs = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let sent = request(Method::GET, gateway.address(), path)
            .header("accept", "text/html")
            .header("cookie", pairs.collect::<Vec<_>>().join("; "))
            .body(empty())
            .unwrap();
        let answer = client::send(gateway.address(), sent).await;
        for cookie in answer.head.headers.get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Opens a page and goes to the issuer, up to the way back.
    async fn way_back(&mut self, gateway: &Gateway, server: &AuthServer) -> String {
        let answer = self.open(gateway, "/page").await;
        assert_eq!(answer.status(), 303, "{}", answer.text());
        let question = answer.header("location").unwrap();
        let question = question.strip_prefix(&server.url()).unwrap();
        let answer = client::get(server.address(), question).await;
        let back = answer.header("location").unwrap();
        back.strip_prefix(&format!("http://{}", gateway.address()))
            .unwrap()
            .to_owned()
    }
}

async fn set_up() -> (AuthServer, Gateway) {
    let server = AuthServer::mock(&json!({})).await;
    let gateway = guarded(&server, "", &["the one key of the cookies"]).await;
    eventually("the issuer's keys", || async {
        gateway.admin("/key-sets").await.json()[0]["keys"] == 1
    })
    .await;
    (server, gateway)
}

fn code(answer: &Answer) -> String {
    answer.json()["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_state_is_good_once_and_for_one_browser() {
    let (server, gateway) = set_up().await;
    let (mut ada, mut eve) = (Client::default(), Client::default());
    let back = ada.way_back(&gateway, &server).await;
    // Eve would have Ada log in as Eve, or log in as Ada herself.
    let evil = eve.way_back(&gateway, &server).await;
    for (client, back) in [(&mut ada, &evil), (&mut eve, &back)] {
        let answer = client.open(&gateway, back).await;
        assert_eq!(
            (answer.status().as_u16(), code(&answer).as_str()),
            (400, "login-state-refused")
        );
        assert!(!client.cookies.contains_key("session"));
    }
    let mut copy = ada.clone();
    let answer = ada.open(&gateway, &back).await;
    assert_eq!(answer.status(), 303, "{}", answer.text());
    assert_eq!(
        answer.header("location"),
        Some(format!("http://{}/page", gateway.address()).as_str())
    );
    assert_eq!(ada.open(&gateway, "/page").await.status(), 200);
    let answer = copy.open(&gateway, &back).await;
    assert_eq!(
        (answer.status().as_u16(), code(&answer).as_str()),
        (400, "login-replayed")
    );
    assert_eq!(server.asked("/token").await, 1);
    let refused = gateway
        .metrics()
        .await
        .sum("witgate_notes_total", &["note=\"login-refused\""]);
    assert_eq!(refused, 3.0);
}

#[tokio::test]
async fn an_issuer_that_goes_wrong_makes_no_session() {
    let (server, gateway) = set_up().await;
    for wrong in [
        json!({ "kind": "html" }),
        json!({ "kind": "stuck" }),
        json!({ "kind": "answer", "status": 500, "body": "" }),
        json!({ "kind": "answer", "body": { "access_token": "a", "token_type": "Bearer" } }),
        json!({ "kind": "answer", "body": { "access_token": "a", "token_type": "Bearer", "id_token": "e30.e30.e30" } }),
        json!({ "kind": "answer", "body": { "access_token": "x".repeat(100_000), "token_type": "Bearer" } }),
        json!({ "kind": "answer", "status": 400, "body": { "error": "invalid_grant" } }),
    ] {
        let mut client = Client::default();
        let back = client.way_back(&gateway, &server).await;
        server.misbehave("/token", wrong.clone()).await;
        let answer = client.open(&gateway, &back).await;
        assert!(
            [400, 403, 503].contains(&answer.status().as_u16()),
            "{wrong}: {}",
            answer.text()
        );
        assert!(!client.cookies.contains_key("session"), "{wrong}");
    }
    server.misbehave("/token", json!({})).await;
    let mut client = Client::default();
    let back = client.way_back(&gateway, &server).await;
    assert_eq!(client.open(&gateway, &back).await.status(), 303);
    assert_eq!(client.open(&gateway, "/page").await.status(), 200);
    assert!(!gateway.log.text().contains("e30.e30"));
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let (server, gateway) = set_up().await;
    let mut client = Client::default();
    let answer = client.open(&gateway, "//evil.test/%2F..").await;
    assert_eq!(answer.status(), 303);
    let question = answer
        .header("location")
        .unwrap()
        .strip_prefix(&server.url())
        .unwrap()
        .to_owned();
    let back = client::get(server.address(), &question).await;
    let back = back.header("location").unwrap().to_owned();
    let origin = format!("http://{}", gateway.address());
    let answer = client
        .open(&gateway, back.strip_prefix(&origin).unwrap())
        .await;
    let location = answer.header("location").unwrap();
    assert!(location.starts_with(&format!("{origin}/")), "{location}");
}
