//! What is written, in short and in full, and what is wrong with it.

use serde_json::{Value, json};
use witgate_plugin::testing;

use super::{CIRCUIT, CircuitBreaker, breaker, gates};

fn problems(settings: &Value) -> Vec<(String, String)> {
    testing::reset();
    let problems = testing::configure::<CircuitBreaker>(&settings.to_string());
    let problems = problems.err().unwrap_or_default().into_iter();
    problems
        .map(|problem| (problem.pointer, problem.message))
        .collect()
}

fn pointers(settings: &Value) -> Vec<String> {
    let problems = problems(settings).into_iter();
    problems.map(|(pointer, _)| pointer).collect()
}

#[test]
fn short_forms_are_those_in_full() {
    for (short, full) in [
        (json!(null), json!({ "failures": 3 })),
        (json!({}), json!({ "scope": [] })),
        (
            json!({ "scope": "tenant" }),
            json!({ "scope": ["upstream", "tenant"] }),
        ),
        (
            json!({ "ratio": "60%" }),
            json!({ "ratio": { "window": "60s", "minimum-calls": 20 } }),
        ),
        (
            json!({ "slow": "800ms" }),
            json!({ "slow": { "share": "50%", "window": "30s" } }),
        ),
        (
            json!({ "half-open": { "probes": 2 } }),
            json!({ "half-open": { "probes": 2, "successes": 2 }, "max-open": "60s" }),
        ),
    ] {
        let settings = |written| format!("{:?}", breaker(written).0.settings());
        assert_eq!(settings(&short), settings(&full), "{short}");
    }
}

#[test]
fn a_place_is_part_of_every_scope() {
    for (written, scope) in [
        (json!("route"), vec!["route"]),
        (json!("consumer"), vec!["upstream", "consumer"]),
        (
            json!(["claim:/org/id", "endpoint"]),
            vec!["claim:/org/id", "endpoint"],
        ),
    ] {
        breaker(&json!({ "scope": written }));
        assert_eq!(gates::definition(CIRCUIT).unwrap().scope, scope);
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let wrong = json!({
        "name": "Orders",
        "scope": ["route", "upstream", "tenants", "route", "claim:org"],
        "failures": 0,
        "ratio": { "window": "10ms", "minimum-calls": 0 },
        "slow": { "longer-than": "0s", "window": "2h" },
        "open": "0s",
        "half-open": { "probes": 0, "successes": 1001 },
        "ramp-up": "0s",
        "weights": { "700": 1, "OOPS": 1, "reset": -1 },
        "fallback": { "respond": { "status": 99, "headers": { "a b": "c", "d": "e\nf" } } },
    });
    assert_eq!(
        pointers(&wrong),
        [
            "/name",
            "/scope/2",
            "/scope/3",
            "/scope/4",
            "/scope",
            "/slow/longer-than",
            "/failures",
            "/ratio/window",
            "/ratio/minimum-calls",
            "/slow/window",
            "/half-open/successes",
            "/open",
            "/ramp-up",
            "/half-open/probes",
            "/weights/700",
            "/weights/OOPS",
            "/weights/reset",
            "/fallback/respond/status",
            "/fallback/respond/headers/a b",
            "/fallback/respond/headers/d",
        ]
    );
}

#[test]
fn what_cannot_be_read_is_told_with_what_to_write() {
    for (settings, pointer, message) in [
        (
            json!({ "ratio": "60" }),
            "/ratio",
            "invalid value: string, expected a share, as `60%`, or a map with `share`, `window` and `minimum-calls`",
        ),
        (
            json!({ "ratio": 0.6 }),
            "/ratio",
            "invalid type: floating, expected a share, as `60%`, or a map with `share`, `window` and `minimum-calls`",
        ),
        (
            json!({ "ratio": { "share": "0%" } }),
            "/ratio/share",
            "this is no share of calls; write `1%` to `100%`, as `60%`",
        ),
        (
            json!({ "slow": { "longer": "1s" } }),
            "/slow/longer",
            "unknown field `longer`, expected one of `longer-than`, `share`, `window`, `minimum-calls`",
        ),
        (
            json!({ "open": "500ms", "max-open": "100ms" }),
            "/max-open",
            "this is less than `open`; write 500ms at least",
        ),
        (
            json!({ "fallback": {} }),
            "/fallback",
            "write `respond` or `to`, and one of them only",
        ),
        (json!({ "failures": 0 }), "/failures", "write 1 to 1000000"),
        (json!({ "open": "25h" }), "/open", "write `10ms` to `24h`"),
    ] {
        let expected = (pointer.to_owned(), message.to_owned());
        assert_eq!(problems(&settings), [expected], "{settings}");
    }
}

/// Every setting says what it does.
#[test]
fn every_setting_is_documented() {
    fn undocumented(schema: &Value, path: &str, found: &mut Vec<String>) {
        let properties = schema["properties"].as_object().into_iter().flatten();
        for (name, property) in properties {
            if property["description"].as_str().is_none_or(str::is_empty) {
                found.push(format!("{path}/{name}"));
            }
        }
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            undocumented(definition, &format!("{path}/{name}"), found);
        }
    }
    let schema: Value = serde_json::from_str(&testing::schema::<CircuitBreaker>()).unwrap();
    assert_eq!(schema["properties"].as_object().unwrap().len(), 11);
    let mut found = Vec::new();
    undocumented(&schema, "", &mut found);
    assert!(found.is_empty(), "{found:?}");
}
