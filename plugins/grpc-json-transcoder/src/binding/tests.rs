mod precedence;

use serde_json::{Value as Json, json};

use super::*;
use crate::testing::{api, message, printed};

const PROTO: &str = r#"
syntax = "proto3";
package t;
import "google/api/annotations.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
service S {
  rpc Path(M) returns (M) { option (google.api.http) = { get: "/p/{i64}/{inner.text}/{rest=**}" }; }
  rpc Query(M) returns (M) { option (google.api.http) = { get: "/q" }; }
  rpc Whole(M) returns (M) { option (google.api.http) = { post: "/whole/{i64}" body: "*" }; }
  rpc Part(M) returns (M) { option (google.api.http) = { post: "/part/{inner.i64}" body: "inner" }; }
}
enum Color { RED = 0; GREEN = 1; }
message M {
  int32 i32 = 1; int64 i64 = 2; uint32 u32 = 3; uint64 u64 = 4; double f64 = 5; float f32 = 6; bool yes = 7;
  string text = 8; bytes raw = 9; Color color = 10; M inner = 11; string rest = 12;
  repeated string tags = 13; repeated Color colors = 14; repeated M many = 15;
  map<string, int32> counts = 16; map<int32, M> by_id = 17;
  oneof choice { string one = 18; M other = 19; }
  google.protobuf.Timestamp at = 20; google.protobuf.Duration took = 21; google.protobuf.FieldMask mask = 22;
  google.protobuf.Struct object = 23; google.protobuf.Value value = 24; google.protobuf.Int64Value wrapped = 25;
  google.protobuf.BytesValue wrapped_raw = 26; repeated google.protobuf.Int32Value wrappers = 27;
  optional string two_words = 28; string odd = 29 [json_name = "odd[name]"];
  map<string, string> extra = 30; string escaped = 31 [json_name = "a%5Bb"];
}
"#;

/// What the request makes of an empty body.
fn bound(given: &Json, method: &str, path_and_query: &str) -> Result<Json, String> {
    onto(given, method, path_and_query, &json!({}))
}

/// What the request makes of a message that the body gave.
fn onto(given: &Json, method: &str, path_and_query: &str, body: &Json) -> Result<Json, String> {
    let (api, settings) = api(PROTO, given);
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    let found = api
        .find(method, path)
        .unwrap_or_else(|miss| panic!("{path}: {miss:?}"));
    let mut message = message(&found.rule.rpc.input(), body);
    let said = |refusal: Refusal| {
        assert_eq!(refusal.status, 400);
        refusal.message
    };
    let mut bound = bind(&found, query, &settings).map_err(said)?;
    let header = |name: &str| (name == "x-text").then(|| String::from("header"));
    bound
        .bind_headers(&found, header, &settings)
        .map_err(said)?;
    bound.apply(&mut message).map_err(said)?;
    Ok(printed(&message))
}

fn query(query: &str) -> Json {
    bound(&json!({}), "GET", &format!("/q?{query}"))
        .unwrap_or_else(|error| panic!("{query}: {error}"))
}

fn refused(given: &Json, query: &str) -> String {
    let result = bound(given, "GET", &format!("/q?{query}"));
    result.map_or_else(|error| error, |message| panic!("{query}: {message}"))
}

#[test]
fn the_path_is_bound() {
    let path = |path| bound(&json!({}), "GET", path);
    assert_eq!(
        path("/p/-7/a%2Fb/c%2fd/e%20f+"),
        Ok(json!({ "i64": "-7", "inner": { "text": "a/b" }, "rest": "c%2fd/e f+" }))
    );
    assert_eq!(path("/p/0/a"), Ok(json!({ "inner": { "text": "a" } })));
    assert!(
        path("/p/x/a")
            .unwrap_err()
            .starts_with("i64: `x` is no int64")
    );
    assert!(path("/p/1/%zz").unwrap_err().contains("hexadecimal"));
    assert!(path("/p/1/%FF").unwrap_err().contains("UTF-8"));
}

