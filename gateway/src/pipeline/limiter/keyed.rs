//! Many buckets: one for each key, no more than so many, and none that is as good as a new one.
//!
//! They lie in shards with a lock each, held for the arithmetic of one question: two workers meet there only when both ask
//! for keys of the same shard in the same fraction of a microsecond. An exact count for all workers cannot do with less.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::BuildHasherDefault,
    num::NonZeroUsize,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use super::{
    bucket::{Bucket, Terms, Verdict},
    counts::{Counts, Tally},
    key::{AsItIs, Key},
    moment::Moment,
    single::{Counted, lock},
};

/// Keys in a shard, so that a sweep holds its lock for some microseconds.
const KEYS_IN_A_SHARD: usize = 1024;
const FEWEST_SHARDS: usize = 16;
const MOST_SHARDS: usize = 1024;

/// One bucket for each key.
#[derive(Debug)]
pub(super) struct Keyed {
    shards: Box<[Shard]>,
    /// For keys that there is no room for.
    crowd: Mutex<Counted>,
    keys: AtomicUsize,
    most: NonZeroUsize,
}

/// Two locks on one line of the processor's cache would be one.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Buckets>);

#[derive(Debug, Default)]
struct Buckets {
    by_key: HashMap<Key, Bucket, BuildHasherDefault<AsItIs>>,
    tally: Tally,
}

impl Keyed {
    pub(super) fn new(most: NonZeroUsize) -> Self {
        let shards = most.get().div_ceil(KEYS_IN_A_SHARD);
        let shards = shards.clamp(FEWEST_SHARDS, MOST_SHARDS).next_power_of_two();
        Self {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            crowd: Mutex::default(),
            keys: AtomicUsize::new(0),
            most,
        }
    }

    /// What the bucket says, and which it was.
    pub(super) fn ask(&self, terms: &Terms, key: Key, cost: u32, now: Moment) -> (Verdict, Key) {
        let mut shard = self.shard(key);
        let Buckets { by_key, tally } = &mut *shard;
        let bucket = match by_key.entry(key) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(room) => self.claim().then(|| room.insert(Bucket::default())),
        };
        if let Some(bucket) = bucket {
            let verdict = terms.ask(bucket, cost, now);
            tally.add(&verdict);
            return (verdict, key);
        }
        drop(shard);
        (lock(&self.crowd).ask(terms, cost, now), Key::CROWD)
    }

    /// Room for one key more.
    fn claim(&self) -> bool {
        let claim = |keys| (keys < self.most.get()).then_some(keys + 1);
        self.keys.fetch_update(Relaxed, Relaxed, claim).is_ok()
    }

    pub(super) fn give_back(&self, key: Key) {
        if key == Key::CROWD {
            return lock(&self.crowd).bucket.give_back();
        }
        // It is there: no bucket goes while something is under way.
        if let Some(bucket) = self.shard(key).by_key.get_mut(&key) {
            bucket.give_back();
        }
    }

    /// Forgets what is as good as new.
    pub(super) fn sweep(&self, now: Moment) {
        for shard in &self.shards {
            let buckets = &mut lock(&shard.0).by_key;
            let before = buckets.len();
            buckets.retain(|_, bucket| !bucket.is_new(now));
            self.keys.fetch_sub(before - buckets.len(), Relaxed);
            if buckets.capacity() > 4 * buckets.len().max(KEYS_IN_A_SHARD / 16) {
                buckets.shrink_to(2 * buckets.len());
            }
        }
    }

    pub(super) fn count(&self, counts: &mut Counts) {
        for shard in &self.shards {
            let shard = lock(&shard.0);
            let under_way = shard.by_key.values().map(|it| u64::from(it.under_way()));
            counts.under_way += under_way.sum::<u64>();
            counts.tally += &shard.tally;
        }
        let crowd = lock(&self.crowd);
        crowd.count(counts);
        counts.crowded += crowd.tally.all();
        counts.keys += self.keys.load(Relaxed) as u64;
    }

    fn shard(&self, key: Key) -> MutexGuard<'_, Buckets> {
        lock(&self.shards[key.shard(self.shards.len())].0)
    }
}
