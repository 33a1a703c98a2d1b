use serde_json::json;
use witgate_plugin::{
    Asked,
    prelude::*,
    testing::{Exchange, TestRequest},
};

use crate::testing::transcoder;

const PROTO: &str = r#"
syntax = "proto3";
package t;
import "google/api/annotations.proto";
service S {
  rpc Get(In) returns (In) { option (google.api.http) = { get: "/v1/{id}" }; }
  rpc Put(In) returns (In) { option (google.api.http) = { put: "/v1/{id}" body: "*" }; }
}
message In { string id = 1; Color color = 2; }
enum Color { RED = 0; GREEN = 1; }
"#;

/// What a request without a body is answered, if it does not become a call.
fn answer(settings: &serde_json::Value, method: &str, path: &str) -> Option<Reply> {
    let transcoder = transcoder(PROTO, settings);
    let mut exchange = Exchange::new(&transcoder, TestRequest::new(method, path));
    match exchange.on_request().unwrap() {
        Verdict::Reply(reply) => Some(reply),
        _ => None,
    }
}

#[test]
fn the_methods_of_a_path_can_be_asked_for() {
    let options = answer(&json!({}), "OPTIONS", "/v1/a").unwrap();
    assert_eq!(options, Reply::new(204).header("allow", "GET, PUT"));
    assert_eq!(answer(&json!({}), "HEAD", "/v1/a"), None);
}

#[test]
fn a_slash_too_many_is_redirected() {
    let redirect = json!({ "path": { "trailing-slash": "redirect" } });
    let moved = answer(&redirect, "GET", "/v1/a/?x=1").unwrap();
    assert_eq!(moved, Reply::new(308).header("location", "/v1/a?x=1"));
    let pass = json!({ "path": { "unknown": "pass" } });
    assert_eq!(answer(&pass, "GET", "/v2"), None);
}

#[test]
fn names_of_enum_values_in_any_case() {
    let color = |settings| {
        let asked = Asked {
            method: String::from("PUT"),
            path_and_query: String::from("/v1/a"),
            headers: Vec::new(),
            body: Some(br#"{ "color": "green" }"#.to_vec()),
        };
        transcoder(PROTO, &settings).answer(&asked)
    };
    let any_case = color(json!({ "body": { "any-case-enums": true } }));
    assert_eq!(any_case["bindings"], json!({ "id": "a", "color": "GREEN" }));
    assert_eq!(color(json!({}))["error"]["status"], 400);
}