#[test]
fn the_path_can_be_narrowed() {
    let strict = json!({ "path": { "dot-segments": "refuse", "encoded-slash": "refuse" } });
    let path = |path| bound(&strict, "GET", path);
    assert!(path("/p/1/a%2Fb/c").unwrap_err().contains("encoded slash"));
    assert!(path("/p/1/a/b/%2E./c").unwrap_err().contains("`..`"));
    assert!(path("/p/1/a/b/..c").is_ok());
}

#[test]
fn scalars_and_messages_of_one_text() {
    for (text, expected) in [
        (
            "i32=-1&u32=1&u64=18446744073709551615",
            json!({ "i32": -1, "u32": 1, "u64": "18446744073709551615" }),
        ),
        (
            "f64=-1.5e3&f32=Infinity&yes=true",
            json!({ "f64": -1500, "f32": "Infinity", "yes": true }),
        ),
        (
            "text=a+b%2B%26&raw=-_8",
            json!({ "text": "a b+&", "raw": "+/8=" }),
        ),
        ("color=GREEN", json!({ "color": "GREEN" })),
        ("color=1", json!({ "color": "GREEN" })),
        ("color=7", json!({ "color": 7 })),
        (
            "at=2016-12-15T12:23:32.049Z&took=-1.5s",
            json!({ "at": "2016-12-15T12:23:32.049Z", "took": "-1.500s" }),
        ),
        ("mask=a_b,c.d,eF", json!({ "mask": "aB,c.d,eF" })),
        (
            "object={%22a%22:[1]}&value=null",
            json!({ "object": { "a": [1] }, "value": null }),
        ),
        (
            "wrapped=0&wrapped_raw=AQI",
            json!({ "wrapped": "0", "wrappedRaw": "AQI=" }),
        ),
        ("wrapped.value=3", json!({ "wrapped": "3" })),
        ("wrappers=1&wrappers=2", json!({ "wrappers": [1, 2] })),
        ("two_words=&text", json!({ "twoWords": "" })),
        ("&&", json!({})),
    ] {
        assert_eq!(query(text), expected, "{text}");
    }
}

#[test]
fn names_of_enum_values_in_any_case() {
    let any_case = json!({ "body": { "any-case-enums": true } });
    let green = bound(&any_case, "GET", "/q?color=green");
    assert_eq!(green, Ok(json!({ "color": "GREEN" })));
    assert!(refused(&json!({}), "color=green").contains("no t.Color"));
}

