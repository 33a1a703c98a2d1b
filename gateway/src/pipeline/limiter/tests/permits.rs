//! How many at a time.

use std::thread;

use proptest::prelude::*;

use super::{super::Cause, Limits, ask, limit, read};

fn under_way(limits: &Limits, name: &str) -> u64 {
    limits.counts()[name].under_way
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// However permits come and go, no more are out than may be, and none is lost: some: a question of that key, none: the
    /// end of one of those that are under way.
    #[test]
    fn permits_never_leak(
        most in 1..5u32,
        most_keys in 1..4u32,
        steps in prop::collection::vec(prop::option::of(0..6usize), 1..200),
    ) {
        let limits = Limits::default();
        let yaml = format!(
            "one: {{ by: tenant, concurrency: {most}, rates: 100000/s, max-keys: {most_keys} }}"
        );
        let limit = read(&limits, &yaml).get("one").unwrap().clone();
        let names = ["a", "b", "c", "d", "e", "f"];
        let mut held: Vec<(usize, super::super::Admission)> = Vec::new();
        for (now, step) in steps.into_iter().enumerate() {
            let Some(key) = step else {
                if !held.is_empty() {
                    held.swap_remove(now % held.len());
                }
                continue;
            };
            let mine = held.iter().filter(|(held, _)| *held == key).count();
            match ask(&limit, Some(names[key]), 1, now as u64) {
                Ok(admission) => {
                    prop_assert!(admission.permit.is_some());
                    prop_assert!(mine < most as usize);
                    held.push((key, admission));
                }
                // Others may stand for it, in a crowd that there is no room for.
                Err(refused) => {
                    prop_assert_eq!(refused.cause, Cause::Concurrency);
                    prop_assert!(held.len() >= most as usize);
                }
            }
            prop_assert_eq!(under_way(&limits, "one"), held.len() as u64);
        }
        held.clear();
        prop_assert_eq!(under_way(&limits, "one"), 0);
    }
}

/// A refused rate holds no permit, and a refused permit takes nothing from a rate.
#[test]
fn one_does_not_cost_the_other() {
    let limits = Limits::default();
    let limit = read(&limits, "one: { rates: 2/h, concurrency: 1 }");
    let limit = limit.get("one").unwrap();
    let first = ask(limit, None, 1, 0).unwrap();
    for _ in 0..5 {
        assert_eq!(
            ask(limit, None, 1, 0).unwrap_err().cause,
            Cause::Concurrency
        );
    }
    drop(first);
    drop(ask(limit, None, 1, 0).unwrap());
    for _ in 0..5 {
        assert_eq!(ask(limit, None, 1, 0).unwrap_err().cause, Cause::Rate);
    }
    assert_eq!(under_way(&limits, "one"), 0);
}

#[test]
fn workers_share_permits() {
    let limit = limit("concurrency: 10");
    let held: usize = thread::scope(|scope| {
        let work = || {
            (0..50)
                .filter_map(|_| ask(&limit, None, 1, 0).ok())
                .collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        let held: Vec<_> = workers.into_iter().map(|it| it.join().unwrap()).collect();
        held.iter().map(Vec::len).sum()
    });
    assert_eq!(held, 10);
    assert!(ask(&limit, None, 1, 0).is_ok(), "all have been given back");
}
