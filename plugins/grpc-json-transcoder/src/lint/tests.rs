use serde_json::json;

use super::*;
use crate::testing::api;

/// The warnings for these rules; the first word of each names its method `M0`, `M1`, ...
fn lint(rules: &[&str]) -> Vec<String> {
    let methods = rules.iter().enumerate().map(|(index, rule)| {
        format!("rpc M{index}(In) returns (In) {{ option (google.api.http) = {{ {rule} }}; }}\n")
    });
    let source = format!(
        "syntax = \"proto3\"; package t; import \"google/api/annotations.proto\";
         message In {{ int32 n = 6; string a = 1; string b = 2; In in = 3; oneof o {{ string c = 4; string d = 5; }} }}
         service S {{\n{} }}",
        methods.collect::<String>()
    );
    let (api, settings) = api(&source, &json!({ "body": { "dotted-path": true } }));
    let warnings = warnings(&api, &settings).into_iter();
    warnings
        .map(|problem| {
            assert_eq!(problem.pointer, "/descriptors");
            problem.message
        })
        .collect()
}

fn assert_one(rules: &[&str], parts: &[&str]) {
    let found = lint(rules);
    assert_eq!(found.len(), 1, "{found:?}");
    for part in parts {
        assert!(found[0].contains(part), "{part}: {found:?}");
    }
}

#[test]
fn clean_rules_give_no_warning() {
    let rules = [
        r#"get: "/v1/{a}""#,
        r#"get: "/v1/me""#,
        r#"get: "/v1/{a=**}""#,
        r#"get: "/v1/{a}/b/{b}""#,
        r#"get: "/v1/{a}/b/me""#,
        r#"get: "/v1/{a}:go""#,
        r#"post: "/v1/me" body: "*""#,
        r#"custom: { kind: "*" path: "/v1/me" }"#,
    ];
    assert_eq!(lint(&rules), Vec::<String>::new());
}

#[test]
fn what_is_out_of_spec() {
    assert_one(
        &[r#"get: "/v1/**/x""#],
        &[
            "`GET /v1/**/x` of t.S.M0 (test.proto:4:1)",
            "`**` to be last",
        ],
    );
    assert_one(&[r#"delete: "/v1" body: "*""#], &["a body in DELETE"]);
    assert_one(
        &[r#"post: "/v1" body: "in.in""#],
        &["body to be a field of the request itself"],
    );
    assert_one(
        &[r#"get: "/v1" response_body: "in.in""#],
        &["response_body to be a field"],
    );
    assert_one(
        &[r#"get: "/v1/{n=x/*}""#],
        &["every request is refused", "type of `n` is int32", "`x/*`"],
    );
}

#[test]
fn ambiguous_rules_name_both() {
    assert_one(
        &[r#"get: "/a/{b}""#, r#"get: "/{a}/b""#],
        &[
            "`GET /a/{b}` of t.S.M0 (test.proto:4:1)",
            "`GET /{a}/b` of t.S.M1 (test.proto:5:1)",
            "both match GET /a/b",
            "`GET /a/{b}` takes it",
        ],
    );
    assert_one(
        &[r#"get: "/{a}/b/{b=**}""#, r#"get: "/a/{b=**}""#],
        &["both match GET /a/b"],
    );
    assert_one(
        &[
            r#"get: "/{a}/b""#,
            r#"custom: { kind: "*" path: "/a/{b}" }"#,
        ],
        &["both match GET /a/b"],
    );
    // A third rule for what both match settles it.
    assert_eq!(
        lint(&[r#"get: "/a/{b}""#, r#"get: "/{a}/b""#, r#"get: "/a/b""#]),
        Vec::<String>::new()
    );
}

#[test]
fn a_shadowed_rule_names_what_takes_its_requests() {
    let found = lint(&[r#"get: "/a/{b}/{a=**}""#, r#"get: "/a/**/z""#]);
    let shadowed: Vec<_> = found
        .iter()
        .filter(|message| message.contains("no request comes here"))
        .collect();
    assert_eq!(shadowed.len(), 1, "{found:?}");
    assert!(
        shadowed[0].starts_with("`GET /a/**/z` of t.S.M1"),
        "{found:?}"
    );
    assert!(
        shadowed[0].contains("`GET /a/{b}/{a=**}` of t.S.M0"),
        "{found:?}"
    );
}

#[test]
fn rules_without_effect() {
    let source = "syntax = \"proto3\"; package t; message In { string a = 1; } service S { rpc M(In) returns (In); }";
    let rules = json!([{ "selector": "t.S.M", "get": "/a" }, { "selector": "t.S.M", "get": "/b" }]);
    let (both, settings) = api(source, &json!({ "rules": rules }));
    let found = warnings(&both, &settings);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].pointer, "/rules/0");
    let (none, settings) = api(source, &json!({}));
    let found = warnings(&none, &settings);
    assert!(found[0].message.contains("nothing is served"), "{found:?}");
}
