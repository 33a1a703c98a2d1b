//! A route protected by the oauth2-introspection component, in front of oauth2-mock-server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    auth_servers::AuthServer,
    client::{self, Answer},
    components, eventually,
    gateway::{Gateway, Setup},
    raw, soon, upstream,
};

/// With settings beside `client`, as the rest of a YAML map.
async fn protected(server: &AuthServer, settings: &str) -> Gateway {
    let up = upstream::echo().await;
    let component = components::shipped("oauth2-introspection");
    Setup::new()
        .file("secret", "the password of the gateway")
        .settings(&format!(
            "plugins:\n  oauth2-introspection:\n    component: '{}'\n    \
             grants: [clock, crypto, kv, log, metrics, {{ http-client: [login] }}]\n\
             http-clients:\n  login:\n    url: {}/introspect\n    timeout: 2s\n    \
             authorization: {{ client-credentials: {{ id: gateway, secret: login }} }}\n\
             secrets: {{ login: {{ file: secret }} }}\n\
             identity: {{ headers: {{ subject: x-user, consumer: x-app }} }}\n",
            component.display(),
            server.url(),
        ))
        .routes(&format!(
            "upstreams: {{ up: 'http://{up}' }}\n\
             routes:\n  - name: open\n    match: {{ path: /open }}\n    to: up\n  \
             - name: guarded\n    plugins:\n      - oauth2-introspection: {{ client: login{settings} }}\n    to: up"
        ))
        .start()
        .await
}

async fn with_token(gateway: &Gateway, token: &str) -> Answer {
    client::get_with_token(gateway.address(), "/", token).await
}

fn seen(answer: &Answer, field: &str) -> Vec<String> {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    upstream::seen(&answer.json(), field)
}

