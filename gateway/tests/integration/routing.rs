//! Routes as they are written, answered end to end. The order of precedence has tests of its own in the library.

use http::{Method, Request};

use crate::support::{
    client::{self, empty, request},
    gateway::{Gateway, Setup},
    upstream,
};

async fn with(routes: &str) -> Gateway {
    let up = upstream::echo().await;
    Setup::new()
        .routes(&format!("upstreams: {{ up: 'http://{up}' }}\n{routes}"))
        .start()
        .await
}

#[tokio::test]
async fn the_more_specific_route_answers_whatever_the_order() {
    let gateway = with(
        r#"
routes:
  - { name: any, respond: { body: any } }
  - { name: prefix, match: { prefix: /orders }, respond: { body: prefix } }
  - { name: template, match: { path: "/orders/{id}" }, respond: { body: template } }
  - { name: exact, match: { path: /orders/new }, respond: { body: exact } }
  - { name: host, match: { host: api.example.com }, respond: { body: host } }
  - { name: below, match: { host: "*.example.com" }, respond: { body: below } }
"#,
    )
    .await;
    for (host, path, body) in [
        ("x", "/", "any"),
        ("x", "/orders", "prefix"),
        ("x", "/orders-old", "any"),
        ("x", "/orders/7", "template"),
        ("x", "/orders/7/items", "prefix"),
        ("x", "/orders/new", "exact"),
        ("api.example.com", "/orders/7", "host"),
        ("API.example.com:80", "/", "host"),
        ("other.example.com", "/orders/7", "below"),
        ("example.com", "/", "any"),
    ] {
        let sent = Request::get(path)
            .header("host", host)
            .body(empty())
            .unwrap();
        assert_eq!(
            client::send(gateway.address(), sent).await.text(),
            body,
            "{host}{path}"
        );
    }
}

#[tokio::test]
async fn method_headers_and_query_count() {
    let gateway = with(
        r#"
routes:
  - { name: post, match: { method: POST }, respond: { body: post } }
  - { name: beta, match: { headers: { x-beta: "1" } }, respond: { body: beta } }
  - { name: debug, match: { query: { debug: { present: true } } }, respond: { body: debug } }
"#,
    )
    .await;
    let send = async |method: Method, path: &str, beta: &str| {
        let sent = request(method, gateway.address(), path)
            .header("x-beta", beta)
            .body(empty())
            .unwrap();
        let answer = client::send(gateway.address(), sent).await;
        (answer.status().as_u16(), answer.text())
    };
    assert_eq!(send(Method::POST, "/", "0").await.1, "post");
    assert_eq!(send(Method::GET, "/", "1").await.1, "beta");
    assert_eq!(send(Method::GET, "/?debug=", "0").await.1, "debug");
    assert_eq!(send(Method::GET, "/?other", "0").await.0, 404);
}

#[tokio::test]
async fn paths_are_rewritten() {
    let gateway = with(
        r#"
routes:
  - { name: template, match: { path: "/orders/{id}" }, to: up, rewrite: { path: "/v2/{id}/order" } }
  - { name: rest, match: { path: "/files/{rest...}" }, to: up, rewrite: { path: "/{rest}" } }
  - { name: prefix, match: { prefix: /api }, to: up, rewrite: { prefix: /, host: inner.example.com } }
"#,
    )
    .await;
    for (from, to) in [
        ("/orders/7?a=b", "/v2/7/order?a=b"),
        ("/orders/a%2Fb", "/v2/a%2Fb/order"),
        ("/files/a/b/c", "/a/b/c"),
        ("/api", "/"),
        ("/api/x/y?z", "/x/y?z"),
    ] {
        let seen = gateway.get(from).await.json();
        assert_eq!(seen["target"], to, "{from}");
        if from.starts_with("/api") {
            assert_eq!(upstream::seen(&seen, "host"), ["inner.example.com"]);
        }
    }
}

#[tokio::test]
async fn redirects_say_where_to() {
    let gateway = with(
        r#"
routes:
  - { name: https, match: { prefix: /secure }, redirect: { scheme: https, host: shop.example.com, status: 301 } }
  - { name: moved, match: { prefix: /old }, redirect: { prefix: /new } }
"#,
    )
    .await;
    let answer = gateway.get("/secure/a?b=c").await;
    assert_eq!(answer.status(), 301);
    assert_eq!(
        answer.header("location"),
        Some("https://shop.example.com/secure/a?b=c")
    );
    let answer = gateway.get("/old/a").await;
    assert_eq!(answer.status(), 302);
    assert!(
        answer.header("location").unwrap().ends_with("/new/a"),
        "{:?}",
        answer.head
    );
}

#[tokio::test]
async fn fixed_responses_and_header_edits() {
    let gateway = with(
        r#"
routes:
  - name: teapot
    match: { path: /tea }
    respond: { status: 418, body: "{}", headers: { content-type: application/json } }
  - name: edited
    match: { path: /edited }
    to: up
    headers:
      request: { remove: [x-gone], set: { x-set: new }, add: { x-add: more } }
      response: { remove: [content-type], set: { x-answer: "42" } }
"#,
    )
    .await;
    let answer = gateway.get("/tea").await;
    assert_eq!(
        (answer.status().as_u16(), answer.header("content-type")),
        (418, Some("application/json"))
    );
    assert_eq!(answer.text(), "{}");
    let sent = request(Method::GET, gateway.address(), "/edited")
        .header("x-gone", "1")
        .header("x-set", "old")
        .header("x-add", "one")
        .body(empty())
        .unwrap();
    let answer = client::send(gateway.address(), sent).await;
    let seen = answer.json();
    assert!(upstream::seen(&seen, "x-gone").is_empty());
    assert_eq!(upstream::seen(&seen, "x-set"), ["new"]);
    assert_eq!(upstream::seen(&seen, "x-add"), ["one", "more"]);
    assert_eq!(
        (answer.header("x-answer"), answer.header("content-type")),
        (Some("42"), None)
    );
}

#[tokio::test]
async fn endpoints_take_turns() {
    let answers = |text: &'static str| {
        upstream::serve(move |_| async move { http::Response::new(client::full(text)) })
    };
    let (one, two) = (answers("one").await, answers("two").await);
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{one}', 'http://{two}'] }} }}\nroutes: [{{ name: all, to: up }}]"
    );
    let gateway = Setup::new()
        .routes(&yaml)
        .settings("workers: 1")
        .start()
        .await;
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..20 {
        *counts.entry(gateway.get("/").await.text()).or_default() += 1;
    }
    assert_eq!(
        counts,
        [("one".to_owned(), 10), ("two".to_owned(), 10)].into()
    );
}

#[tokio::test]
async fn explain_answers_for_the_live_table() {
    let gateway = with("routes: [{ name: orders, match: { prefix: /orders }, to: up }]").await;
    let answer = gateway
        .admin("/explain?method=GET&url=http://api.example.com/orders/7")
        .await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(answer.text().contains("orders"), "{}", answer.text());
    let routes = gateway.admin("/routes").await;
    assert!(routes.text().contains("orders"), "{}", routes.text());
}
