//! Components on the whole way: what they do, what they may not, and what their failures cost.

use std::{fs, path::Path};

use http::Method;

use crate::support::{
    client::{self, Answer, empty, request},
    components,
    gateway::{Gateway, Setup},
    upstream,
};

/// One plugin on one route to an echo upstream.
async fn with(plugin: &str, component: &Path, settings: &str, configuration: &str) -> Setup {
    let up = upstream::echo().await;
    let component = component.display();
    Setup::new()
        .settings(&format!("plugins: {{ {plugin}: {{ component: '{component}'{settings} }} }}"))
        .routes(&format!(
            "upstreams: {{ up: 'http://{up}' }}\nroutes: [{{ name: all, plugins: [{{ {plugin}: {configuration} }}], to: up }}]"
        ))
}

async fn greeter(component: &Path) -> Gateway {
    with("greeter", component, "", "{ greeting: hello }")
        .await
        .start()
        .await
}

fn greeting(answer: &Answer) -> Vec<String> {
    upstream::seen(&answer.json(), "x-greeting")
}

#[tokio::test]
async fn a_plugin_edits_the_request() {
    let gateway = greeter(&components::fixture("greeter")).await;
    assert_eq!(greeting(&gateway.get("/").await), ["hello"]);
    let sent = request(Method::GET, gateway.address(), "/")
        .header("x-quiet", "1")
        .body(empty())
        .unwrap();
    assert!(greeting(&client::send(gateway.address(), sent).await).is_empty());
}

#[tokio::test]
async fn a_plugin_that_is_not_installed_has_neighbours() {
    let setup = with(
        "greeter",
        &components::fixture("greeter"),
        "",
        "{ greeting: hello }",
    )
    .await;
    let output = setup
        .routes("routes: [{ name: a, plugins: [greter], respond: {} }]")
        .command(&["check"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && text.contains("did you mean `greeter`?"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_not_a_plugin_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.wasm");
    fs::write(&text, "hello").unwrap();
    let module = folder.path().join("module.wasm");
    fs::write(&module, b"\0asm\x01\0\0\0").unwrap();
    let empty = folder.path().join("empty.wasm");
    fs::write(&empty, b"\0asm\x0d\0\x01\0").unwrap();
    for component in [text, module, empty, folder.path().join("missing.wasm")] {
        let (status, log) = with("p", &component, "", "{}").await.refused().await;
        assert!(!status.success());
        assert!(
            log.contains("witgate.yaml:") && log.contains("error"),
            "{log}"
        );
    }
}

#[tokio::test]
async fn an_import_without_a_grant_is_refused() {
    let (status, log) = with(
        "jwt-auth",
        &components::shipped("jwt-auth"),
        ", grants: [clock]",
        "{ keys: x }",
    )
    .await
    .refused()
    .await;
    assert!(!status.success());
    assert!(log.contains("crypto") && log.contains("grants"), "{log}");
}

/// Each kind of misbehaviour costs its own exchange: it is answered, counted and logged, and the next one is fine.
#[tokio::test]
async fn a_misbehaving_plugin_costs_one_exchange() {
    for (deed, status) in [
        ("trap", 500),
        ("loop", 503),
        ("memory", 500),
        ("recursion", 500),
        ("handles", 500),
    ] {
        let up = upstream::echo().await;
        let component = components::fixture("hostile");
        // So little memory that a bomb meets that limit before the one of time.
        let gateway = Setup::new()
            .settings(&format!("workers: 1\nplugins: {{ hostile: {{ component: '{}', grants: [metrics], limits: {{ memory: 4MiB, time: 100ms }} }} }}", component.display()))
            .routes(&format!(
                "upstreams: {{ up: 'http://{up}' }}\nroutes:\n  - {{ name: bad, match: {{ path: /bad }}, plugins: [{{ hostile: {{ on-request: {deed} }} }}], to: up }}\n  - {{ name: good, match: {{ path: /good }}, plugins: [hostile: {{}}], to: up }}"
            ))
            .start()
            .await;
        for _ in 0..3 {
            let answer = gateway.get("/bad").await;
            assert_eq!(answer.status(), status, "{deed}: {}", answer.text());
            assert!(!answer.text().contains("wasm"), "{deed}: {}", answer.text());
            assert_eq!(gateway.get("/good").await.status(), 200, "{deed}");
        }
        let failures = gateway
            .metrics()
            .await
            .sum("witgate_sandbox_failures_total", &["plugin=\"hostile\""]);
        assert_eq!(failures, 3.0, "{deed}");
        gateway
            .log
            .wait_for("the plugin and its phase", |line| {
                line["plugin"] == "hostile" && line.to_string().contains("on-request")
            })
            .await;
        if deed == "trap" {
            gateway
                .log
                .wait_for("the guest's backtrace", |line| {
                    line["plugin"] == "hostile" && line.to_string().contains("on_request")
                })
                .await;
        }
    }
}

#[tokio::test]
async fn an_open_plugin_lets_the_request_pass() {
    let component = components::fixture("hostile");
    let settings = ", grants: [metrics], on-failure: open";
    let gateway = with("hostile", &component, settings, "{ on-request: trap }")
        .await
        .start()
        .await;
    assert_eq!(gateway.get("/").await.status(), 200);
}
