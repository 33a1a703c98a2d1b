//! A component file that is replaced while the gateway runs.

use std::{fs, path::Path};

use crate::support::{
    client::Answer,
    components, eventually,
    gateway::{Gateway, Setup},
    load::Load,
    upstream,
};

async fn greeter(component: &Path) -> Gateway {
    let up = upstream::echo().await;
    Setup::new()
        .settings(&format!("plugins: {{ greeter: {{ component: '{}' }} }}", component.display()))
        .routes(&format!(
            "upstreams: {{ up: 'http://{up}' }}\nroutes: [{{ name: all, plugins: [{{ greeter: {{ greeting: hello }} }}], to: up }}]"
        ))
        .start()
        .await
}

fn greeting(answer: &Answer) -> Vec<String> {
    upstream::seen(&answer.json(), "x-greeting")
}

/// The same code with another custom section, which is another component.
fn noted(component: &[u8], note: u8) -> Vec<u8> {
    let mut changed = component.to_vec();
    changed.extend_from_slice(&[0, 6, 4, b'n', b'o', b't', b'e', note]);
    changed
}

fn replace(component: &Path, content: &[u8]) {
    let draft = component.with_extension("draft");
    fs::write(&draft, content).unwrap();
    fs::rename(&draft, component).unwrap();
}

async fn digest(gateway: &Gateway) -> String {
    let plugins = gateway.admin("/plugins").await.json();
    plugins[0]["digest"].as_str().unwrap().to_owned()
}

/// Replaces the component by another, and waits until that is live.
async fn swap(gateway: &Gateway, component: &Path, content: &[u8]) {
    let before = digest(gateway).await;
    replace(component, content);
    eventually("the new component", || async {
        digest(gateway).await != before
    })
    .await;
}

#[tokio::test]
async fn a_replaced_component_is_live_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("plugin.wasm");
    fs::copy(components::fixture("greeter"), &component).unwrap();
    let gateway = greeter(&component).await;
    assert_eq!(greeting(&gateway.get("/").await), ["hello"]);
    let changed = noted(&fs::read(&component).unwrap(), 1);
    swap(&gateway, &component, &changed).await;
    assert_eq!(greeting(&gateway.get("/").await), ["hello"]);
    // And one that is none leaves it there.
    let live = digest(&gateway).await;
    replace(&component, b"not a component");
    gateway
        .log
        .wait_for("the bad component", |line| {
            line.to_string().contains("plugin.wasm")
        })
        .await;
    assert_eq!(digest(&gateway).await, live);
    assert_eq!(greeting(&gateway.get("/").await), ["hello"]);
}

/// Requests go on over kept connections while the component is replaced, and each passes through one of them.
#[tokio::test]
async fn no_request_is_lost_while_components_are_swapped() {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("plugin.wasm");
    let original = fs::read(components::fixture("greeter")).unwrap();
    fs::write(&component, &original).unwrap();
    let gateway = greeter(&component).await;
    let load = Load::start(gateway.address(), |answer| {
        assert_eq!(greeting(answer), ["hello"]);
    })
    .await;
    for number in 0..6 {
        swap(&gateway, &component, &noted(&original, number)).await;
        let seen = load.count();
        eventually("requests through it", || async { load.count() > seen + 20 }).await;
    }
    load.stop().await;
    let failures = gateway
        .metrics()
        .await
        .sum("witgate_sandbox_failures_total", &[]);
    assert_eq!(failures, 0.0);
}

/// Of thirty components, one is left, with its instances; and the gateway is not much larger than it was.
#[tokio::test]
async fn what_was_replaced_is_freed() {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("plugin.wasm");
    let original = fs::read(components::fixture("greeter")).unwrap();
    fs::write(&component, &original).unwrap();
    let gateway = greeter(&component).await;
    let load = Load::start(gateway.address(), |answer| {
        assert_eq!(greeting(answer), ["hello"]);
    })
    .await;
    let mut settled = 0;
    for number in 0..30 {
        // Two in turn: the cache spares us the compiling, which is not what is judged here.
        let content = noted(&original, number % 2);
        swap(&gateway, &component, &content).await;
        let seen = load.count();
        eventually("requests through it", || async { load.count() > seen + 5 }).await;
        if number == 4 {
            settled = gateway.resident();
        }
    }
    eventually("the old ones to be gone", || async {
        let metrics = gateway.metrics().await;
        let generations = metrics.sum("witgate_sandbox_generations", &[]);
        let instances = metrics.sum("witgate_sandbox_instances", &[]);
        // One for each worker at most, since this plugin never waits.
        generations == 1.0 && instances <= 2.0
    })
    .await;
    let resident = gateway.resident();
    load.stop().await;
    // Each of them would take more than a megabyte: its code, and the memory of two instances.
    assert!(
        resident < settled + (16 << 20),
        "from {settled} to {resident} bytes"
    );
}
