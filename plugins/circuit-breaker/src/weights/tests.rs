//! What counts, and how much.

use super::*;

fn weights(written: &[(&str, f64)]) -> Weights {
    let written = written
        .iter()
        .map(|(kind, weight)| ((*kind).to_owned(), *weight));
    let mut problems = Vec::new();
    let weights = Weights::new(&written.collect(), &mut problems);
    assert_eq!(problems, []);
    weights
}

fn ended(ending: Ending, status: u16) -> Ended<'static> {
    Ended {
        ending,
        status: Some(status),
        grpc: None,
        code: None,
        notes: &[],
    }
}

#[test]
fn what_the_upstream_did_counts() {
    let weights = Weights::default();
    let complete = |status| weights.judge(ended(Ending::Complete, status));
    assert_eq!(complete(200), Outcome::Success);
    assert_eq!(complete(404), Outcome::Success);
    assert_eq!(complete(500), Outcome::Failure(ONE));
    assert_eq!(complete(599), Outcome::Failure(ONE));
    assert_eq!(complete(999), Outcome::Success);
    let reset = ended(Ending::UpstreamFailed, 200);
    assert_eq!(weights.judge(reset), Outcome::Failure(ONE));
}

#[test]
fn what_others_did_does_not_count() {
    let weights = Weights::default();
    for (ending, status, code) in [
        (Ending::ClientGone, 499, None),
        (Ending::AnsweredHere, 503, None),
        (Ending::AnsweredHere, 503, Some("plugin-timeout")),
        (Ending::Timeout, 503, Some("plugin-timeout")),
        (Ending::Timeout, 408, Some("body-timeout")),
        (Ending::UpstreamFailed, 502, Some("upstream-body-too-large")),
    ] {
        let call = Ended {
            code,
            ..ended(ending, status)
        };
        assert_eq!(weights.judge(call), Outcome::Nothing, "{call:?}");
    }
    for code in [
        "upstream-timeout",
        "upstream-connect-timeout",
        "call-timeout",
    ] {
        let call = Ended {
            code: Some(code),
            ..ended(Ending::Timeout, 504)
        };
        assert_eq!(weights.judge(call), Outcome::Failure(ONE), "{call:?}");
    }
}

#[test]
fn a_grpc_call_is_judged_by_its_own_status() {
    let weights = weights(&[("NOT_FOUND", 2.0), ("INTERNAL", 0.0)]);
    for (grpc, expected) in [
        (0, Outcome::Success),
        (5, Outcome::Failure(2 * ONE)),
        (13, Outcome::Success),
        (14, Outcome::Failure(ONE)),
        (99, Outcome::Failure(ONE)),
    ] {
        let call = Ended {
            grpc: Some(grpc),
            ..ended(Ending::Complete, 200)
        };
        assert_eq!(weights.judge(call), expected, "{grpc}");
    }
}

#[test]
fn the_heaviest_counts() {
    let weights = weights(&[("5xx", 0.5), ("503", 2.0), ("token-invalid", 1.0)]);
    assert_eq!(weights.of_status(500), ONE / 2);
    assert_eq!(weights.of_status(503), 2 * ONE);
    let notes = ["token-invalid", "introspection-failed", "access-denied"].map(String::from);
    let noted = |status, from: usize| {
        let notes = &notes[from..];
        weights.judge(Ended {
            notes,
            ..ended(Ending::AnsweredHere, status)
        })
    };
    assert_eq!(noted(401, 0), Outcome::Failure(1500));
    assert_eq!(noted(403, 2), Outcome::Nothing);
    let failed = Ended {
        notes: &notes,
        ..ended(Ending::Complete, 503)
    };
    assert_eq!(weights.judge(failed), Outcome::Failure(2 * ONE));
}

#[test]
fn wrong_kinds_and_weights_are_told() {
    let wrong = [
        ("600", 1.0),
        ("6xx", 1.0),
        ("OK", 1.0),
        ("OOPS", 1.0),
        ("a_b", 1.0),
        ("", 1.0),
        ("reset", -1.0),
        ("timeout", 1001.0),
        ("client-gone", f64::NAN),
        ("5xx", 0.0001),
    ];
    for (kind, weight) in wrong {
        let mut problems = Vec::new();
        Weights::new(&BTreeMap::from([(kind.to_owned(), weight)]), &mut problems);
        assert_eq!(problems.len(), 1, "{kind}");
    }
}
