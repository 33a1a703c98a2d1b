//! Key sets come and go with `witgate.yaml`, and never from under a route that needs them.

use std::fs;

use http::Method;
use serde_json::json;

use crate::support::{
    client::{self, Answer, empty, request},
    components, eventually,
    gateway::{Gateway, Setup},
    issuer::{Issuer, Key},
    upstream,
};

const ROUTE: &str = "
routes:
  - name: orders
    plugins:
      - jwt-auth: { keys: login, issuer: https://issuer.test, audience: orders }
    to: up
";

/// One route that needs the key set `login`.
async fn protected(issuer: &Issuer) -> Gateway {
    let component = components::shipped("jwt-auth");
    let up = upstream::echo().await;
    Setup::new()
        .settings(&format!(
            "plugins: {{ jwt-auth: {{ component: '{}', grants: [clock, crypto, keys] }} }}\n\
             key-sets: {{ login: {{ url: 'http://ada:secret@{}/jwks.json?key=secret' }} }}",
            component.display(),
            issuer.address
        ))
        .routes(&format!("upstreams: {{ up: 'http://{up}' }}{ROUTE}"))
        .start()
        .await
}

/// Writes another line in the place of `key-sets`, and reloads.
async fn declare(gateway: &Gateway, line: &str) -> Answer {
    let path = gateway.folder().join("witgate.yaml");
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("key-sets"));
    let text = lines.chain([line]).collect::<Vec<_>>().join("\n");
    gateway.write("witgate.yaml", text);
    reload(gateway).await
}

async fn reload(gateway: &Gateway) -> Answer {
    let asked = request(Method::POST, gateway.admin, "/reload")
        .body(empty())
        .unwrap();
    client::send(gateway.admin, asked).await
}

#[tokio::test]
async fn a_set_that_a_route_still_needs_cannot_be_taken_away() {
    let key = Key::new("one");
    let issuer = Issuer::with(&[&key]).await;
    let gateway = protected(&issuer).await;
    let token = key.token(&json!({}));
    assert_eq!(gateway.status_with_token(&token).await, 200);

    let sets = "key-sets: { logins: { url: http://127.0.0.1:1/ } }";
    let answer = declare(&gateway, sets).await;
    assert_eq!(answer.status(), 422, "{}", answer.text());
    let report = answer.json();
    let problem = &report["problems"][0];
    assert!(
        problem["file"].as_str().unwrap().ends_with("routes.yaml"),
        "{report}"
    );
    assert_eq!(
        (&problem["line"], &problem["column"]),
        (&json!(5), &json!(27)),
        "{report}"
    );
    assert_eq!(
        (&problem["message"], &problem["hint"]),
        (
            &json!("plugin `jwt-auth`: no key set is called `login`"),
            &json!("did you mean `logins`? (declared: logins)")
        )
    );
    let stale = report["stale"].as_array().unwrap();
    assert!(
        stale.len() == 1 && stale[0].as_str().unwrap().ends_with("witgate.yaml"),
        "{report}"
    );
    // Neither the route nor its keys have noticed.
    assert_eq!(gateway.status_with_token(&token).await, 200);
    assert_eq!(gateway.status_with_token("a.b.c").await, 401);
    let again = reload(&gateway).await;
    assert_eq!(again.status(), 422, "{}", again.text());

    // Without the route that needs it, it may go.
    gateway.write(
        "routes.d/routes.yaml",
        "routes: [{ name: orders, respond: {} }]",
    );
    let answer = reload(&gateway).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(gateway.status_with_token("").await, 200);
}

#[tokio::test]
async fn a_route_follows_a_set_that_is_defined_anew() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let (first, second) = (Issuer::with(&[&old]).await, Issuer::with(&[&new]).await);
    let gateway = protected(&first).await;
    assert_eq!(gateway.status_with_token(&old.token(&json!({}))).await, 200);
    let sets = format!(
        "key-sets: {{ login: {{ url: 'http://{}/' }} }}",
        second.address
    );
    assert_eq!(declare(&gateway, &sets).await.status(), 200);
    assert_eq!(gateway.status_with_token(&new.token(&json!({}))).await, 200);
    assert_eq!(gateway.status_with_token(&old.token(&json!({}))).await, 401);
}

#[tokio::test]
async fn operators_see_how_key_sets_are_doing() {
    let key = Key::new("one");
    let issuer = Issuer::with(&[&key]).await;
    let gateway = protected(&issuer).await;
    // A request that waits for the first keys would begin the cool-down.
    eventually("the first keys", || async {
        gateway.admin("/key-sets").await.json()[0]["keys"] == 1
    })
    .await;
    assert_eq!(gateway.status_with_token(&key.token(&json!({}))).await, 200);
    let answer = gateway.admin("/key-sets").await;
    assert!(!answer.text().contains("secret"), "{}", answer.text());
    let set = &answer.json()[0];
    assert_eq!(
        (&set["name"], &set["source"]),
        (
            &json!("login"),
            &json!(format!("http://{}/jwks.json", issuer.address))
        )
    );
    assert_eq!(
        (&set["keys"], &set["kids"]),
        (&json!(1), &json!(["one"])),
        "{set}"
    );
    assert_eq!(
        (&set["stale"], &set["last-error"]),
        (&json!(false), &json!(null))
    );
    assert!(set["last-success-s"].as_f64().unwrap() < 20.0, "{set}");
    let next = set["next-refresh-s"].as_f64().unwrap();
    assert!((500.0..=600.0).contains(&next), "{set}");

    // A token of an unknown key makes the gateway ask an issuer that is out of order.
    issuer.publish(None);
    assert_eq!(
        gateway
            .status_with_token(&Key::new("two").token(&json!({})))
            .await,
        401
    );
    let set = gateway.admin("/key-sets").await.json()[0].clone();
    assert_eq!(
        (&set["stale"], &set["kids"]),
        (&json!(true), &json!(["one"]))
    );
    let error = set["last-error"].as_str().unwrap();
    assert!(error.contains("503"), "{error}");
    assert!(set["next-refresh-s"].as_f64().unwrap() <= 1.0, "{set}");
    let metrics = gateway.metrics().await;
    let of = |name: &str| metrics.sum(name, &["key_set=\"login\""]);
    assert_eq!(
        (of("witgate_key_set_stale"), of("witgate_key_set_keys")),
        (1.0, 1.0)
    );
}
