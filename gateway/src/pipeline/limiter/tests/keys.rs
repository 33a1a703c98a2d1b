//! Whom is counted, how many of them, and for how long.

use super::{super::Cause, Limits, admitted, ask, at, limit, read};

const SECOND: u64 = 1_000_000_000;

fn sweep(limits: &Limits, now: u64) {
    limits.sweep_now(at(now));
}

fn keys(limits: &Limits) -> u64 {
    limits.counts()["one"].keys
}

#[test]
fn each_key_counts_for_itself() {
    let limit = limit("by: tenant, rates: 3/s");
    for tenant in 0..10_000 {
        let tenant = tenant.to_string();
        assert_eq!(admitted(&limit, Some(&tenant), 5, 0), 3);
    }
}

#[test]
fn keys_are_forgotten_when_they_are_as_good_as_new() {
    let limits = Limits::default();
    let limit = read(&limits, "one: { by: tenant, rates: 1/10s, concurrency: 5 }");
    let limit = limit.get("one").unwrap();
    for tenant in 0..5_000 {
        assert!(ask(limit, Some(&tenant.to_string()), 1, 0).is_ok());
    }
    let held = ask(limit, Some("busy"), 1, 0).unwrap();
    assert_eq!(keys(&limits), 5_001);
    sweep(&limits, 9 * SECOND);
    assert_eq!(keys(&limits), 5_001, "they owe something");
    sweep(&limits, 10 * SECOND);
    assert_eq!(keys(&limits), 1, "somebody is busy");
    drop(held);
    sweep(&limits, 10 * SECOND);
    assert_eq!(keys(&limits), 0);
}

/// A warm key is not as good as a new one.
#[test]
fn warm_keys_stay() {
    let limits = Limits::default();
    let limit = read(&limits, "one: { by: tenant, rates: 1000/s, warm-up: 10s }");
    assert!(ask(limit.get("one").unwrap(), Some("acme"), 1, 0).is_ok());
    sweep(&limits, 5 * SECOND);
    assert_eq!(keys(&limits), 1);
    sweep(&limits, 10 * SECOND);
    assert_eq!(keys(&limits), 0);
}

/// However many keys somebody makes up, memory is bounded and nobody gets more than the rate: those that there is no room
/// for share one count.
#[test]
fn keys_beyond_the_bound_share_one_count() {
    let limits = Limits::default();
    let limit = read(&limits, "one: { by: tenant, rates: 2/s, max-keys: 100 }");
    let limit = limit.get("one").unwrap();
    let known: usize = (0..100)
        .map(|key| admitted(limit, Some(&key.to_string()), 5, 0))
        .sum();
    assert_eq!((known, keys(&limits)), (200, 100));
    let crowd: usize = (100..10_000)
        .map(|key| admitted(limit, Some(&key.to_string()), 1, 0))
        .sum();
    assert_eq!((crowd, keys(&limits)), (2, 100));
    assert_eq!(limits.counts()["one"].crowded, 9_900);
    assert!(
        ask(limit, Some("0"), 1, SECOND / 2).is_ok(),
        "a known key is as it was"
    );
    sweep(&limits, 5 * SECOND);
    assert_eq!(
        admitted(limit, Some("10001"), 5, 5 * SECOND),
        2,
        "there is room again"
    );
}

#[test]
fn long_keys_cost_no_memory() {
    let limit = limit("by: tenant, rates: 1/h");
    let long = "x".repeat(1 << 20);
    let other = format!("{long}y");
    for key in [&long, &other] {
        assert_eq!(admitted(&limit, Some(key), 3, 0), 1);
    }
    assert_eq!(size_of::<super::Key>(), 16);
}

#[test]
fn who_has_no_key_is_counted_as_written() {
    let shared = limit("by: tenant, rates: 2/h");
    assert_eq!(admitted(&shared, None, 5, 0), 2);
    let skipped = limit("by: tenant, rates: 2/h, missing: skip");
    assert_eq!(admitted(&skipped, None, 5, 0), 5);
    let refused = limit("by: tenant, rates: 2/h, missing: refuse");
    assert_eq!(ask(&refused, None, 1, 0).unwrap_err().cause, Cause::Key);
    for limit in [shared, skipped, refused] {
        assert_eq!(admitted(&limit, Some("acme"), 5, 0), 2);
    }
}
