use serde_json::json;

use super::*;
use crate::{refusal::Code, testing::api};

const PROTO: &str = r#"
syntax = "proto3";
package t;
import "google/api/annotations.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
service S {
  rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/{name}/{rest=**}" }; }
  rpc Me(M) returns (M) { option (google.api.http) = { get: "/v1/me/x" }; }
  rpc Go(M) returns (M) { option (google.api.http) = { post: "/v1/{name}:go" body: "*" response_body: "inner" }; }
  rpc Put(M) returns (M) { option (google.api.http) = { put: "/v1/me/x" body: "inner" }; }
}
enum Color { RED = 0; GREEN = 1; }
message M {
  string name = 1; string rest = 2; M inner = 3; int64 big = 4; bytes raw = 5; double f64 = 6;
  repeated string tags = 7; map<string, M> by_name = 8; repeated Color colors = 9; google.protobuf.Timestamp at = 10;
  google.protobuf.Value value = 11; google.protobuf.StringValue wrapped = 12; bool yes = 13;
  google.protobuf.Struct object = 14; float f32 = 15;
}
"#;

fn ask(method: &str, path_and_query: &str) -> Json {
    ask_with(&json!({}), method, path_and_query)
}

fn ask_with(given: &Json, method: &str, path_and_query: &str) -> Json {
    let (api, settings) = api(PROTO, given);
    let question = Question {
        method,
        path_and_query,
        header: &|_| None,
    };
    explain(&api, &settings, question, |found, bound| {
        let mut message = DynamicMessage::new(found.rule.rpc.input());
        bound.apply(&mut message)?;
        Ok(vec![message])
    })
}

#[test]
fn the_chosen_rule_is_taken_apart() {
    let answer = ask("GET", "/v1/a%2Fb/c/d?big=9007199254740993");
    assert_eq!(answer["rpc"], "t.S.Get");
    assert_eq!(answer["rule"]["declared_by"], "t.S.Get (test.proto:9:3)");
    assert_eq!(
        answer["rule"]["parse"],
        json!({ "segments": ["v1", "*", "**"], "verb": "", "variables": [
            { "field": "name", "start": 1, "end": 2 }, { "field": "rest", "start": 2, "end": -1 },
        ] })
    );
    assert_eq!(
        answer["bindings"],
        json!({ "name": "a/b", "rest": "c/d", "big": "9007199254740993" })
    );
    assert_eq!(
        answer["sources"],
        json!({ "name": "path", "rest": "path", "big": "query" })
    );
    let go = ask("POST", "/v1/a:go");
    assert_eq!(go["rule"]["body"], "*");
    assert_eq!(go["rule"]["response_body"], "inner");
}

#[test]
fn values_keep_their_types() {
    let answer = ask(
        "GET",
        "/v1/a?raw=AQI&f64=NaN&tags=x&tags=y&by_name[k].yes=true&colors=1&at=1970-01-01T00:00:01.5Z\
         &value=%7B%22a%22:[1,null]%7D&wrapped=&yes=false&inner.inner.big=1&object=%7B%7D&f32=0.1",
    );
    assert_eq!(
        answer["bindings"],
        json!({
            "name": "a", "rest": "", "raw": { "$b64": "AQI=" }, "f64": "NaN", "tags": ["x", "y"],
            "by_name": { "k": { "yes": true } }, "colors": ["GREEN"], "at": { "seconds": 1, "nanos": 500_000_000 },
            "value": { "$json": { "a": [1.0, null] } }, "wrapped": "", "yes": false, "inner.inner.big": 1,
            "object": { "$json": {} }, "f32": 0.1,
        })
    );
}

#[test]
fn the_others_lost_for_a_reason() {
    let why = |method: &str, path: &str| -> Vec<String> {
        let answer = ask(method, path);
        let others = answer["others"].as_array().unwrap().iter();
        others
            .map(|other| {
                format!(
                    "{}: {}",
                    other["rpc"].as_str().unwrap(),
                    other["why"].as_str().unwrap()
                )
            })
            .collect()
    };
    assert_eq!(
        why("GET", "/v1/me/x"),
        [
            "t.S.Get: `*` in segment 2 is less specific than `me`",
            "t.S.Put: it is for PUT, not GET",
            "t.S.Go: the path does not end with `:go`",
        ]
    );
    assert_eq!(
        why("GET", "/v2/me/y"),
        [
            "t.S.Get: segment 1 is `v2`, not `v1`",
            "t.S.Me: segment 1 is `v2`, not `v1`",
            "t.S.Go: the path does not end with `:go`",
            "t.S.Put: segment 1 is `v2`, not `v1`",
        ]
    );
}

#[test]
fn errors_are_exact() {
    let miss = ask("DELETE", "/v1/me/x");
    assert_eq!(miss["error"]["status"], 405);
    assert_eq!(miss["error"]["allow"], "GET, PUT");
    assert_eq!(ask("GET", "/")["error"]["code"], "NOT_FOUND");
    let wrong = ask("GET", "/v1/a?big=x");
    assert_eq!(wrong["rpc"], "t.S.Get");
    assert_eq!(wrong["error"]["violations"][0]["field"], "big");
    let (api, settings) = api(PROTO, &json!({}));
    let question = Question {
        method: "POST",
        path_and_query: "/v1/a:go",
        header: &|_| None,
    };
    let bad = explain(&api, &settings, question, |_, _| {
        Err(Refusal::new(Code::InvalidArgument, "no JSON"))
    });
    assert_eq!(bad["error"]["message"], "no JSON");
    assert_eq!(bad["bindings"], json!({ "name": "a" }));
}

#[test]
fn what_is_no_call_and_no_error() {
    let pass = json!({ "path": { "unknown": "pass", "trailing-slash": "redirect" } });
    assert!(ask_with(&pass, "GET", "/v2")["passes"].is_string());
    assert_eq!(ask_with(&pass, "GET", "/v1/me/x/").get("error"), None);
    assert_eq!(
        ask_with(&pass, "PUT", "/v1/me/x/")["redirected_to"],
        "/v1/me/x"
    );
    assert_eq!(ask("OPTIONS", "/v1/me/x")["allow"], json!(["GET", "PUT"]));
}
