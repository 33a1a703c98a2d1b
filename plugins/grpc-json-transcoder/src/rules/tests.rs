use prost::{
    Message as _,
    encoding::{DecodeContext, decode_key, skip_field},
};
use prost_types::FileDescriptorProto;
use serde_json::json;

use super::*;
use crate::testing::{api, pool, settings};

const SHELVES: &str = r#"
syntax = "proto3";
package t.v1;
import "google/api/annotations.proto";
service Shelves {
  rpc Get(GetRequest) returns (Shelf) {
    option (google.api.http) = {
      get: "/v1/shelves/{id}"
      additional_bindings { custom: { kind: "HEAD" path: "/v1/shelves/{id}" } }
      additional_bindings { post: "/v1/shelves/{id}:get" body: "*" response_body: "theme" }
    };
  }
  rpc Put(PutRequest) returns (Shelf) {
    option (google.api.http) = { put: "/v1/shelves/{shelf.id}" body: "shelf" };
  }
  rpc Bare(GetRequest) returns (Shelf);
}
message GetRequest { int64 id = 1; }
message PutRequest { Shelf shelf = 1; string note = 2; }
message Shelf { int64 id = 1; string theme = 2; repeated string tags = 3; map<string, string> labels = 4; }
"#;

/// A file with one method, `t.S.M(In)`, and this rule.
fn one_rule(rule: &str) -> String {
    format!(
        r#"syntax = "proto3";
package t;
import "google/api/annotations.proto";
service S {{
  rpc M(In) returns (In) {{ option (google.api.http) = {{ {rule} }}; }}
}}
message In {{ string a = 1; In in = 2; repeated string list = 3; map<string, string> map = 4; string two_words = 5; oneof o {{ string x = 6; string y = 7; }} }}
"#
    )
}

fn titles(api: &Api) -> Vec<(String, String)> {
    let title = |rule: &Rule| (rule.title(), rule.call_path.clone());
    api.rules().iter().map(title).collect()
}

fn problems(source: &str, given: &serde_json::Value) -> Vec<(String, String)> {
    let problems = Api::compile(&pool(source), &settings(given)).err();
    let problems = problems.unwrap_or_else(|| panic!("no problem with {source}"));
    let plain = |problem: Problem| (problem.pointer, problem.message);
    problems.into_iter().map(plain).collect()
}

#[test]
fn rules_are_read_from_the_proto() {
    let (api, _) = api(SHELVES, &json!({}));
    let get = String::from("/t.v1.Shelves/Get");
    assert_eq!(
        titles(&api),
        [
            ("GET /v1/shelves/{id}".into(), get.clone()),
            ("HEAD /v1/shelves/{id}".into(), get.clone()),
            ("POST /v1/shelves/{id}:get".into(), get),
            (
                "PUT /v1/shelves/{shelf.id}".into(),
                "/t.v1.Shelves/Put".into()
            ),
        ]
    );
    let post = &api.rules()[2];
    assert_eq!(post.body, BodyRule::Whole);
    assert_eq!(post.response_body[0].name(), "theme");
    let put = &api.rules()[3];
    assert!(matches!(&put.body, BodyRule::Field(path) if path[0].name() == "shelf"));
    assert_eq!(put.variables[0].len(), 2);
    assert_eq!(put.name(), "t.v1.Shelves.Put (test.proto:13:3)");
}

#[test]
fn the_extension_need_not_be_declared() {
    let known = pool(SHELVES);
    let file = known
        .get_file_by_name("test.proto")
        .unwrap()
        .encode_to_vec();
    // A pool that is told neither the extension nor of the import that declares it.
    let mut undeclared = FileDescriptorProto::decode(&*file).unwrap();
    undeclared.dependency.clear();
    undeclared.service.clear();
    let mut bytes = undeclared.encode_to_vec();
    bytes.extend(services(&file));
    let mut set = vec![0x0A];
    prost::encoding::encode_varint(bytes.len() as u64, &mut set);
    set.extend(bytes);
    let undeclared = DescriptorPool::decode(&*set).unwrap();
    assert_eq!(undeclared.all_extensions().len(), 0);
    let api = Api::compile(&undeclared, &settings(&json!({})));
    let api = api.unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(titles(&api), titles(&self::api(SHELVES, &json!({})).0));
}

/// The raw fields `service` of a file; a decoded one has lost the options that prost-types does not know.
fn services(mut file: &[u8]) -> Vec<u8> {
    let mut services = Vec::new();
    while !file.is_empty() {
        let field = file;
        let (number, wire_type) = decode_key(&mut file).unwrap();
        skip_field(wire_type, number, &mut file, DecodeContext::default()).unwrap();
        if number == 6 {
            services.extend(&field[..field.len() - file.len()]);
        }
    }
    services
}

#[test]
fn a_request_finds_its_rule_and_captures() {
    let (api, _) = api(SHELVES, &json!({}));
    let found = api
        .find("PUT", "/v1/shelves/7")
        .unwrap_or_else(|miss| panic!("{miss:?}"));
    assert_eq!(found.rule.rpc.name(), "Put");
    let captures: Vec<_> = found
        .captures()
        .map(|(variable, _, text)| (&*variable.field, text))
        .collect();
    assert_eq!(captures, [("shelf.id", "7")]);
    let miss = api.find("DELETE", "/v1/shelves/7").err();
    assert_eq!(
        miss,
        Some(Miss::Method(vec![
            "GET".into(),
            "HEAD".into(),
            "PUT".into()
        ]))
    );
    assert_eq!(api.find("GET", "/v2").err(), Some(Miss::Unknown));
}

