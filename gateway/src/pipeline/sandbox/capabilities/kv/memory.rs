//! The memory of one plugin, in shards so that workers seldom meet at a lock, and all memories by name.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;

use super::{claims::Claims, shard::Shard};
use crate::telemetry::metrics::Family;

const SHARDS: usize = 16;

/// Bytes and entries of a whole memory.
pub(super) const MOST_BYTES: usize = 16 << 20;
pub(super) const MOST_ENTRIES: usize = 100_000;

/// What one plugin remembers.
#[derive(Debug)]
pub(in crate::pipeline::sandbox) struct Memory {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    pub(super) claims: Claims,
    evictions: AtomicU64,
}

impl Default for Memory {
    fn default() -> Self {
        let shard = |_| Mutex::new(Shard::new(MOST_BYTES / SHARDS, MOST_ENTRIES / SHARDS));
        Self {
            hasher: RandomState::default(),
            shards: std::array::from_fn(shard),
            claims: Claims::default(),
            evictions: AtomicU64::new(0),
        }
    }
}

impl Memory {
    pub(super) fn get(&self, key: &str) -> Option<Arc<[u8]>> {
        self.shard(key).get(key, Instant::now)
    }

    pub(super) fn set(&self, key: &str, value: &[u8], ttl: Option<Duration>) {
        // A time beyond all clocks is none.
        let until = ttl.and_then(|ttl| Instant::now().checked_add(ttl));
        let evicted = self.shard(key).set(key, value.into(), until);
        if evicted > 0 {
            self.evictions.fetch_add(evicted, Relaxed);
        }
        self.claims.changed(key);
    }

    pub(super) fn delete(&self, key: &str) {
        self.shard(key).delete(key);
    }

    /// Entries and bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        let shards = self.shards.iter().map(lock);
        shards.fold((0, 0), |(entries, bytes), shard| {
            (entries + shard.len(), bytes + shard.bytes())
        })
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        // The upper bits: the shards' own tables use the lower.
        let hash = self.hasher.hash_one(key) >> 32;
        lock(&self.shards[hash as usize % SHARDS])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The memories of all plugins, by name. They are held by those who use them.
#[derive(Debug, Default)]
pub(in crate::pipeline::sandbox) struct Memories {
    by_plugin: Mutex<HashMap<Arc<str>, Weak<Memory>>>,
}

impl Memories {
    pub(in crate::pipeline::sandbox) fn of(&self, plugin: &Arc<str>) -> Arc<Memory> {
        let mut all = self.lock();
        if let Some(known) = all.get(plugin).and_then(Weak::upgrade) {
            return known;
        }
        all.retain(|_, memory| memory.strong_count() > 0);
        let memory = Arc::default();
        all.insert(Arc::clone(plugin), Arc::downgrade(&memory));
        memory
    }

    /// Appends the numbers in the text format of Prometheus, for plugins that have remembered something.
    pub(in crate::pipeline::sandbox) fn render(&self, out: &mut String) {
        let all = self.lock();
        let mut all: Vec<_> = all
            .iter()
            .filter_map(|(name, memory)| Some((name, memory.upgrade()?)))
            .map(|(name, memory)| (name, memory.size(), memory.evictions.load(Relaxed)))
            .filter(|(_, size, evictions)| size.0 > 0 || *evictions > 0)
            .collect();
        all.sort_unstable();
        if all.is_empty() {
            return;
        }
        type Row<'a> = (&'a Arc<str>, (usize, usize), u64);
        let by_plugin = |mut family: Family<'_>, value: fn(&Row<'_>) -> u64| {
            family.by("plugin", all.iter().map(|row| (&**row.0, value(row))));
        };
        let help = "Entries in the memory of a plugin.";
        by_plugin(
            Family::gauge(out, "witgate_kv_entries", help),
            |(_, size, _)| size.0 as u64,
        );
        let help = "Bytes in the memory of a plugin.";
        by_plugin(
            Family::gauge(out, "witgate_kv_bytes", help),
            |(_, size, _)| size.1 as u64,
        );
        let help = "Entries that gave way to others.";
        by_plugin(
            Family::counter(out, "witgate_kv_evictions_total", help),
            |(_, _, evictions)| *evictions,
        );
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Weak<Memory>>> {
        self.by_plugin
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
