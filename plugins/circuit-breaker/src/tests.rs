//! The policy as the gateway drives it: calls pass a gate and end, and the circuit shows how it stands.

mod insight;
mod model;
mod quiet;
mod settings;

use std::time::Duration;

use serde_json::{Value, json};
use witgate_plugin::{
    Ending, Reply,
    gates::{FailedTry, Fallback, Position, Stance},
    testing::{
        self, Exchange, TestRequest, TestSummary,
        gates::{self, Entry, State, Transition},
    },
};

use super::CircuitBreaker;

const CIRCUIT: &str = "circuit";
const CELL: &str = "orders";

fn breaker(settings: &Value) -> CircuitBreaker {
    testing::reset();
    testing::configure(&settings.to_string()).unwrap()
}

fn enter() -> Option<Entry> {
    gates::enter(CIRCUIT, CELL)
}

fn state() -> State {
    gates::state(CIRCUIT, CELL)
}

fn last_transition() -> Transition {
    gates::transitions(CIRCUIT, CELL).pop().unwrap()
}

fn end(breaker: &CircuitBreaker, entry: Entry, summary: &TestSummary) {
    gates::end_next([entry]);
    Exchange::new(breaker, TestRequest::get("/")).on_end(summary);
}

fn complete(status: u16) -> TestSummary {
    TestSummary::new(Ending::Complete, Some(status))
}

/// One call after the other.
fn call(breaker: &CircuitBreaker, summary: &TestSummary) {
    let entry = enter().expect("the call passes");
    end(breaker, entry, summary);
}

fn advance(millis: u64) {
    testing::advance(Duration::from_millis(millis));
}

#[test]
fn three_failures_in_a_row_open_for_a_minute() {
    let breaker = breaker(&Value::Null);
    for status in [500, 503, 200, 500, 404, 500, 502] {
        call(&breaker, &complete(status));
        assert_eq!(state(), State::Closed, "{status}");
    }
    call(
        &breaker,
        &TestSummary::new(Ending::UpstreamFailed, Some(502)),
    );
    let opened = Transition {
        to: Position::Open {
            during: Duration::from_secs(60),
            probes: 1,
        },
        kind: String::from("failures"),
        text: String::from("failures in a row: 3"),
    };
    assert_eq!(gates::transitions(CIRCUIT, CELL), [opened]);
    advance(59_999);
    assert!(enter().is_none());
    advance(1);
    let probe = enter().unwrap();
    assert_eq!(probe.stance(), Stance::HalfOpen);
    assert!(enter().is_none(), "there is one probe at a time");
    end(&breaker, probe, &complete(200));
    assert_eq!(state(), State::Closed);
}

#[test]
fn a_probe_that_fails_opens_again() {
    let breaker = breaker(&json!({ "failures": 1, "open": "1s" }));
    call(&breaker, &complete(500));
    advance(1000);
    call(&breaker, &complete(500));
    assert_eq!(
        (state(), last_transition().kind.as_str()),
        (State::Open, "probe-failed")
    );
}

#[test]
fn a_probe_that_says_nothing_makes_room_for_another() {
    let breaker = breaker(&json!({ "failures": 1, "open": "1s" }));
    call(&breaker, &complete(500));
    advance(1000);
    call(&breaker, &TestSummary::new(Ending::ClientGone, None));
    assert_eq!(state(), State::HalfOpen);
    call(&breaker, &complete(200));
    assert_eq!(state(), State::Closed);
}

#[test]
fn several_probes_must_succeed() {
    let half_open = json!({ "probes": 2, "successes": 3 });
    let breaker = breaker(&json!({ "failures": 1, "open": "1s", "half-open": half_open }));
    call(&breaker, &complete(500));
    advance(1000);
    let (first, second) = (enter().unwrap(), enter().unwrap());
    assert!(enter().is_none());
    end(&breaker, first, &complete(200));
    end(&breaker, second, &complete(200));
    assert_eq!(state(), State::HalfOpen);
    call(&breaker, &complete(200));
    assert_eq!(state(), State::Closed);
}

#[test]
fn what_began_before_the_circuit_moved_does_not_move_it() {
    let breaker = breaker(&json!({ "failures": 1, "open": "1s" }));
    let (late, later) = (enter().unwrap(), enter().unwrap());
    call(&breaker, &complete(500));
    advance(1000);
    end(&breaker, late, &complete(200));
    assert_eq!(state(), State::HalfOpen);
    call(&breaker, &complete(200));
    end(&breaker, later, &complete(500));
    assert_eq!(state(), State::Closed);
}

#[test]
fn a_share_of_failures_opens_once_there_are_enough_calls() {
    let breaker =
        breaker(&json!({ "ratio": { "share": "50%", "window": "2s", "minimum-calls": 6 } }));
    for status in [500, 500, 500, 500, 200, 200, 200, 200] {
        call(&breaker, &complete(status));
    }
    assert_eq!(state(), State::Closed, "a success never opens");
    call(&breaker, &complete(500));
    assert_eq!(last_transition().text, "failures in 2s: 5 of 9 calls");
    assert_eq!(last_transition().kind, "ratio");
}

#[test]
fn what_left_the_window_counts_no_more() {
    let breaker = breaker(&json!({ "ratio": { "window": "2s", "minimum-calls": 2 } }));
    call(&breaker, &complete(500));
    advance(2000);
    call(&breaker, &complete(500));
    assert_eq!(state(), State::Closed);
    call(&breaker, &complete(500));
    assert_eq!(state(), State::Open);
}

