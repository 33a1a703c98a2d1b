//! What `witgate openapi` says of a route, against what the route does.

use http::{Method, Request};
use serde_json::{Map, Value};

use super::{setup, start};
use crate::support::{
    client::{self, Answer, full},
    gateway::Gateway,
    samples::Samples,
    shell,
};

async fn document(gateway: &Gateway, route: &str) -> Value {
    let text = shell::run(&format!("witgate openapi {route}"), gateway.folder()).await;
    let document: Value = serde_json::from_str(&text).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let live = gateway.admin(&format!("/openapi/{route}")).await;
    assert_eq!(live.json(), document);
    document
}

/// Every operation, with those of methods that OpenAPI has no place for.
fn operations(document: &Value) -> Vec<&Value> {
    let items = document["paths"].as_object().unwrap().values();
    let own = items.clone().flat_map(|item| item.as_object().unwrap());
    let own = own.filter(|(name, _)| !name.starts_with("x-"));
    let more = items.filter_map(|item| item["x-additional-operations"].as_object());
    own.chain(more.flatten())
        .map(|(_, operation)| operation)
        .collect()
}

/// Sends the example of an operation, for a second at most.
async fn replay(gateway: &Gateway, example: &Value) -> Answer {
    let none = Map::new();
    let method = Method::from_bytes(example["method"].as_str().unwrap().as_bytes()).unwrap();
    let mut sent = Request::builder()
        .method(method)
        .uri(example["path"].as_str().unwrap())
        .header("host", "localhost")
        .header("grpc-timeout", "1S");
    for (name, value) in example["headers"].as_object().unwrap_or(&none) {
        sent = sent.header(name, value.as_str().unwrap());
    }
    let body = example["body"].as_str().unwrap_or_default().to_owned();
    client::send(gateway.address(), sent.body(full(body)).unwrap()).await
}

/// The answer must be one that the operation announces, to its media type and its schema.
fn is_announced(document: &Value, operation: &Value, answer: &Answer) {
    let id = operation["operationId"].as_str().unwrap();
    let responses = &operation["responses"];
    let named = &responses[answer.status().as_str()];
    let response = if named.is_null() {
        &responses["default"]
    } else {
        named
    };
    let response = match response["$ref"].as_str() {
        Some(pointer) => document.pointer(pointer.trim_start_matches('#')).unwrap(),
        None => response,
    };
    let kind = answer.header("content-type").unwrap();
    let content = response["content"].as_object().unwrap();
    let bare = kind.split(';').next().unwrap().trim();
    let media = content.get(bare).or_else(|| content.get("*/*"));
    let media = media.unwrap_or_else(|| panic!("{id}: {kind} is not announced: {response}"));
    if bare != "application/json" {
        return;
    }
    let mut schema = media["schema"].clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    if let Err(error) = validator.validate(&answer.json()) {
        panic!("{id}: {error}: {}", answer.text());
    }
}

#[tokio::test]
async fn every_example_is_answered_as_announced() {
    let (_probe, gateway) = start().await;
    let document = document(&gateway, "probe").await;
    let operations = operations(&document);
    assert_eq!(operations.len(), 13, "{document:#}");
    for operation in operations {
        let example = &operation["x-example-request"];
        let answer = replay(&gateway, example).await;
        is_announced(&document, operation, &answer);
        let method = operation["x-grpc-method"].as_str().unwrap();
        let (_, method) = method.rsplit_once('.').unwrap();
        // That it came so far says that the request became a call.
        let fails = matches!(method, "Fail" | "Wait");
        assert_eq!(
            answer.status() != 200,
            fails,
            "{example}: {}",
            answer.text()
        );
        if method == "Echo" && example["method"] == "POST" {
            // A duration is printed with three digits, six or nine (ProtoJSON).
            let body = example["body"].as_str().unwrap().replace("1.5s", "1.500s");
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(answer.json()["request"], body);
        }
    }
}

/// The same for a service that knows nothing of examples, and says so.
#[tokio::test]
async fn examples_for_the_bookstore_are_answered_as_announced() {
    let samples = Samples::start();
    let proto = crate::support::documentation::root().join("routes.d/bookstore.proto");
    let gateway = setup(samples.bookstore, "")
        .file("probe.proto", std::fs::read(proto).unwrap())
        .start()
        .await;
    let document = document(&gateway, "probe").await;
    let operations = operations(&document);
    assert_eq!(operations.len(), 11, "{document:#}");
    for operation in operations {
        let answer = replay(&gateway, &operation["x-example-request"]).await;
        is_announced(&document, operation, &answer);
    }
}
