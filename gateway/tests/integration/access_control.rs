//! `access-control` behind a policy that says who asks.

use http::Method;
use serde_json::json;

use crate::{
    grpc::peer,
    support::{
        client::{self, Answer, empty, request},
        components, eventually,
        gateway::{Gateway, Setup},
    },
};

fn setup(rules: &str) -> Setup {
    let plugin = |name: &str, path: std::path::PathBuf| {
        let path = path.display();
        format!("{name}: {{ component: '{path}', grants: [metrics] }}")
    };
    Setup::new()
        .settings(&format!(
            "plugins: {{ {}, {} }}\nforwarding: {{ trusted-proxies: [127.0.0.0/8] }}",
            plugin("badge", components::fixture("badge")),
            plugin("access-control", components::shipped("access-control")),
        ))
        .routes(&format!(
            "routes:
  - name: a
    respond: {{}}
    plugins:
      - badge: {{ believe: true }}
      - access-control: {{ rules: {rules} }}"
        ))
}

async fn ask(gateway: &Gateway, method: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let method: Method = method.parse().unwrap();
    let mut sent = request(method, gateway.address(), path);
    for (name, value) in fields {
        sent = sent.header(*name, *value);
    }
    client::send(gateway.address(), sent.body(empty()).unwrap()).await
}

const ALICE: (&str, &str) = (
    "x-as",
    r#"{"subject":"alice","tenant":"acme","consumer":"shop","scopes":["read"],"claims":{"groups":["staff"]}}"#,
);

#[tokio::test]
async fn rules_see_addresses_methods_and_identities() {
    let gateway = setup(
        "[{ deny: { from: [203.0.113.0/24, '2001:db8::/32'] } },
          { deny: { paths: [/admin] } },
          { allow: { from: ['198.51.100.7'], methods: [PUT] } },
          { allow: { tenants: [acme], consumers: [shop], scopes: [read], claims: { claim: groups, contains: staff } } }]",
    )
    .start()
    .await;
    let from = |address| ("x-forwarded-for", address);
    for (method, path, fields, status) in [
        ("GET", "/", vec![ALICE], 200),
        ("GET", "/", vec![ALICE, from("203.0.113.9")], 403),
        ("GET", "/", vec![ALICE, from("::ffff:203.0.113.9")], 403),
        ("GET", "/", vec![ALICE, from("2001:db8:1::1")], 403),
        ("GET", "/admin", vec![ALICE], 403),
        ("GET", "/%61dmin/users", vec![ALICE], 403),
        ("GET", "/x/../admin", vec![ALICE], 403),
        ("GET", "/administration", vec![ALICE], 200),
        ("PUT", "/", vec![from("198.51.100.7")], 200),
        ("GET", "/", vec![from("198.51.100.7")], 401),
        (
            "GET",
            "/",
            vec![("x-as", r#"{"subject":"bob","tenant":"acme"}"#)],
            403,
        ),
    ] {
        let answer = ask(&gateway, method, path, &fields).await;
        assert_eq!(answer.status(), status, "{method} {path} {fields:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_of_in_log_and_metrics() {
    let gateway = setup("[{ deny: { subjects: [bob] } }, { allow: { subjects: [alice] } }]")
        .start()
        .await;
    let bob = ("x-as", r#"{"subject":"bob"}"#);
    let answer = ask(&gateway, "GET", "/bob", &[bob]).await;
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(
        (answer.status().as_u16(), &answer.json()["code"]),
        (403, &json!("access-denied"))
    );
    let answer = ask(&gateway, "GET", "/nobody", &[]).await;
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert_eq!(
        (answer.status().as_u16(), &answer.json()["code"]),
        (401, &json!("identity-missing"))
    );
    for (path, notes) in [
        ("/bob", json!(["access-denied", "rule-1"])),
        ("/nobody", json!(["access-denied", "identity-missing"])),
    ] {
        let line = gateway.access.wait_for(path, |line| line["path"] == path);
        assert_eq!(line.await["notes"], notes);
    }
    eventually("the counts", || async {
        let metrics = gateway.metrics().await;
        metrics.sum(
            "witgate_notes_total",
            &["route=\"a\"", "note=\"access-denied\""],
        ) == 2.0
    })
    .await;
}

#[tokio::test]
async fn grpc_calls_are_refused_in_their_way() {
    let gateway = setup("[{ allow: { subjects: [alice] } }]").start().await;
    let mut client = peer::Client::new(gateway.address()).await;
    let bob = ("x-as", r#"{"subject":"bob"}"#);
    let denied = client.unary("/pkg.Service/Call", &[bob]).await;
    assert_eq!(denied.status(), ("7", true), "{denied:?}");
    let unknown = client.unary("/pkg.Service/Call", &[]).await;
    assert_eq!(unknown.status(), ("16", true), "{unknown:?}");
}

#[tokio::test]
async fn check_and_explain_say_what_rules_do() {
    let setup =
        setup("[{ allow: { tenants: [acme] } }, { deny: { tenants: [acme], methods: [PUT] } }]");
    let output = setup.command(&["check"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("never decides"), "{text}");
    let output = setup.command(&["explain", "GET", "http://a.example/x"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    for word in ["access-control", "first-match-of", "tenants", "otherwise"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}
