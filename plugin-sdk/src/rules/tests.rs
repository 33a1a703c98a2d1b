//! Rules that are read, refused, and compared with a plain model.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ClaimPath, Rule, RuleConfig};
use crate::config::{self, Problem};

fn rule(written: &Value) -> Rule {
    let written: RuleConfig = config::parse(&written.to_string()).unwrap();
    Rule::compile(written, "").unwrap()
}

fn problems(written: &Value) -> Vec<Problem> {
    match config::parse::<RuleConfig>(&written.to_string()) {
        Ok(written) => Rule::compile(written, "/require").unwrap_err(),
        Err(problems) => problems,
    }
}

fn claims() -> Value {
    json!({
        "sub": "ada", "plan": "gold", "level": 3, "ratio": 1.0, "email": "ada@example.com", "admin": true,
        "gone": null, "scope": "read write", "roles": ["user", "ops", 7], "org": { "id": "t1", "a/b": ["x"] },
        "https://example.com/tier": "one", "": "empty",
    })
}

#[test]
fn each_test_says_what_it_means() {
    let cases = [
        (json!({ "claim": "sub", "equals": "ada" }), true),
        (json!({ "claim": "sub", "equals": "Ada" }), false),
        (json!({ "claim": "level", "equals": 3 }), true),
        (json!({ "claim": "level", "equals": 3.0 }), true),
        (json!({ "claim": "level", "equals": "3" }), false),
        (json!({ "claim": "ratio", "equals": 1 }), true),
        (json!({ "claim": "admin", "equals": true }), true),
        (json!({ "claim": "admin", "equals": "true" }), false),
        (json!({ "claim": "roles", "equals": "user" }), false),
        (
            json!({ "claim": "plan", "one-of": ["silver", "gold"] }),
            true,
        ),
        (json!({ "claim": "plan", "one-of": ["silver"] }), false),
        (json!({ "claim": "roles", "contains": "ops" }), true),
        (json!({ "claim": "roles", "contains": 7.0 }), true),
        (json!({ "claim": "roles", "contains": "op" }), false),
        (json!({ "claim": "scope", "contains": "write" }), true),
        (json!({ "claim": "scope", "contains": "writ" }), false),
        (json!({ "claim": "scope", "contains": "read write" }), false),
        (json!({ "claim": "org", "contains": "id" }), false),
        (json!({ "claim": "email", "suffix": "@example.com" }), true),
        (json!({ "claim": "email", "prefix": "bob@" }), false),
        (json!({ "claim": "level", "prefix": "3" }), false),
        (json!({ "claim": "sub", "exists": true }), true),
        (json!({ "claim": "gone", "exists": true }), false),
        (json!({ "claim": "gone", "exists": false }), true),
        (json!({ "claim": "nobody", "exists": false }), true),
        (json!({ "claim": "sub", "exists": false }), false),
        (json!({ "claim": "/org/id", "equals": "t1" }), true),
        (json!({ "claim": "/org/a~1b", "contains": "x" }), true),
        (json!({ "claim": "/roles/1", "equals": "ops" }), true),
        (json!({ "claim": "/roles/01", "equals": "ops" }), false),
        (json!({ "claim": "/sub/0", "exists": true }), false),
        (json!({ "claim": "/", "equals": "empty" }), true),
        (
            json!({ "claim": "https://example.com/tier", "equals": "one" }),
            true,
        ),
        (json!({ "not": { "claim": "nobody", "equals": "x" } }), true),
        (
            json!({ "all": [{ "claim": "sub", "exists": true }, { "claim": "level", "equals": 4 }] }),
            false,
        ),
        (
            json!({ "any": [{ "claim": "sub", "exists": false }, { "claim": "level", "equals": 3 }] }),
            true,
        ),
    ];
    for (written, holds) in cases {
        assert_eq!(rule(&written).holds(&claims()), holds, "{written}");
    }
}