#[test]
fn head_is_get_where_nothing_else_is_said() {
    let (api, _) = api(&one_rule(r#"get: "/x""#), &json!({}));
    assert!(api.find("HEAD", "/x").is_ok());
    assert_eq!(api.find("HEAD", "/y").err(), Some(Miss::Unknown));
    assert!(api.find("OPTIONS", "/x").is_err());
}

#[test]
fn settings_replace_what_the_proto_says() {
    let rules = json!([
        { "selector": "t.v1.Shelves.Get", "get": "/old/{id}" },
        { "selector": "t.v1.Shelves.Get", "custom": { "*": "/any/{id}" },
          "additional-bindings": [{ "get": "/other/{id}", "response-body": "theme" }] },
    ]);
    let (api, _) = api(SHELVES, &json!({ "rules": rules, "auto-rules": true }));
    let titles: Vec<_> = titles(&api).into_iter().map(|(title, _)| title).collect();
    assert_eq!(
        titles,
        [
            "* /any/{id}",
            "GET /other/{id}",
            "PUT /v1/shelves/{shelf.id}",
            "POST /t.v1.Shelves/Bare",
        ]
    );
    assert_eq!(api.rules()[0].origin, Origin::Settings(1));
    assert_eq!(api.rules()[3].body, BodyRule::Whole);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (rule, part) in [
        (
            r#"get: "/a/{b}""#,
            "column 5: t.In has no field `b`; there is `a`",
        ),
        (r#"get: "/a/{twoWords}""#, "write `two_words`"),
        (r#"get: "/{in}""#, "is a message"),
        (r#"get: "/{list}""#, "is repeated"),
        (r#"get: "/{map}""#, "is a map"),
        (r#"get: "/{list.x}""#, "has no fields to name"),
        (r#"get: "/{x}/{y}""#, "`x` and `y` are members of one oneof"),
        (r#"get: "/a//b""#, "column 4: a segment is missing"),
        (r#"post: "/a" body: "b""#, "body: t.In has no field `b`"),
        (
            r#"post: "/a" body: "in.a""#,
            "not a field of the request itself",
        ),
        (
            r#"get: "/a" response_body: "b""#,
            "response_body: t.In has no field `b`",
        ),
        (r#"body: "*""#, "has no template"),
        (r#"custom: { kind: "A B" path: "/a" }"#, "no method of HTTP"),
        (
            r#"get: "/a" additional_bindings { get: "/a" }"#,
            "of the same method; remove one",
        ),
        (
            r#"get: "/a" additional_bindings { get: "/b" additional_bindings { get: "/c" } }"#,
            "one level up",
        ),
    ] {
        let found = problems(&one_rule(rule), &json!({}));
        let [(pointer, message)] = found.as_slice() else {
            panic!("{rule}: {found:?}");
        };
        assert_eq!(pointer, "/descriptors");
        assert!(message.starts_with("t.S.M (test.proto:5:3): "), "{message}");
        assert!(message.contains(part), "{rule}: {message}");
    }
}

#[test]
fn two_methods_with_one_rule_are_both_named() {
    let rules = json!([{ "selector": "t.v1.Shelves.Bare", "get": "/v1/shelves/{id}" }]);
    let found = problems(SHELVES, &json!({ "rules": rules }));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "/rules/0");
    for name in [
        "t.v1.Shelves.Bare",
        "t.v1.Shelves.Get (test.proto:6:3)",
        "change one",
    ] {
        assert!(found[0].1.contains(name), "{found:?}");
    }
}

#[test]
fn settings_must_fit_the_descriptors() {
    for (given, pointer, part) in [
        (
            json!({ "services": ["t.v1.Books"] }),
            "/services/0",
            "`t.v1.Shelves`",
        ),
        (
            json!({ "rules": [{ "selector": "t.v1.Shelves.No", "get": "/" }] }),
            "/rules/0/selector",
            "full name",
        ),
        (
            json!({ "headers": { "x-id": "nothing" } }),
            "/headers/x-id",
            "`nothing`",
        ),
        (
            json!({ "query": { "unknown": "capture" } }),
            "/query/unknown",
            "capture",
        ),
        (
            json!({ "query": { "unknown": "capture", "capture": "id" } }),
            "/query/capture",
            "map<string, string>",
        ),
        (
            json!({ "query": { "repeated-messages": 257 } }),
            "/query/repeated-messages",
            "at most 256",
        ),
        (
            json!({ "limits": { "depth": 0 } }),
            "/limits/depth",
            "1 to 200",
        ),
        (
            json!({ "errors": { "statuses": { "LOST": 400 } } }),
            "/errors/statuses/LOST",
            "NOT_FOUND",
        ),
        (
            json!({ "errors": { "statuses": { "ABORTED": 200 } } }),
            "/errors/statuses/ABORTED",
            "400 to 599",
        ),
        (
            json!({ "metadata": { "request": { "allow": ["a b"] } } }),
            "/metadata/request/allow/0",
            "no name",
        ),
    ] {
        let found = problems(SHELVES, &given);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, pointer);
        assert!(found[0].1.contains(part), "{found:?}");
    }
}

#[test]
fn services_for_tools_are_served_by_name_only() {
    let source = r#"
syntax = "proto3";
package grpc.health.v1;
service Health { rpc Check(In) returns (In); }
message In {}
"#;
    let auto =
        |services: &[&str]| api(source, &json!({ "auto-rules": true, "services": services })).0;
    assert!(auto(&[]).rules().is_empty());
    assert_eq!(auto(&["grpc.health.v1.Health"]).rules().len(), 1);
}
