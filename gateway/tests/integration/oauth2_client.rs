//! The oauth2-client component between oauth2-mock-server and an upstream.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use http::Response;
use serde_json::json;

use crate::support::{
    auth_servers::AuthServer,
    client::{self, Answer, full},
    components, eventually,
    gateway::{Gateway, Setup},
    soon, upstream,
};

const TOKEN: &str = "/token";

/// With settings beside `client`, as the rest of a YAML map.
async fn outfitted(server: &AuthServer, settings: &str) -> Gateway {
    let up = upstream::echo().await;
    let component = components::shipped("oauth2-client");
    Setup::new()
        .file("secret", "the password of the gateway")
        .settings(&format!(
            "plugins:\n  oauth2-client:\n    component: '{}'\n    \
             grants: [clock, kv, log, {{ http-client: [login] }}]\n\
             http-clients:\n  login:\n    url: {}\n    timeout: 500ms\n    \
             authorization: {{ client-credentials: {{ id: gateway, secret: login }} }}\n\
             secrets: {{ login: {{ file: secret }} }}\n",
            component.display(),
            server.url(),
        ))
        .routes(&format!(
            "upstreams: {{ up: 'http://{up}' }}\n\
             routes:\n  - name: all\n    plugins:\n      - oauth2-client: {{ client: login{settings} }}\n    to: up"
        ))
        .start()
        .await
}

fn presented(answer: &Answer) -> String {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    upstream::seen(&answer.json(), "authorization").join("|")
}

fn is_refused(answer: &Answer) {
    assert_eq!(answer.status(), 503, "{}", answer.text());
    assert_eq!(answer.json()["code"], "token-unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

/// A token that lives so many seconds.
async fn gives(server: &AuthServer, token: &str, seconds: u64) {
    let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": seconds });
    let how = json!({ "kind": "answer", "body": body });
    server.misbehave(TOKEN, how).await;
}

#[tokio::test]
async fn the_upstream_gets_one_token_for_all_requests() {
    let server = AuthServer::mock(&json!({})).await;
    server.misbehave(TOKEN, json!({ "delay": 200 })).await;
    let gateway = outfitted(&server, ", scopes: [invoices]").await;
    let address = gateway.address();
    let waiting: Vec<_> = (0..40)
        .map(|_| tokio::spawn(client::get_with_token(address, "/", "client's")))
        .collect();
    let mut tokens = Vec::new();
    for answer in waiting {
        tokens.push(presented(&soon("an answer", answer).await.unwrap()));
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    // The server makes JSON Web Tokens.
    assert!(tokens[0].starts_with("Bearer ey"), "{tokens:?}");
    assert_eq!(server.asked(TOKEN).await, 1);
    let token = &tokens[0]["Bearer ".len()..];
    for place in [
        gateway.log.text(),
        gateway.access.text(),
        gateway.admin("/http-clients").await.text(),
        gateway.admin("/config").await.text(),
    ] {
        assert!(!place.contains(token) && !place.contains("the password"));
    }
}

#[tokio::test]
async fn a_token_is_renewed_beside_the_requests() {
    let server = AuthServer::mock(&json!({})).await;
    gives(&server, "one", 3).await;
    let gateway = outfitted(&server, ", renew-before: 2s").await;
    assert_eq!(presented(&gateway.get("/").await), "Bearer one");
    // Slower than a request may be: nobody waits for it.
    let body = json!({ "access_token": "two", "token_type": "Bearer", "expires_in": 600 });
    let how = json!({ "kind": "answer", "body": body, "delay": 300 });
    server.misbehave(TOKEN, how).await;
    eventually("the new token", || async {
        let began = std::time::Instant::now();
        let token = presented(&gateway.get("/").await);
        assert!(began.elapsed() < Duration::from_millis(290), "it waited");
        token == "Bearer two"
    })
    .await;
    assert_eq!(server.asked(TOKEN).await, 2);
}

#[tokio::test]
async fn a_server_that_dies_costs_nothing_until_the_token_ends() {
    let mut server = AuthServer::mock(&json!({})).await;
    gives(&server, "one", 4).await;
    let gateway = outfitted(&server, ", renew-before: 3s").await;
    assert_eq!(presented(&gateway.get("/").await), "Bearer one");
    server.kill();
    let refused = AtomicBool::new(false);
    eventually("the end of the token", || async {
        let answer = gateway.get("/").await;
        if answer.status() == 200 {
            assert_eq!(presented(&answer), "Bearer one");
            assert!(!refused.load(SeqCst));
            return false;
        }
        is_refused(&answer);
        refused.store(true, SeqCst);
        true
    })
    .await;
    let noted = "issuer-unavailable";
    eventually("the note", || async {
        gateway.access.text().contains(noted)
    })
    .await;
    assert!(gateway.log.text().contains("no token from"));
    let kind = format!("note=\"{noted}\"");
    let metrics = gateway.admin("/metrics").await.text();
    assert!(
        metrics.contains("witgate_notes_total") && metrics.contains(noted),
        "{kind}"
    );
    server.start().await;
    eventually("another token", || async {
        gateway.get("/").await.status() == 200
    })
    .await;
}

#[tokio::test]
async fn nonsense_is_no_token() {
    let server = AuthServer::mock(&json!({})).await;
    let gateway = outfitted(&server, "").await;
    for how in [
        json!({ "kind": "html" }),
        json!({ "kind": "stuck" }),
        json!({ "kind": "answer", "status": 500, "body": "hush" }),
        json!({ "kind": "answer", "status": 401, "body": { "error": "invalid_client" } }),
        json!({ "kind": "answer", "body": "x".repeat(100_000) }),
    ] {
        server.misbehave(TOKEN, how.clone()).await;
        let asked = server.asked(TOKEN).await;
        // A failure is remembered for a second.
        eventually("another question", || async {
            is_refused(&gateway.get("/").await);
            server.asked(TOKEN).await > asked
        })
        .await;
    }
    assert!(!gateway.log.text().contains("hush"));
    server.misbehave(TOKEN, json!({})).await;
    eventually("a token", || async {
        gateway.get("/").await.status() == 200
    })
    .await;
}

#[tokio::test]
async fn an_upstream_that_refuses_a_token_gets_another() {
    let server = AuthServer::mock(&json!({})).await;
    gives(&server, "one", 600).await;
    let revoked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&revoked);
    let up = upstream::serve(move |request: http::Request<hyper::body::Incoming>| {
        let old = request.headers()["authorization"] == "Bearer one";
        let status = if old && seen.load(SeqCst) { 401 } else { 200 };
        async move { Response::builder().status(status).body(full("")).unwrap() }
    })
    .await;
    let gateway = outfitted(&server, ", renew-on-401: true").await;
    let route = format!(
        "upstreams: {{ up: 'http://{up}' }}\n\
         routes: [{{ name: all, plugins: [{{ oauth2-client: {{ client: login, renew-on-401: true }} }}], to: up }}]"
    );
    gateway.write("routes.d/routes.yaml", route);
    eventually("the other upstream", || async {
        gateway.get("/").await.text().is_empty()
    })
    .await;
    gives(&server, "two", 600).await;
    revoked.store(true, SeqCst);
    // The token has to be ten seconds old.
    eventually("another token", || async {
        gateway.get("/").await.status() == 200
    })
    .await;
    assert_eq!(server.asked(TOKEN).await, 2);
}