#[test]
fn what_is_no_object_has_no_claims() {
    let exists = rule(&json!({ "claim": "0", "exists": true }));
    for claims in [json!(["a"]), json!("a"), json!(null)] {
        assert!(!exists.holds(&claims), "{claims}");
    }
}

#[test]
fn numbers_are_compared_by_value() {
    let cases = [
        (json!(u64::MAX), json!(u64::MAX), true),
        (json!(u64::MAX), json!(u64::MAX - 1), false),
        (json!(i64::MIN), json!(i64::MIN), true),
        (json!(-1), json!(u64::MAX), false),
        (json!(0.1), json!(0.1), true),
        (json!(1e3), json!(1000), true),
    ];
    for (written, found, same) in cases {
        let rule = rule(&json!({ "claim": "n", "equals": written }));
        assert_eq!(
            rule.holds(&json!({ "n": found })),
            same,
            "{written} {found}"
        );
    }
}

#[test]
fn everything_wrong_is_reported_at_its_place() {
    let wrong = json!({ "any": [
        {},
        { "claim": "a" },
        { "claim": "a", "equals": 1, "exists": true },
        { "equals": 1 },
        { "claim": "", "exists": true },
        { "claim": "/a~2", "exists": true },
        { "claim": "a", "equals": null },
        { "claim": "a", "equals": [1] },
        { "claim": "a", "one-of": [] },
        { "claim": "a", "one-of": [1, { "b": 2 }] },
        { "claim": "a", "prefix": "" },
        { "all": [] },
        { "all": [{ "claim": "a", "exists": true }], "not": { "claim": "a", "exists": true } },
        { "claim": "a", "exists": true, "any": [] },
        { "not": { "not": {} } },
    ] });
    let pointers: Vec<_> = problems(&wrong)
        .into_iter()
        .map(|problem| problem.pointer)
        .collect();
    let expected = [
        "0",
        "1",
        "2",
        "3",
        "4/claim",
        "5/claim",
        "6/equals",
        "7/equals",
        "8/one-of",
        "9/one-of/1",
        "10/prefix",
        "11/all",
        "12",
        "13",
        "14/not/not",
    ];
    assert_eq!(
        pointers,
        expected.map(|place| format!("/require/any/{place}"))
    );
}

#[test]
fn a_misspelt_test_is_named() {
    let problem = problems(&json!({ "any": [{ "claim": "a", "equal": 1 }] })).remove(0);
    assert_eq!(problem.pointer, "/any/0/equal");
    assert!(problem.message.contains("`equals`"), "{problem:?}");
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |depth: usize| {
        (1..depth).fold(
            json!({ "claim": "a", "exists": true }),
            |inner, _| json!({ "not": inner }),
        )
    };
    assert!(rule(&nested(15)).holds(&json!({ "a": 1 })));
    assert!(problems(&nested(17))[0].message.contains("16 deep"));
    let endless = format!("{}{}", r#"{"not":"#.repeat(100_000), "}".repeat(100_000));
    assert!(config::parse::<RuleConfig>(&endless).is_err());
    let many: Vec<_> = (0..2000).collect();
    let many = json!({ "claim": "a", "one-of": many });
    assert!(problems(&many)[0].message.contains("1000"));
}

#[test]
fn a_rule_names_the_claims_that_it_asks_for() {
    let rule = rule(&json!({ "any": [
        { "claim": "/org/id", "exists": true },
        { "all": [{ "claim": "sub", "equals": "ada" }, { "not": { "claim": "org", "exists": true } }] },
    ] }));
    let members: Vec<_> = rule.claims().iter().map(|path| path.member()).collect();
    assert_eq!(members, ["org", "sub", "org"]);
}

#[test]
fn a_path_is_shown_as_a_pointer() {
    let pointer = |text: &str| ClaimPath::new(text).map(|path| path.pointer().to_owned());
    assert_eq!(pointer("sub").unwrap(), "/sub");
    assert_eq!(pointer("a/b~").unwrap(), "/a~1b~0");
    assert_eq!(pointer("/a/b").unwrap(), "/a/b");
    assert!(pointer("").is_err() && pointer("/~").is_err());
}

#[test]
fn the_schema_tells_right_from_wrong_forms() {
    let schema: Value = serde_json::from_str(&config::schema::<RuleConfig>()).unwrap();
    assert_eq!(schema["oneOf"].as_array().map(Vec::len), Some(9));
    let items = &schema["oneOf"][0]["properties"]["all"]["items"];
    assert!(items["$ref"].is_string(), "{schema}");
}

/// What a rule means, read straight off its JSON.
fn model(rule: &Value, claims: &Value) -> bool {
    let list = |key: &str| rule[key].as_array().cloned();
    if let Some(rules) = list("all") {
        return rules.iter().all(|rule| model(rule, claims));
    }
    if let Some(rules) = list("any") {
        return rules.iter().any(|rule| model(rule, claims));
    }
    if rule["not"].is_object() {
        return !model(&rule["not"], claims);
    }
    let found = claims.pointer(rule["claim"].as_str().unwrap());
    let found = found.filter(|found| !found.is_null());
    if let Some(exists) = rule["exists"].as_bool() {
        return found.is_some() == exists;
    }
    match found {
        None => false,
        Some(found) if rule["equals"] != Value::Null => rule["equals"] == *found,
        Some(found) if rule["one-of"] != Value::Null => list("one-of").unwrap().contains(found),
        Some(Value::Array(found)) => found.contains(&rule["contains"]),
        Some(found) => found.as_str().is_some_and(|text| {
            let mut words = text.split(' ');
            words.any(|word| rule["contains"] == word)
        }),
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..3_u8).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec!["a", "b", "a b"]).prop_map(Value::from),
    ]
}

