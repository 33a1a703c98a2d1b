//! The same message as in the other way, or none.

use prost_reflect::DynamicMessage;
use serde_json::{Value, json};

use crate::{
    binding, frame,
    json::{Bounds, ReadOptions},
    plan::Plan,
    request::Reading,
    testing,
};

const PROTO: &str = r#"
syntax = "proto3";
package t;
import "google/api/annotations.proto";
import "google/protobuf/timestamp.proto";
enum Color { RED = 0; GREEN = 1; }
message Inner { string name = 1; int64 size = 2; Inner inner = 3; Color color = 4; }
message Ask {
  Inner inner = 1; string text = 2; int32 number = 3; repeated int32 list = 4; repeated string words = 5;
  bool yes = 6; double real = 7; bytes raw = 8; uint64 large = 9; google.protobuf.Timestamp at = 10;
  map<string, string> map = 11; oneof choice { string one = 12; int32 other = 13; } repeated Inner many = 14;
  fixed32 fixed = 15; optional int32 maybe = 16; sint32 odd = 17;
}
service S {
  rpc Whole(Ask) returns (Ask) { option (google.api.http) = { post: "/whole/{text}/{inner.name}" body: "*" }; }
  rpc Field(Ask) returns (Ask) { option (google.api.http) = { post: "/field/{inner.name}" body: "inner" }; }
  rpc None(Ask) returns (Ask) { option (google.api.http) = { get: "/none/{number}" }; }
}
"#;

/// What is made directly, and what in the other way.
fn both(method: &str, path: &str, body: &str) -> (Option<Value>, Value) {
    let (api, settings) = testing::api(PROTO, &json!({}));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let found = api.find(method, path).unwrap();
    let plan = Plan::new(found.rule, &settings);
    let bound = binding::bind(&found, Some(query), &settings).unwrap();
    let reading = Reading {
        plan: &plan,
        settings: &settings,
        options: ReadOptions {
            bounds: Bounds::from(&settings.limits),
            refuse_unknown: false,
            any_case_enums: false,
        },
    };
    let mut slow = reading
        .json(body.as_bytes())
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    bound.apply(&mut slow).unwrap();
    let quick = reading
        .directly(Some(&bound), body.as_bytes())
        .map(|framed| {
            let message = frame::single(&framed, u64::MAX).unwrap();
            testing::printed(&DynamicMessage::decode(plan.input.clone(), message).unwrap())
        });
    (quick, testing::printed(&slow))
}

#[test]
fn what_is_plain_is_written_alike() {
    for (method, path, body) in [
        ("GET", "/none/7", ""),
        (
            "GET",
            "/none/7?text=x&inner.name=y&inner.inner.size=3&yes=true&one=z",
            "",
        ),
        ("POST", "/whole/a/b", ""),
        ("POST", "/whole/a/b", "{}"),
        (
            "POST",
            "/whole/a/b",
            r#"{"text":"lost","inner":{"name":"lost too","size":"-5","inner":{},"color":"GREEN"},"number":-1,
               "list":[1,-2,0],"words":["","x"],"yes":true,"real":1.5,"raw":"AQI","large":"18446744073709551615",
               "other":0,"many":[{},{"size":1}],"fixed":7,"maybe":0}"#,
        ),
        (
            "POST",
            "/whole/a/b",
            r#"{"text":"","number":0,"list":[],"words":[],"yes":false,"real":0}"#,
        ),
        ("POST", "/field/b?text=t", r#"{"name":"lost","size":12}"#),
        ("POST", "/field/b", "{}"),
        ("POST", "/field/b", ""),
    ] {
        let (quick, slow) = both(method, path, body);
        assert_eq!(quick, Some(slow), "{path} {body}");
    }
    let long = format!(
        r#"{{"inner":{{"name":"n"}},"words":["{}"]}}"#,
        "x".repeat(300)
    );
    let (quick, slow) = both("POST", "/whole/a/b", &long);
    assert_eq!(quick, Some(slow));
}

#[test]
fn what_is_not_plain_is_left_to_the_other() {
    for (method, path, body) in [
        ("GET", "/none/0", ""),
        ("GET", "/none/1?list=1", ""),
        ("GET", "/none/1?at=2020-01-01T00:00:00Z", ""),
        ("GET", "/none/1?map[a]=b", ""),
        ("POST", "/whole/a/b", r#"{"nobody":1}"#),
        ("POST", "/whole/a/b", r#"{"number":null}"#),
        ("POST", "/whole/a/b", r#"{"number":1e2}"#),
        ("POST", "/whole/a/b", r#"{"map":{"a":"b"}}"#),
        ("POST", "/whole/a/b", r#"{"at":"2020-01-01T00:00:00Z"}"#),
        ("POST", "/whole/a/b", r#"{"odd":1}"#),
        ("POST", "/whole/a/b", r#"{"real":"NaN"}"#),
        ("POST", "/field/b?inner.size=0", "{}"),
    ] {
        let (quick, _) = both(method, path, body);
        assert_eq!(quick, None, "{path} {body}");
    }
}