#[tokio::test]
async fn active_tokens_open_the_route_and_others_do_not() {
    let claims = json!({
        "good-eve": { "sub": "eve" }, "good-poor": { "scope": "write" }, "good-old": { "exp": 1000 },
        "good-other": { "iss": "https://other.test" },
    });
    let server = AuthServer::mock(&claims).await;
    let settings = format!(", issuer: '{}', scopes: [read]", server.url());
    let gateway = protected(&server, &settings).await;
    for (token, user) in [("good", "ada"), ("good-eve", "eve"), ("good", "ada")] {
        let answer = with_token(&gateway, token).await;
        assert_eq!(seen(&answer, "x-user"), [user]);
        assert_eq!(seen(&answer, "x-app"), ["shop"]);
    }
    for (token, status, error) in [
        ("bad", 401, "invalid_token"),
        ("good-old", 401, "invalid_token"),
        ("good-other", 401, "invalid_token"),
        ("good-poor", 403, "insufficient_scope"),
    ] {
        let answer = with_token(&gateway, token).await;
        assert_eq!(answer.status(), status, "{token}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains(error), "{challenge}");
    }
    let answer = gateway.get("/").await;
    assert_eq!(answer.status(), 401);
    assert!(!answer.header("www-authenticate").unwrap().contains("error"));
    // What was said of a token is remembered, that it is not active, too.
    let ask = async || assert_eq!(seen(&with_token(&gateway, "good").await, "x-user"), ["ada"]);
    gateway.until_reused(ask).await;
    assert_eq!(with_token(&gateway, "bad").await.status(), 401);
    assert_eq!(server.asked("/introspect").await, 6);
    assert!(
        !gateway.log.text().contains("good-eve") && !gateway.access.text().contains("good-eve")
    );
}

#[tokio::test]
async fn many_requests_with_one_token_are_one_question() {
    let server = AuthServer::mock(&json!({})).await;
    server
        .misbehave("/introspect", json!({ "delay": 300 }))
        .await;
    let gateway = protected(&server, "").await;
    for token in ["good-one", "bad-one"] {
        let before = server.asked("/introspect").await;
        let address = gateway.address();
        let waiting: Vec<_> = (0..40)
            .map(|_| {
                tokio::spawn(async move {
                    client::get_with_token(address, "/", token)
                        .await
                        .status()
                        .as_u16()
                })
            })
            .collect();
        for answer in waiting {
            let status = soon("an answer", answer).await.unwrap();
            assert_eq!(status, if token == "good-one" { 200 } else { 401 });
        }
        assert_eq!(server.asked("/introspect").await, before + 1);
    }
}

#[tokio::test]
async fn a_server_that_goes_wrong_lets_nobody_in() {
    let server = AuthServer::mock(&json!({})).await;
    let gateway = protected(&server, "").await;
    let wrongs = [
        json!({ "kind": "html" }),
        json!({ "kind": "answer", "status": 500, "body": { "active": true } }),
        json!({ "kind": "answer", "status": 200, "body": "{" }),
        json!({ "kind": "answer", "status": 200, "body": { "active": "true" } }),
        json!({ "kind": "answer", "status": 200, "body": format!("{{\"active\":true,\"x\":\"{}\"}}", "x".repeat(100_000)) }),
        json!({ "kind": "answer", "status": 401, "body": { "error": "invalid_client" } }),
        json!({ "kind": "stuck" }),
    ];
    for (index, wrong) in wrongs.iter().enumerate() {
        server.misbehave("/introspect", wrong.clone()).await;
        let began = Instant::now();
        let answer = with_token(&gateway, &format!("good-{index}")).await;
        assert_eq!(answer.status(), 503, "{wrong}: {}", answer.text());
        assert_eq!(answer.json()["code"], "introspection-unavailable");
        assert!(began.elapsed() < Duration::from_secs(8), "{wrong}");
        assert_eq!(gateway.get("/open").await.status(), 200);
    }
    server.misbehave("/introspect", json!({})).await;
    eventually("a server that is well again", || async {
        with_token(&gateway, "good-0").await.status() == 200
    })
    .await;
    let metrics = gateway.metrics().await;
    let failed = metrics.sum("witgate_plugin_introspections", &["result=\"failed\""]);
    assert!(failed >= wrongs.len() as f64, "{failed}");
    let noted = |line: &Value| line.to_string().contains("introspection-failed");
    gateway
        .access
        .wait_for("a note of the failure", noted)
        .await;
    let told = |line: &Value| line.to_string().contains("introspection of ");
    gateway.log.wait_for("a word about it", told).await;
}

/// Tokens that are known stay good until `max-age`; others wait for the server to be back.
#[tokio::test]
async fn the_server_dies_under_load_and_comes_back() {
    let mut server = AuthServer::mock(&json!({})).await;
    let gateway = protected(&server, ", max-age: 10m").await;
    assert_eq!(with_token(&gateway, "good-known").await.status(), 200);
    let address = gateway.address();
    let (stop, count) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (stop, count) = (Arc::clone(&stop), Arc::clone(&count));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let answer = client::get_with_token(address, "/", "good-known").await;
                    assert_eq!(answer.status(), 200, "{}", answer.text());
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    server.kill();
    for index in 0..10 {
        let answer = with_token(&gateway, &format!("good-new-{index}")).await;
        assert_eq!(answer.status(), 503, "{}", answer.text());
    }
    server.start().await;
    eventually("a server that is back", || async {
        with_token(&gateway, "good-new-0").await.status() == 200
    })
    .await;
    assert_eq!(with_token(&gateway, "good-later").await.status(), 200);
    stop.store(true, Ordering::Relaxed);
    for client in load {
        client
            .await
            .expect("no request with a known token is refused");
    }
    assert!(count.load(Ordering::Relaxed) > 0);
}

#[tokio::test]
async fn a_token_of_a_megabyte_is_refused_before_it_is_read() {
    let server = AuthServer::mock(&json!({})).await;
    let gateway = protected(&server, "").await;
    for length in [17 << 10, 1 << 20] {
        let token = "a".repeat(length);
        let sent = format!(
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        let answer = raw::exchange(gateway.address(), sent).await;
        let refused = answer.is_empty() || [401, 431].contains(&raw::status(&answer));
        assert!(refused, "{answer:.200}");
    }
    assert_eq!(server.asked("/introspect").await, 0);
    assert_eq!(with_token(&gateway, "good").await.status(), 200);
}

#[tokio::test]
async fn what_the_settings_name_must_be_granted_and_there() {
    let component = components::shipped("oauth2-introspection");
    let check = |grants: &str, client: &str| {
        let setup = Setup::new()
            .settings(&format!(
                "plugins: {{ oauth2-introspection: {{ component: '{}', grants: [{grants}] }} }}\n\
                 http-clients: {{ login: 'https://login.test/introspect', other: 'https://other.test' }}",
                component.display()
            ))
            .routes(&format!(
                "routes:\n  - name: a\n    plugins:\n      - oauth2-introspection:\n          client: {client}\n    respond: {{}}\n"
            ));
        let output = setup.command(&["check"]);
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let all = "clock, crypto, http-client, kv, log, metrics";
    assert!(check(all, "login").0);
    let (right, text) = check(all, "nobody");
    assert!(
        !right && text.contains("routes.yaml:5:") && text.contains("nobody"),
        "{text}"
    );
    let (right, text) = check(
        "clock, crypto, kv, log, metrics, { http-client: [other] }",
        "login",
    );
    assert!(!right && text.contains("http-client"), "{text}");
    let (right, text) = check("clock, crypto, kv, log, metrics", "login");
    assert!(!right && text.contains("http-client"), "{text}");
}