#[test]
fn slow_calls_open_though_they_succeed() {
    let breaker = breaker(&json!({ "slow": { "minimum-calls": 4 }, "open": "1s" }));
    let slow = complete(200).time_to_head(Duration::from_millis(801));
    let fast = complete(200).time_to_head(Duration::from_millis(800));
    for summary in [&fast, &fast, &slow] {
        call(&breaker, summary);
    }
    assert_eq!(state(), State::Closed);
    call(&breaker, &slow);
    assert_eq!(last_transition().text, "slow calls in 30s: 2 of 4");
    advance(1000);
    call(&breaker, &slow);
    assert_eq!(last_transition().kind, "probe-slow");
    advance(1000);
    call(&breaker, &fast);
    assert_eq!(state(), State::Closed);
}

#[test]
fn after_closing_the_share_grows() {
    let breaker = breaker(&json!({ "failures": 1, "open": "1s", "ramp-up": "10s" }));
    call(&breaker, &complete(500));
    advance(1000);
    call(&breaker, &complete(200));
    assert_eq!(state(), State::Ramp);
    let passed = (0..1000).filter(|_| enter().is_some()).count();
    assert!((50..150).contains(&passed), "{passed} of 1000 passed");
    advance(10_000);
    assert_eq!(state(), State::Closed);
}

#[test]
fn a_failure_while_the_share_grows_is_one_like_others() {
    let breaker = breaker(&json!({ "failures": 1, "open": "1s", "ramp-up": "10s" }));
    call(&breaker, &complete(500));
    advance(1000);
    call(&breaker, &complete(200));
    let passed = std::iter::repeat_with(enter).flatten().next().unwrap();
    end(&breaker, passed, &complete(500));
    assert_eq!(
        (state(), last_transition().kind.as_str()),
        (State::Open, "failures")
    );
}

#[test]
fn notes_weigh_what_is_written() {
    let weights = json!({ "token-invalid": 1.0, "issuer-unavailable": 0.5 });
    let breaker = breaker(&json!({ "failures": 3, "scope": "tenant", "weights": weights }));
    let refused = TestSummary::new(Ending::AnsweredHere, Some(401));
    for notes in [
        vec!["access-denied"],
        vec!["token-invalid"],
        vec!["issuer-unavailable", "access-denied"],
        vec!["introspection-failed", "token-invalid"],
    ] {
        assert_eq!(state(), State::Closed);
        let noted = notes.into_iter().fold(refused.clone(), TestSummary::note);
        call(&breaker, &noted);
    }
    assert_eq!(last_transition().text, "failures in a row: 3");
    assert_eq!(state(), State::Open);
}

#[test]
fn a_circuit_that_is_held_counts_nothing() {
    let breaker = breaker(&json!({ "failures": 1 }));
    gates::hold(CIRCUIT, CELL, Some(State::Closed));
    call(&breaker, &complete(500));
    gates::hold(CIRCUIT, CELL, None);
    assert_eq!(gates::transitions(CIRCUIT, CELL), []);
    call(&breaker, &complete(500));
    assert_eq!(state(), State::Open);
}

#[test]
fn each_endpoint_that_was_tried_has_its_own_outcome() {
    let breaker = breaker(&json!({ "failures": 1, "scope": "endpoint" }));
    let tries = [
        ("a", Some(FailedTry::Unreachable)),
        ("b", Some(FailedTry::ConnectTimeout)),
        ("c", Some(FailedTry::Status(429))),
        ("d", Some(FailedTry::GrpcStatus(14))),
        ("e", None),
    ];
    let entries = tries.map(|(cell, failed)| {
        let entry = gates::enter(CIRCUIT, cell).unwrap();
        match failed {
            Some(failed) => entry.failed(failed),
            None => entry,
        }
    });
    gates::end_next(entries);
    Exchange::new(&breaker, TestRequest::get("/")).on_end(&complete(200));
    let states = tries.map(|(cell, _)| gates::state(CIRCUIT, cell));
    let open = State::Open;
    assert_eq!(states, [open, open, State::Closed, open, State::Closed]);
}

#[test]
fn one_cell_does_not_open_another() {
    let breaker = breaker(&json!({ "failures": 2, "scope": ["upstream", "tenant"] }));
    for tenant in ["bad", "good"].repeat(3) {
        let Some(entry) = gates::enter(CIRCUIT, tenant) else {
            continue;
        };
        end(
            &breaker,
            entry,
            &complete(if tenant == "bad" { 500 } else { 200 }),
        );
    }
    assert_eq!(gates::state(CIRCUIT, "bad"), State::Open);
    assert_eq!(gates::state(CIRCUIT, "good"), State::Closed);
}

#[test]
fn the_gate_is_told_what_clients_get() {
    let fallback = |settings: &Value| {
        breaker(settings);
        gates::definition(CIRCUIT).unwrap().fallback
    };
    assert_eq!(fallback(&Value::Null), Fallback::Unavailable);
    let respond =
        json!({ "status": 200, "body": "{}", "headers": { "Content-Type": "application/json" } });
    let reply = Reply::new(200)
        .header("Content-Type", "application/json")
        .body("{}");
    assert_eq!(
        fallback(&json!({ "fallback": { "respond": respond } })),
        Fallback::Reply(reply)
    );
    let to = Fallback::Upstream {
        name: String::from("standby"),
        pointer: String::from("/fallback/to"),
    };
    assert_eq!(fallback(&json!({ "fallback": { "to": "standby" } })), to);
}
