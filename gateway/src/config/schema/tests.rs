use jsonschema::Validator;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::config::Source;

const GATEWAY: &str = include_str!("witgate.yaml");
const ROUTES: &str = include_str!("routes.yaml");

fn validator(schema: &Schema) -> Validator {
    let schema = schema.as_value();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    jsonschema::meta::validate(schema).unwrap();
    jsonschema::draft202012::new(schema).unwrap()
}

/// The file as an editor sees it, through the one reader of YAML that is here.
fn json(yaml: &str) -> Value {
    #[derive(Deserialize)]
    struct Whole(raw::PluginConfig);
    let source = Source::<Whole>::new("a.yaml".into(), yaml);
    let Whole(config) = &**source.raw.as_ref().unwrap();
    serde_json::from_str(&config.to_json()).unwrap()
}

#[test]
fn samples_with_every_key_are_valid_and_can_be_read() {
    let operator = Source::<raw::Gateway>::new("witgate.yaml".into(), GATEWAY);
    assert!(operator.raw.is_some(), "{:#?}", operator.problems);
    let routes = Source::<raw::RouteFile>::new("routes.yaml".into(), ROUTES);
    assert!(routes.raw.is_some(), "{:#?}", routes.problems);
    for (schema, sample) in [(gateway(), GATEWAY), (route_file(), ROUTES)] {
        let errors: Vec<_> = validator(&schema)
            .iter_errors(&json(sample))
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

/// A line of a sample replaced by another, which neither the schema nor the reader may accept.
fn both_refuse<T: serde::de::DeserializeOwned>(
    schema: &Schema,
    sample: &str,
    from: &str,
    to: &str,
) {
    assert_eq!(sample.matches(from).count(), 1, "{from}");
    let broken = sample.replace(from, to);
    assert!(
        !validator(schema).is_valid(&json(&broken)),
        "the schema accepts {to}"
    );
    assert!(
        Source::<T>::new("a.yaml".into(), &broken).raw.is_none(),
        "the reader accepts {to}"
    );
}

#[test]
fn what_the_reader_refuses_is_not_valid() {
    let schema = gateway();
    for (from, to) in [
        ("  - address: 0.0.0.0:8080", "  - port: 8080"),
        ("workers: 2", "workers: -2"),
        ("on-failure: open", "on-failure: ajar"),
        ("time: 20ms", "time: 20"),
        ("memory: 32MiB", "memory: 32MB"),
        (
            "component: plugins/jwt-auth.wasm",
            "componnent: plugins/jwt-auth.wasm",
        ),
        ("- 10.0.0.0/8", "- 10"),
        ("header-count: 50", "header-count: many"),
        ("level: debug", "level: loud"),
    ] {
        both_refuse::<raw::Gateway>(&schema, GATEWAY, from, to);
    }
    let schema = route_file();
    for (from, to) in [
        ("- name: everything", "- nam: everything"),
        ("orders: http://127.0.0.1:9001", "orders: 9001"),
        ("protocol: http2", "protocol: http3"),
        ("    to: orders", "    to: [orders]"),
        ("method: [GET, HEAD]", "method: 7"),
        ("x-tenant: { regex: a.* }", "x-tenant: { regexp: a.* }"),
        ("status: 301", "status: moved"),
        ("request: 5s", "request: soon"),
        ("body: 10MiB", "body: 10MB"),
    ] {
        both_refuse::<raw::RouteFile>(&schema, ROUTES, from, to);
    }
}

#[test]
fn every_key_is_described() {
    fn walk(path: &str, value: &Value, bare: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                if property.get("description").is_none() {
                    bare.push(format!("{path}/{name}"));
                }
            }
        }
        if let Some(object) = value.as_object() {
            object
                .iter()
                .for_each(|(key, value)| walk(&format!("{path}/{key}"), value, bare));
        }
    }
    let mut bare = Vec::new();
    for schema in [gateway(), route_file()] {
        walk("", schema.as_value(), &mut bare);
    }
    assert!(bare.is_empty(), "{bare:#?}");
    assert_eq!(json("a: 1"), json!({ "a": 1 }));
}