#[test]
fn fields_by_their_names() {
    for (text, expected) in [
        ("twoWords=a", json!({ "twoWords": "a" })),
        (
            "inner%2Einner.text=a",
            json!({ "inner": { "inner": { "text": "a" } } }),
        ),
        (
            "inner.odd[name]=a",
            json!({ "inner": { "odd[name]": "a" } }),
        ),
        ("odd%5Bname%5D=a", json!({ "odd[name]": "a" })),
        ("a%5Bb=x", json!({ "a%5Bb": "x" })),
        (
            "tags=a&tags=b&colors=GREEN&colors=0",
            json!({ "tags": ["a", "b"], "colors": ["GREEN", "RED"] }),
        ),
        (
            "counts[a.b]=1&counts%5Bc%5D=2",
            json!({ "counts": { "a.b": 1, "c": 2 } }),
        ),
        (
            "by_id[7].text=a&byId[7].i32=1",
            json!({ "byId": { "7": { "text": "a", "i32": 1 } } }),
        ),
        (
            "other.text=a&other.i32=1",
            json!({ "other": { "text": "a", "i32": 1 } }),
        ),
    ] {
        assert_eq!(query(text), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_bound_is_refused() {
    for (text, message) in [
        ("nothing=1", "nothing: t.M has no such field"),
        ("text.more=1", "text.more: t.M has no such field"),
        ("tags.more=1", "tags.more: t.M has no such field"),
        ("tags[]=1", "tags[]: t.M has no such field"),
        (
            "inner=1",
            "inner: `inner` is a message; name one of its fields",
        ),
        ("many.text=1", "many.text: `many` is a list of messages"),
        ("many=1", "many: `many` is a message"),
        ("counts=1", "counts: `counts` is a map; write `counts[key]`"),
        ("counts.a=1", "counts.a: `counts` is a map"),
        ("by_id[7]=1", "by_id[7]: `by_id` is a message"),
        ("by_id[x].text=1", "by_id[x].text: `x` is no int32"),
        ("counts[a=1", "counts[a: `]` is missing"),
        ("i32=1&i32=1", "i32: this is given twice"),
        ("counts[a]=1&counts[a]=2", "counts[a]: this is given twice"),
        (
            "one=a&other.text=b",
            "other.text: `one` and `other` are both in the oneof `choice`",
        ),
        (
            "color=BLUE",
            "color: `BLUE` is no t.Color; write one of RED, GREEN",
        ),
        ("i32=1.5", "i32: `1.5` is no int32"),
        ("u32=-1", "u32: `-1` is no uint32"),
        ("f64=inf", "f64: `inf` is no double"),
        ("yes=1", "yes: `1` is no bool; write `true` or `false`"),
        ("raw=!", "raw: `!` is no bytes; write base64"),
        ("at=null", "at: `null` is no timestamp"),
        ("object=1", "object: "),
        ("text=%FF", "text: its escapes are no UTF-8"),
        ("te%zzxt=a", "the parameter `te%zzxt`: `%` needs"),
        (&format!("{}text=a", "inner.".repeat(64)), "goes too deep"),
    ] {
        let found = refused(&json!({}), text);
        assert!(found.contains(message), "{text}: {found}");
    }
    let long = refused(&json!({}), &format!("i32={}", "9".repeat(1000)));
    assert!(long.len() < 200, "{long}");
}

#[test]
fn unknown_parameters_have_three_fates() {
    let unknown =
        |query: &Json, text: &str| bound(&json!({ "query": query }), "GET", &format!("/q?{text}"));
    assert_eq!(
        unknown(&json!({ "unknown": "ignore" }), "nothing=1&text=a"),
        Ok(json!({ "text": "a" }))
    );
    assert_eq!(
        unknown(&json!({ "ignore": ["key"] }), "key=1&text=a"),
        Ok(json!({ "text": "a" }))
    );
    let capture = |field| json!({ "unknown": "capture", "capture": field });
    assert_eq!(
        unknown(&capture("extra"), "x.y=1&text=a"),
        Ok(json!({ "extra": { "x.y": "1" }, "text": "a" }))
    );
    assert_eq!(
        unknown(&capture("object"), "x=1&y=2"),
        Ok(json!({ "object": { "x": "1", "y": "2" } }))
    );
    assert!(
        unknown(&capture("extra"), "x=1&x=2")
            .unwrap_err()
            .contains("twice")
    );
    assert!(unknown(&json!({ "unknown": "ignore" }), "inner=1").is_err());
}

#[test]
fn styles_of_other_apis_are_opt_in() {
    let styled = |text: &str| {
        let query = json!({ "brackets": true, "deep-object": true, "comma-separated": true, "repeated-messages": 3, "plus-is-space": false });
        bound(&json!({ "query": query }), "GET", &format!("/q?{text}"))
    };
    for (text, expected) in [
        ("tags[]=a&tags[]=b", json!({ "tags": ["a", "b"] })),
        (
            "tags=a,b&text=c,d+e",
            json!({ "tags": ["a", "b"], "text": "c,d+e" }),
        ),
        (
            "inner[inner][text]=a&inner[i32]=1",
            json!({ "inner": { "inner": { "text": "a" }, "i32": 1 } }),
        ),
        (
            "many[1].text=a&many[0][i32]=2",
            json!({ "many": [{ "i32": 2 }, { "text": "a" }] }),
        ),
        (
            "by_id[7][text]=a",
            json!({ "byId": { "7": { "text": "a" } } }),
        ),
    ] {
        assert_eq!(styled(text), Ok(expected), "{text}");
    }
    for (text, part) in [
        ("many[3].text=a", "write a number from 0 to 2"),
        ("many[0]=a", "is a message"),
        ("many[].text=a", "is a list of messages"),
        ("many[0][0].text=a", "no such field"),
        ("inner[nothing]=a", "no such field"),
    ] {
        let found = styled(text);
        assert!(
            found.as_ref().is_err_and(|error| error.contains(part)),
            "{text}: {found:?}"
        );
    }
}
