//! From one reading of `witgate.yaml` to the next, and what is refused.

use std::sync::Arc;

use super::{Limits, admitted, ask, declare, read};

const HOUR: u64 = 3600 * 1_000_000_000;

fn one(limits: &Limits, yaml: &str) -> Arc<super::Limit> {
    let limiters = read(limits, &format!("one: {{ {yaml} }}"));
    Arc::clone(limiters.get("one").unwrap())
}

#[test]
fn a_limit_that_did_not_change_is_the_same() {
    let limits = Limits::default();
    let before = one(&limits, "by: tenant, rates: 10/h");
    assert_eq!(admitted(&before, Some("a"), 20, 0), 10);
    let after = one(&limits, "rates: [10/h], by: [tenant]");
    assert!(Arc::ptr_eq(&before, &after));
}

#[test]
fn a_limit_that_changed_goes_on_with_its_counts() {
    for by in ["", "by: tenant, "] {
        let limits = Limits::default();
        let before = one(&limits, &format!("{by}rates: 10/h"));
        assert_eq!(admitted(&before, Some("a"), 20, 0), 10);
        let after = one(
            &limits,
            &format!("{by}rates: 20/h, cost: 2, headers: false"),
        );
        assert!(!Arc::ptr_eq(&before, &after));
        assert_eq!(
            admitted(&after, Some("a"), 20, 0),
            0,
            "it is as empty as before"
        );
        assert_eq!(
            admitted(&after, Some("a"), 20, HOUR / 2),
            10,
            "and fills faster"
        );
    }
}

/// A rate that was slower leaves no more behind than the new one can owe.
#[test]
fn a_narrow_rate_does_not_haunt_a_wide_one() {
    let limits = Limits::default();
    let before = one(&limits, "rates: 10/h");
    assert_eq!(admitted(&before, None, 20, 0), 10);
    let after = one(&limits, "rates: 3600/h, burst: 10");
    assert_eq!(admitted(&after, None, 20, 0), 0);
    assert_eq!(
        admitted(&after, None, 20, HOUR / 360),
        10,
        "ten seconds later"
    );
}

#[test]
fn permits_outlive_a_change() {
    let limits = Limits::default();
    let before = one(&limits, "concurrency: 2");
    let held = [ask(&before, None, 1, 0), ask(&before, None, 1, 0)];
    assert!(ask(&before, None, 1, 0).is_err());
    let after = one(&limits, "concurrency: 3");
    let third = ask(&after, None, 1, 0);
    assert!(third.is_ok() && ask(&after, None, 1, 0).is_err());
    drop((held, third));
    assert_eq!(
        (0..9).filter_map(|_| ask(&after, None, 1, 0).ok()).count(),
        9
    );
}

#[test]
fn what_is_refused_changes_nothing() {
    let limits = Limits::default();
    let live = read(&limits, "one: { rates: 1/h }");
    assert!(declare(&limits, "one: { rates: 0/h }").is_err());
    assert!(Arc::ptr_eq(&limits.declared(), &live));
    let tried = declare(&limits, "two: { rates: 1/h }").unwrap();
    assert!(Arc::ptr_eq(&limits.declared(), &tried));
    assert!(Arc::ptr_eq(&limits.live(), &live));
    limits.withdraw();
    assert!(Arc::ptr_eq(&limits.declared(), &live));
    assert_eq!(live.differences(&tried).len(), 2);
}

#[test]
fn nonsense_is_refused_with_what_to_write_instead() {
    let said = |yaml: &str| {
        let problems = declare(&Limits::default(), yaml).unwrap_err();
        let [problem] = &problems[..] else {
            panic!("{yaml}: {problems:#?}")
        };
        let hint = problem.hint.clone().unwrap_or_default();
        assert!(problem.span.line > 0, "{yaml}");
        format!("{}; {hint}", problem.message)
    };
    for (yaml, expected) in [
        (
            "one: { rates: 0/s }",
            "a limit of 0 admits nobody; write at least 1; to close a route, write `respond:",
        ),
        (
            "one: { rates: 1/s, burst: 0 }",
            "a limit of 0 admits nobody",
        ),
        ("one: { concurrency: 0 }", "a limit of 0 admits nobody"),
        (
            "one: { by: tenant }",
            "it limits nothing; write `rates: 10/s`",
        ),
        (
            "one: { rates: 1/s, by: tennant }",
            "requests cannot be counted by `tennant`; one of `route`",
        ),
        (
            "one: { rates: 1/s, by: 'header:a b' }",
            "requests cannot be counted by `header:a b`",
        ),
        (
            "one: { rates: 1/s, by: [tenant, tenant] }",
            "`tenant` is there twice",
        ),
        ("one: { rates: 1/s, cost: 0 }", "a cost of 0 is no cost"),
        (
            "one: { rates: [5/s, 100/h], cost: 6 }",
            "a request of cost 6 never passes; 1 to 5",
        ),
        (
            "one: { concurrency: 5, cost: 6 }",
            "without `rates`, nothing has a cost",
        ),
        (
            "one: { concurrency: 5, burst: 6 }",
            "there is no rate that a burst belongs to",
        ),
        (
            "one: { concurrency: 5, warm-up: 6s }",
            "there is no rate that could warm up",
        ),
        (
            "one: { rates: 1/s, warm-up: 0s }",
            "a warm-up of no time is none",
        ),
        (
            "one: { rates: [1/m, 2/60s] }",
            "there is another rate with the same period",
        ),
        (
            "one: { rates: [1/s, 2/m, 3/h, 4/d, 5/2d] }",
            "there are more than 4 rates",
        ),
        (
            "one: { rates: 1000001/s }",
            "that cannot be counted; at most a million in a second",
        ),
        ("one: { rates: 1/366d, burst: 2 }", "that cannot be counted"),
        (
            "one: { rates: 1/s, missing: skip }",
            "there is always a key to count by",
        ),
        (
            "one: { rates: 1/s, by: address, max-keys: 0 }",
            "`0` keys cannot be kept; 1 to 10000000",
        ),
        (
            "one: { rates: 1/s, max-keys: 5 }",
            "there are no keys without `by`",
        ),
        (
            "one: { rates: 1/s, name: two }",
            "a limit has its name before the colon",
        ),
        (
            "\"a b\": { rates: 1/s }",
            "`a b` is not a name for a rate limit",
        ),
    ] {
        let said = said(yaml);
        assert!(said.starts_with(expected), "{yaml}: {said}");
    }
}
