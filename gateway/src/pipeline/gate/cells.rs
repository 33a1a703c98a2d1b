//! The cells of one gate by name: bounded, and those that nobody needs go.

use std::{
    hash::BuildHasher,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{REMEMBERED, cell::Cell, home::Home};

/// Parts of the map, each with a lock of its own.
const SHARDS: usize = 16;
/// Cells of one part.
const MOST: usize = 100_000 / SHARDS;
/// How long a cell is kept that nobody asks for, in milliseconds.
const IDLE: u64 = 5 * 60_000;

/// The cells of one gate. Workers remember those that they use, and seldom come here.
#[derive(Debug)]
pub(super) struct Cells {
    home: Arc<Home>,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

type Shard = HashMap<Box<str>, Arc<Cell>, RandomState>;

impl Cells {
    pub(super) fn new(home: &Arc<Home>) -> Self {
        Self {
            home: Arc::clone(home),
            hasher: RandomState::default(),
            shards: Default::default(),
        }
    }

    fn shard(&self, name: &str) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(name);
        // Below their number.
        let shard = &self.shards[(hash % SHARDS as u64) as usize];
        lock(shard)
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Cell>> {
        self.shard(name).get(name).cloned()
    }

    /// A cell that is there, or a new one. None when there are too many that are in use.
    pub(super) fn get(&self, name: &str, now: u64) -> Option<Arc<Cell>> {
        let mut shard = self.shard(name);
        if let Some(cell) = shard.get(name) {
            cell.touch(now);
            return Some(Arc::clone(cell));
        }
        if shard.len() >= MOST {
            // Workers ask again after a while only.
            sweep(&mut shard, 2 * REMEMBERED, now);
            if shard.len() >= MOST {
                return None;
            }
        }
        let cell = Arc::new(Cell::new(&self.home, name, now));
        shard.insert(name.into(), Arc::clone(&cell));
        Some(cell)
    }

    /// Lets go of those that have rested for long.
    pub(super) fn sweep(&self, now: u64) {
        for shard in &self.shards {
            sweep(&mut lock(shard), IDLE, now);
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<Cell>> {
        let shards = self.shards.iter();
        let cells = shards.flat_map(|shard| lock(shard).values().cloned().collect::<Vec<_>>());
        cells.collect()
    }
}

fn sweep(shard: &mut Shard, idle: u64, now: u64) {
    shard.retain(|_, cell| Arc::strong_count(cell) > 1 || !cell.is_idle(idle, now));
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
