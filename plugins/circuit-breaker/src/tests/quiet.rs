//! What the gateway may count by itself: nothing that the judgement would see otherwise.

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
};
use witgate_plugin::{Outcome as Ended, Summary, gates::Quiet};

use super::*;
use crate::{breaker::Call, weights::Outcome};

const WELL: Call = Call {
    outcome: Outcome::Success,
    slow: false,
};

const NAMES: [&str; 7] = [
    "UNKNOWN",
    "NOT_FOUND",
    "INTERNAL",
    "timeout",
    "reset",
    "client-gone",
    "noted",
];

/// As the documentation of `quiet` says.
fn has(quiet: &Quiet, ended: &Ended) -> bool {
    let is_success = match (ended.grpc_status, ended.status) {
        (Some(code), _) => quiet.grpc_statuses.contains(&code),
        (None, Some(status)) => quiet.statuses.iter().any(|range| range.contains(&status)),
        (None, None) => false,
    };
    let millis = |time: Duration| Duration::from_millis(time.as_millis() as u64);
    let limit = quiet.time_to_head.map(millis);
    let in_time = limit.is_none_or(|limit| ended.time_to_head.is_some_and(|time| time <= limit));
    ended.ending == Ending::Complete && !ended.noted && is_success && in_time
}

fn settings() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![
        (1..6_u16).prop_map(|class| format!("{class}xx")),
        (100..600_u16).prop_map(|status| status.to_string()),
        proptest::sample::select(&NAMES[..]).prop_map(String::from),
    ];
    let weight = prop_oneof![Just(0.0), Just(0.5), Just(2.0)];
    let slow = option::of(1..2_000_u64);
    (btree_map(kind, weight, 0..8), slow, any::<bool>()).prop_map(|(weights, slow, ratio)| {
        let mut settings = json!({ "weights": weights });
        if let Some(slow) = slow {
            settings["slow"] = format!("{slow}ms").into();
        }
        if ratio {
            settings["ratio"] = "50%".into();
        }
        settings
    })
}

fn summary() -> impl Strategy<Value = TestSummary> {
    let ending = prop_oneof![
        6 => Just(Ending::Complete),
        1 => Just(Ending::ClientGone),
        1 => Just(Ending::UpstreamFailed),
        1 => Just(Ending::Timeout),
        1 => Just(Ending::AnsweredHere),
    ];
    let status = option::weighted(0.9, prop_oneof![100..600_u16, 600..1000_u16]);
    let grpc = option::weighted(0.3, prop_oneof![0..17_u32, 17..256_u32]);
    let micros = option::weighted(0.9, 0..2_500_000_u64);
    let parts = (ending, status, grpc, micros, proptest::bool::weighted(0.1));
    parts.prop_map(|(ending, status, grpc, micros, noted)| {
        let mut summary = TestSummary::new(ending, status);
        if let Some(grpc) = grpc {
            summary = summary.grpc_status(grpc);
        }
        if let Some(micros) = micros {
            summary = summary.time_to_head(Duration::from_micros(micros));
        }
        if noted {
            summary.note("noted")
        } else {
            summary
        }
    })
}

fn judged(breaker: &CircuitBreaker, summary: &TestSummary) -> (Ended, Call) {
    summary.read(|summary: &Summary| (summary.outcome(), breaker.0.ended(summary)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_quiet_succeeded_and_was_not_slow(
        settings in settings(),
        summaries in vec(summary(), 1..60),
    ) {
        let breaker = breaker(&settings);
        let quiet = gates::definition(CIRCUIT).unwrap().quiet.unwrap();
        for summary in summaries {
            let (ended, call) = judged(&breaker, &summary);
            let is_quiet = has(&quiet, &ended);
            prop_assert!(!is_quiet || call == WELL, "{ended:?} {call:?}");
            // And where there is nothing to be careful about, what succeeded is quiet.
            let plain = ended.ending == Ending::Complete
                && !ended.noted
                && ended.status.is_some()
                && ended.time_to_head.is_some()
                && ended.grpc_status.is_none_or(|code| code <= 16);
            prop_assert!(is_quiet || !plain || call != WELL, "{ended:?}");
        }
    }
}

#[test]
fn the_gateway_is_told_what_is_quiet() {
    let quiet = |settings: &Value| {
        breaker(settings);
        gates::definition(CIRCUIT).unwrap().quiet.unwrap()
    };
    let expected = Quiet {
        statuses: vec![100..=499, 600..=999],
        grpc_statuses: vec![0, 1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 16],
        time_to_head: None,
    };
    assert_eq!(quiet(&Value::Null), expected);
    let weights = json!({ "429": 0.5, "5xx": 0, "503": 1, "UNAVAILABLE": 0, "OUT_OF_RANGE": 2 });
    let expected = Quiet {
        statuses: vec![100..=428, 430..=502, 504..=999],
        grpc_statuses: vec![0, 1, 3, 5, 6, 7, 8, 9, 10, 12, 14, 16],
        time_to_head: Some(Duration::from_millis(250)),
    };
    assert_eq!(
        quiet(&json!({ "slow": "250ms", "weights": weights })),
        expected
    );
    // However finely the statuses are divided, the gateway takes them.
    let each_other = (100..600)
        .step_by(2)
        .map(|status| (status.to_string(), 1.0));
    let weights: std::collections::BTreeMap<_, _> = each_other.collect();
    assert_eq!(quiet(&json!({ "weights": weights })).statuses.len(), 201);
}
