//! What is said of a configuration without any exchange.

use serde_json::{Value, json};
use witgate_plugin::{Asked, Policy};

use super::breaker;

fn warnings(settings: &Value) -> Vec<String> {
    let warnings = breaker(settings).warnings().into_iter();
    warnings.map(|warning| warning.pointer).collect()
}

#[test]
fn what_is_probably_not_meant_is_told() {
    let ordinary = json!({ "ratio": "60%", "slow": { "window": "1s" }, "max-open": "10m" });
    assert_eq!(warnings(&ordinary), [""; 0]);
    let short = json!({ "minimum-calls": 100_000, "window": "1s" });
    assert_eq!(
        warnings(&json!({ "ratio": short, "slow": short })),
        ["/ratio/minimum-calls", "/slow/minimum-calls"]
    );
    let weights = json!({ "token-invalid": 1, "404": 1, "429": 1, "client-gone": 1 });
    assert_eq!(warnings(&json!({ "weights": weights })), ["/weights"]);
    assert_eq!(warnings(&json!({ "weights": { "429": 1 } })), [""; 0]);
    assert_eq!(
        warnings(&json!({ "weights": weights, "scope": "tenant" })),
        [""; 0]
    );
    let nothing = json!({
        "5xx": 0, "timeout": 0, "reset": 0, "introspection-failed": 0, "UNKNOWN": 0, "DEADLINE_EXCEEDED": 0,
        "INTERNAL": 0, "UNAVAILABLE": 0, "DATA_LOSS": 0,
    });
    assert_eq!(warnings(&json!({ "weights": nothing })), ["/weights"]);
    assert_eq!(
        warnings(&json!({ "weights": nothing, "slow": "1s" })),
        [""; 0]
    );
}

#[test]
fn what_it_does_is_explained() {
    let settings = json!({
        "scope": "tenant", "failures": 5, "ratio": "60%", "slow": { "window": "60s" }, "open": "1500ms",
        "max-open": "10m", "half-open": { "probes": 1, "successes": 2 }, "ramp-up": "10s",
        "fallback": { "to": "standby" },
    });
    let explained = breaker(&settings).explain(&Asked::default()).unwrap();
    let explained: Value = serde_json::from_str(&explained).unwrap();
    assert_eq!(
        explained,
        json!({
            "circuit": "circuit",
            "one for each": ["upstream", "tenant"],
            "opens": [
                "after failures in a row: 5",
                "when 60 % of the calls in 60s, of 20 at least, fail",
                "when 50 % of the calls in 60s, of 20 at least, take longer than 800ms",
            ],
            "stays open for": "1500ms",
            "after probes that fail": "twice as long, up to 600s",
            "then": "1 probe at a time; closes after 2 successes",
            "after closing": "10 % to 100 % of the calls pass over 10s",
            "while open": "the answer of the upstream `standby`",
        })
    );
}
