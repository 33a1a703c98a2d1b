//! An issuer that is down, from the start or all of a sudden.

use serde_json::{Value, json};

use super::{arrived, fetches, fill_in, guarded, origin, short_lived};
use crate::support::{
    auth_servers::AuthServer,
    chromium::{Chromium, Tab},
    client::{self, Answer, empty, request},
    eventually,
    gateway::Gateway,
};

async fn navigate(gateway: &Gateway) -> Answer {
    let sent = request(http::Method::GET, gateway.address(), "/")
        .header("accept", "text/html")
        .body(empty())
        .unwrap();
    client::send(gateway.address(), sent).await
}

/// A page that asks without an end, and counts what it is answered.
async fn ask_on(tab: &mut Tab) {
    tab.run(
        "window.seen = {}; window.last = 0;\
         (async () => { for (;;) {\
           window.last = await fetch('/api').then((answer) => answer.status, () => 'failed');\
           window.seen[window.last] = (window.seen[window.last] ?? 0) + 1;\
           await new Promise((done) => setTimeout(done, 20));\
         } })(); true",
    )
    .await;
}

async fn until_answered(tab: &mut Tab, status: u16) {
    tab.until(
        &format!("an answer {status}"),
        &format!("window.last === {status}"),
    )
    .await;
}

/// Sessions live as long as their access tokens; then they wait, and nobody has to log in again.
#[tokio::test]
async fn the_issuer_dies_under_load_and_comes_back() {
    let mut server = AuthServer::oidc();
    server.option("ttl", short_lived()["ttl"].clone());
    // Else a refresh token whose answer dies with the issuer would be lost.
    server.option("rotate", json!(false));
    let gateway = guarded(&server, "", &["the one key of the cookies"]).await;
    let origin = origin(&gateway);

    // It is down at the start.
    let answer = navigate(&gateway).await;
    assert_eq!(answer.status(), 503, "{}", answer.text());
    assert_eq!(answer.json()["code"], "login-unavailable");
    server.start_for(std::slice::from_ref(&origin)).await;
    eventually("a login", || async {
        navigate(&gateway).await.status() == 303
    })
    .await;
    eventually("the issuer's keys", || async {
        gateway.admin("/key-sets").await.json()[0]["keys"] == 1
    })
    .await;

    let browser = Chromium::launch("about:blank").await;
    let mut tab = browser.tab().await;
    tab.open(&origin).await;
    fill_in(&mut tab, "ada").await;
    arrived(&mut tab).await;
    ask_on(&mut tab).await;
    until_answered(&mut tab, 200).await;
    server.kill();
    assert_eq!(
        fetches(&mut tab, 1).await,
        json!([200]),
        "the token is good still"
    );
    until_answered(&mut tab, 503).await;
    // Where to log in is known, and the issuer's own affair.
    assert_eq!(navigate(&gateway).await.status(), 303);
    server.start().await;
    until_answered(&mut tab, 200).await;
    let seen = tab.run("window.seen").await;
    let statuses = seen.as_object().unwrap().keys().collect::<Vec<_>>();
    assert_eq!(statuses, ["200", "503"], "{seen}");
    let noted = |line: &Value| line.to_string().contains("issuer-unavailable");
    gateway.access.wait_for("a note of it", noted).await;
}
