//! Bounds, times and claims of a memory.

use std::{
    collections::VecDeque,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{
    LONGEST_VALUE,
    memory::{MOST_BYTES, MOST_ENTRIES, Memories, Memory},
    shard::Shard,
};

#[test]
fn entries_end_with_their_time() {
    let memory = Memory::default();
    memory.set("a", b"1", None);
    memory.set("b", b"2", Some(Duration::from_secs(60)));
    memory.set("c", b"3", Some(Duration::ZERO));
    assert_eq!(memory.get("a").as_deref(), Some(&b"1"[..]));
    assert_eq!(memory.get("b").as_deref(), Some(&b"2"[..]));
    assert_eq!(memory.get("c"), None);
    memory.set("a", b"11", None);
    memory.delete("b");
    assert_eq!(memory.get("a").as_deref(), Some(&b"11"[..]));
    assert_eq!(memory.get("b"), None);
    assert_eq!(memory.size().0, 1);
}

#[test]
fn a_memory_keeps_its_bounds() {
    let memory = Memory::default();
    for n in 0..MOST_ENTRIES * 2 {
        memory.set(&n.to_string(), b"", None);
    }
    let (entries, bytes) = memory.size();
    assert!(
        entries <= MOST_ENTRIES && entries > MOST_ENTRIES / 2,
        "{entries}"
    );
    assert!(bytes <= MOST_BYTES);
    for n in 0..1000 {
        memory.set(&n.to_string(), &vec![0; LONGEST_VALUE], None);
        assert!(memory.get(&n.to_string()).is_some());
    }
    let (_, bytes) = memory.size();
    assert!(bytes <= MOST_BYTES && bytes > MOST_BYTES / 2, "{bytes}");
}

proptest! {
    /// Against a queue that is searched from end to end.
    #[test]
    fn those_not_used_longest_give_way(
        steps in proptest::collection::vec((0..4_u8, 0..12_u8, 0..300_usize), 0..200),
    ) {
        let mut shard = Shard::new(4 * 400, 5);
        let mut model = VecDeque::<(String, usize)>::new();
        let size = |(key, length): &(String, usize)| 128 + key.len() + length;
        for (what, key, length) in steps {
            let key = format!("k{key}");
            let known = model.iter().position(|(it, _)| *it == key);
            match what {
                0 | 1 => {
                    shard.set(&key, vec![0; length].into(), None);
                    known.and_then(|place| model.remove(place));
                    model.push_back((key, length));
                    while model.len() > 5 || model.iter().map(size).sum::<usize>() > 1600 {
                        model.pop_front();
                    }
                }
                2 => {
                    let got = shard.get(&key, Instant::now).map(|value| value.len());
                    let used = known.and_then(|place| model.remove(place));
                    prop_assert_eq!(got, used.as_ref().map(|it| it.1));
                    model.extend(used);
                }
                _ => {
                    shard.delete(&key);
                    known.and_then(|place| model.remove(place));
                }
            }
            prop_assert_eq!(shard.len(), model.len());
            prop_assert_eq!(shard.bytes(), model.iter().map(size).sum::<usize>());
        }
    }
}

#[test]
fn plugins_share_nothing_and_reloads_lose_nothing() {
    let memories = Memories::default();
    let one = memories.of(&"one".into());
    one.set("a", b"1", None);
    assert_eq!(memories.of(&"other".into()).get("a"), None);
    let again = memories.of(&"one".into());
    drop(one);
    assert!(again.get("a").is_some());
    let mut text = String::new();
    memories.render(&mut text);
    assert!(
        text.contains("witgate_kv_entries{plugin=\"one\"} 1\n"),
        "{text}"
    );
    assert!(!text.contains("plugin=\"other\""), "{text}");
    drop(again);
    assert!(memories.of(&"one".into()).get("a").is_none());
}

/// What would hang a test ends it.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, future).await.expect("in time")
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_claim_has_one_holder_and_is_free_when_dropped() {
    let memory = Memory::default();
    let held = memory.claims.acquire("a", LONG).unwrap();
    let other = memory.claims.acquire("b", LONG);
    assert!(other.is_ok(), "another key");
    let taken = memory.claims.acquire("a", LONG).unwrap_err();
    let freed = tokio::spawn(taken.freed());
    drop(held);
    soon(freed).await.unwrap();
    assert!(memory.claims.acquire("a", LONG).is_ok());
}

#[tokio::test]
async fn who_waits_for_a_claim_learns_that_the_key_is_set() {
    let memory = Memory::default();
    let _held = memory.claims.acquire("a", LONG).unwrap();
    let taken = memory.claims.acquire("a", LONG).unwrap_err();
    memory.set("b", b"", None);
    memory.set("a", b"1", None);
    soon(taken.freed()).await;
    assert!(memory.claims.acquire("a", LONG).is_err(), "still held");
}

#[tokio::test]
async fn a_claim_ends_with_its_lease() {
    let memory = Memory::default();
    let late = memory
        .claims
        .acquire("a", Duration::from_millis(1))
        .unwrap();
    while let Err(taken) = memory.claims.acquire("a", Duration::from_millis(1)) {
        soon(taken.freed()).await;
    }
    let _new = memory.claims.acquire("b", LONG).unwrap();
    let held = memory.claims.acquire("a", LONG);
    drop(late);
    // Whose lease is over takes nothing away from who came after.
    if held.is_ok() {
        assert!(memory.claims.acquire("a", LONG).is_err());
    }
}

#[test]
fn threads_never_hold_the_same_claim() {
    let memory = Arc::new(Memory::default());
    let add = |memory: &Memory| {
        let held = loop {
            if let Ok(held) = memory.claims.acquire("sum", LONG) {
                break held;
            }
            thread::yield_now();
        };
        let sum = memory
            .get("sum")
            .map_or(0, |sum| u32::from(sum[0]) + 256 * u32::from(sum[1]));
        memory.set("sum", &(sum + 1).to_le_bytes(), None);
        drop(held);
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|_| add(&memory)));
        }
    });
    assert_eq!(
        memory.get("sum").as_deref(),
        Some(&2000_u32.to_le_bytes()[..])
    );
}