fn claim() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["/a", "/b", "/c/a", "/c/0"])
}

fn written() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (claim(), scalar()).prop_map(|(claim, value)| json!({ "claim": claim, "equals": value })),
        (claim(), scalar()).prop_map(|(claim, value)| json!({ "claim": claim, "contains": value })),
        (claim(), prop::collection::vec(scalar(), 1..4))
            .prop_map(|(claim, values)| json!({ "claim": claim, "one-of": values })),
        (claim(), any::<bool>()).prop_map(|(claim, is)| json!({ "claim": claim, "exists": is })),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|rules| json!({ "all": rules })),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|rules| json!({ "any": rules })),
            inner.prop_map(|rule| json!({ "not": rule })),
        ]
    })
}

fn told() -> impl Strategy<Value = Value> {
    let list = || prop::collection::vec(scalar(), 0..3).prop_map(Value::from);
    let value = || prop_oneof![Just(Value::Null), scalar(), list()];
    let inner = prop_oneof![value(), value().prop_map(|value| json!({ "a": value }))];
    (value(), value(), inner).prop_map(|(a, b, c)| json!({ "a": a, "b": b, "c": c }))
}

proptest! {
    #[test]
    fn rules_mean_what_the_model_says(written in written(), claims in told()) {
        let rule = rule(&written);
        prop_assert_eq!(rule.holds(&claims), model(&written, &claims));
        let one_by_one = rule.holds_with(|path| claims.pointer(path.pointer()).cloned());
        prop_assert_eq!(rule.holds(&claims), one_by_one);
    }

    #[test]
    fn not_turns_every_rule_round(written in written(), claims in told()) {
        let not = rule(&json!({ "not": written }));
        prop_assert_eq!(not.holds(&claims), !rule(&written).holds(&claims));
    }

    /// Whatever is written is compiled or refused, and does not trap.
    #[test]
    fn no_path_and_no_text_breaks_it(path in ".{0,20}", text in ".{0,20}", claims in told()) {
        let written = json!({ "claim": path, "prefix": text });
        let written: RuleConfig = config::parse(&written.to_string()).unwrap();
        if let Ok(rule) = Rule::compile(written, "") {
            let _ = rule.holds(&claims);
        }
    }
}
