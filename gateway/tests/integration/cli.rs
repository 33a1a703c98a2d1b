//! The commands that look at a configuration and serve nothing.

use serde_json::Value;

use crate::support::{components, gateway::Setup};

fn setup() -> Setup {
    let component = components::fixture("greeter");
    Setup::new()
        .settings(&format!(
            "plugins: {{ greeter: {{ component: '{}' }} }}",
            component.display()
        ))
        .routes(
            r#"upstreams: { up: 'http://127.0.0.1:9' }
routes:
  - { name: all, to: up }
  - { name: order, match: { host: api.example.com, path: "/orders/{id}", method: GET }, plugins: [greeter: { greeting: hi }], to: up }
  - { name: orders, match: { host: api.example.com, prefix: /orders }, to: up }
"#,
        )
}

/// What a command printed; it must end well.
fn run(arguments: &[&str]) -> String {
    let output = setup().command(arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn in_order(text: &str, words: &[&str]) {
    let mut rest = text;
    for word in words {
        let Some(place) = rest.find(word) else {
            panic!("{word:?} is missing, or not in this order:\n{text}")
        };
        rest = &rest[place + word.len()..];
    }
}

#[tokio::test]
async fn routes_are_shown_in_the_order_of_matching() {
    let table = run(&["routes"]);
    in_order(
        &table,
        &[
            "/orders/{id}",
            "greeter",
            "routes.d/routes.yaml:4",
            "/orders/*",
            "routes.d/routes.yaml:5",
            "routes.d/routes.yaml:3",
        ],
    );
}

#[tokio::test]
async fn explain_says_which_route_why_not_the_others_and_what_runs() {
    let url = "http://api.example.com/orders/7";
    in_order(
        &run(&["explain", "GET", url]),
        &[
            "the route order (routes.d/routes.yaml:4)",
            "{id} = 7",
            r#"greeter {"greeting":"hi"}"#,
            "up (http://127.0.0.1:9)",
            "orders",
            "more specific",
        ],
    );
    in_order(
        &run(&["explain", "POST", url, "-H", "x-tenant: acme"]),
        &["the route orders", "order (", "it is for GET, not POST"],
    );
    in_order(
        &run(&["explain", "GET", "http://API.example.com.:80/orders/7"]),
        &["the route order ("],
    );
    let json: Value = serde_json::from_str(&run(&["explain", "GET", url, "--json"])).unwrap();
    assert_eq!(json["route"]["name"], "order", "{json}");
}

#[tokio::test]
async fn explain_refuses_what_is_no_request() {
    for (arguments, instead) in [
        (
            &["explain", "GET", "no url"][..],
            "write it with its scheme",
        ),
        (&["explain", "G T", "http://a/"], "`G T`"),
        (
            &["explain", "GET", "http://a/", "-H", "nonsense"],
            "write it as `-H",
        ),
    ] {
        let output = setup().command(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(complaint.contains(instead), "{arguments:?}: {complaint}");
        assert!(!complaint.contains("panicked"), "{complaint}");
    }
}

#[tokio::test]
async fn schemas_are_printed_for_editors() {
    for (of, key) in [("gateway", "listeners"), ("routes", "upstreams")] {
        let schema: Value = serde_json::from_str(&run(&["schema", of])).unwrap();
        assert!(schema["properties"][key].is_object(), "{of}: {schema}");
        assert!(jsonschema::validator_for(&schema).is_ok(), "{of}");
    }
}

#[tokio::test]
async fn the_version_is_told() {
    assert_eq!(
        run(&["version"]).trim(),
        format!("witgate {}", env!("CARGO_PKG_VERSION"))
    );
}
