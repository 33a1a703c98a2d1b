//! What a browser is told about pages of other origins.

use http::{Method, Request};

use crate::support::{
    client::{self, Answer, empty, full, request},
    components,
    gateway::{Gateway, Setup},
    upstream,
};

const ROUTES: &str = "
routes:
  - name: read
    match: { path: /orders, method: GET }
    cors: { allow-origins: '*' }
    to: up
  - name: write
    match: { path: /orders, method: [PUT, POST] }
    plugins: [hostile: { on-request: reply }]
    cors:
      allow-origins: [https://app.example.com, 'https://*.example.org']
      allow-methods: [PUT, POST]
      allow-headers: [content-type, authorization]
      expose-headers: x-total
      allow-credentials: true
      max-age: 10m
    to: up
  - { name: remove, match: { path: /orders, method: DELETE }, to: up }
  - name: beta
    match: { path: /beta, headers: { x-beta: '1' } }
    cors: { allow-origins: https://beta.test, allow-headers: x-beta }
    to: up
  - { name: stable, match: { path: /beta }, cors: { allow-origins: https://stable.test }, to: up }
  - { name: down, match: { path: /down }, cors: { allow-origins: https://app.example.com }, to: nowhere }
  - { name: calls, match: { grpc: a.B/C }, cors: { allow-origins: https://app.example.com }, to: nowhere }
  - { name: own, match: { path: /own }, to: up }
";

async fn gateway() -> Gateway {
    let up = upstream::serve(|request| async move {
        let response = http::Response::builder()
            .header("access-control-allow-origin", "https://upstream.test")
            .header("vary", "accept");
        response.body(full(request.method().to_string())).unwrap()
    })
    .await;
    let yaml = format!("upstreams: {{ up: 'http://{up}', nowhere: 'http://127.0.0.1:1' }}{ROUTES}");
    Setup::new()
        .settings(&format!(
            "plugins: {{ hostile: {{ component: '{}', grants: [metrics] }} }}",
            components::fixture("hostile").display()
        ))
        .routes(&yaml)
        .start()
        .await
}

async fn preflight(
    gateway: &Gateway,
    path: &str,
    origin: &str,
    method: &str,
    headers: &str,
) -> Answer {
    let sent = request(Method::OPTIONS, gateway.address(), path)
        .header("origin", origin)
        .header("access-control-request-method", method);
    let sent = match headers {
        "" => sent,
        headers => sent.header("access-control-request-headers", headers),
    };
    client::send(gateway.address(), sent.body(empty()).unwrap()).await
}

async fn from_page(gateway: &Gateway, method: Method, path: &str, origin: &str) -> Answer {
    let sent = request(method, gateway.address(), path)
        .header("origin", origin)
        .body(empty())
        .unwrap();
    client::send(gateway.address(), sent).await
}

const ALLOW_ORIGIN: &str = "access-control-allow-origin";

#[tokio::test]
async fn a_preflight_is_answered_by_the_route_that_it_asks_about() {
    let gateway = gateway().await;
    let app = "https://app.example.com";
    let answer = preflight(&gateway, "/orders", app, "PUT", "authorization").await;
    // Not by the plugin, which a preflight could not satisfy.
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.header(ALLOW_ORIGIN), Some(app));
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("PUT, POST")
    );
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("content-type, authorization")
    );
    assert_eq!(
        answer.header("access-control-allow-credentials"),
        Some("true")
    );
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
    assert!(answer.header("x-request-id").is_some());
    gateway
        .access
        .wait_for("its line", |line| {
            line["route"] == "write" && line["status"] == 204
        })
        .await;
    let answer = preflight(&gateway, "/orders", "https://x.y.example.org", "POST", "").await;
    assert_eq!(answer.header(ALLOW_ORIGIN), Some("https://x.y.example.org"));
    let answer = preflight(&gateway, "/orders", "https://a.test", "GET", "").await;
    assert_eq!(answer.header(ALLOW_ORIGIN), Some("*"));
}

#[tokio::test]
async fn a_strange_page_is_refused() {
    let gateway = gateway().await;
    let answer = preflight(&gateway, "/orders", "https://evil.test", "PUT", "").await;
    answer.is_problem(403, "origin-refused");
    assert!(answer.header(ALLOW_ORIGIN).is_none());
}

/// `remove` has no `cors`: what its upstream says counts.
#[tokio::test]
async fn without_cors_a_preflight_is_a_request() {
    let gateway = gateway().await;
    let answer = preflight(&gateway, "/own", "https://a.test", "GET", "").await;
    assert_eq!(answer.text(), "OPTIONS");
    assert_eq!(answer.header(ALLOW_ORIGIN), Some("https://upstream.test"));
    let answer = preflight(&gateway, "/orders", "https://a.test", "DELETE", "").await;
    assert_eq!(answer.status(), 405);
    // Nor is every OPTIONS a preflight.
    let answer = from_page(&gateway, Method::OPTIONS, "/own", "https://a.test").await;
    assert_eq!(answer.text(), "OPTIONS");
}

#[tokio::test]
async fn conditions_on_fields_are_judged_by_their_names() {
    let gateway = gateway().await;
    let answer = preflight(&gateway, "/beta", "https://beta.test", "GET", "x-beta").await;
    assert_eq!(answer.header(ALLOW_ORIGIN), Some("https://beta.test"));
    let answer = preflight(&gateway, "/beta", "https://stable.test", "GET", "x-other").await;
    assert_eq!(answer.header(ALLOW_ORIGIN), Some("https://stable.test"));
}

#[tokio::test]
async fn responses_are_shared_with_known_pages_only() {
    let gateway = gateway().await;
    let answer = from_page(&gateway, Method::GET, "/orders", "https://a.test").await;
    assert_eq!(answer.header(ALLOW_ORIGIN), Some("*"));
    // A plugin's answer.
    let app = "https://app.example.com";
    let answer = from_page(&gateway, Method::PUT, "/orders", app).await;
    assert_eq!(answer.status(), 418);
    assert_eq!(answer.header(ALLOW_ORIGIN), Some(app));
    assert_eq!(
        answer.header("access-control-expose-headers"),
        Some("x-total")
    );
    let answer = from_page(&gateway, Method::PUT, "/orders", "https://evil.test").await;
    assert_eq!(answer.status(), 418);
    assert!(answer.header(ALLOW_ORIGIN).is_none());
    assert_eq!(answer.header("vary"), Some("origin"));
    // The gateway's own error.
    let answer = from_page(&gateway, Method::GET, "/down", app).await;
    answer.is_problem(502, "upstream-unreachable");
    assert_eq!(answer.header(ALLOW_ORIGIN), Some(app));
    // What the upstream says of it is replaced, what it says of caching is kept.
    let answer = from_page(&gateway, Method::GET, "/beta", "https://stable.test").await;
    assert_eq!(answer.header(ALLOW_ORIGIN), Some("https://stable.test"));
    let vary = answer.head.headers.get_all("vary").iter();
    assert_eq!(vary.collect::<Vec<_>>(), ["accept", "origin"]);
}

#[tokio::test]
async fn grpc_web_shows_its_status() {
    let gateway = gateway().await;
    let app = "https://app.example.com";
    let asked = "content-type,x-grpc-web,x-user-agent,grpc-timeout";
    let answer = preflight(&gateway, "/a.B/C", app, "POST", asked).await;
    assert_eq!(answer.status(), 204);
    let allowed = answer.header("access-control-allow-headers").unwrap();
    for name in asked.split(',') {
        assert!(allowed.contains(name), "{name}: {allowed}");
    }
    let address = gateway.address();
    let sent = Request::post(format!("http://{address}/a.B/C"))
        .header("content-type", "application/grpc-web+proto")
        .header("origin", app)
        .body(full(&b"\0\0\0\0\0"[..]))
        .unwrap();
    let answer = client::send_h2(address, sent).await;
    assert_eq!(answer.header("grpc-status"), Some("14"));
    assert_eq!(answer.header(ALLOW_ORIGIN), Some(app));
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("grpc-status") && exposed.contains("grpc-message"));
}

#[test]
fn what_no_browser_would_accept_is_refused_with_its_place() {
    let yaml = "routes:
  - name: a
    respond: {}
    cors:
      allow-origins: '*'
      allow-credentials: true
";
    let output = Setup::new().routes(yaml).command(&["check"]);
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("routes.yaml:6:26"), "{told}");
    assert!(
        told.contains("name the origins under `allow-origins`"),
        "{told}"
    );
}
