//! A part of a memory: entries by key, and in the order of their last use.

use std::{sync::Arc, time::Instant};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use slab::Slab;

/// What an entry takes beside key and value.
const OVERHEAD: usize = 128;

#[derive(Debug)]
pub(super) struct Shard {
    most_bytes: usize,
    most_entries: usize,
    by_key: HashMap<Arc<str>, usize, RandomState>,
    entries: Slab<Entry>,
    bytes: usize,
    /// The ends of the list of entries.
    newest: Option<usize>,
    oldest: Option<usize>,
}

#[derive(Debug)]
struct Entry {
    key: Arc<str>,
    value: Arc<[u8]>,
    until: Option<Instant>,
    newer: Option<usize>,
    older: Option<usize>,
}

impl Entry {
    fn size(&self) -> usize {
        OVERHEAD + self.key.len() + self.value.len()
    }
}

impl Shard {
    pub(super) fn new(most_bytes: usize, most_entries: usize) -> Self {
        Self {
            most_bytes,
            most_entries,
            by_key: HashMap::default(),
            entries: Slab::new(),
            bytes: 0,
            newest: None,
            oldest: None,
        }
    }

    /// `now` is asked only for an entry that can expire.
    pub(super) fn get(&mut self, key: &str, now: impl FnOnce() -> Instant) -> Option<Arc<[u8]>> {
        let place = *self.by_key.get(key)?;
        if self.entries[place]
            .until
            .is_some_and(|until| until <= now())
        {
            self.remove(place);
            return None;
        }
        if self.newest != Some(place) {
            self.unlink(place);
            self.link(place);
        }
        Some(Arc::clone(&self.entries[place].value))
    }

    /// How many others gave way.
    pub(super) fn set(&mut self, key: &str, value: Arc<[u8]>, until: Option<Instant>) -> u64 {
        self.delete(key);
        let key: Arc<str> = key.into();
        let entry = Entry {
            key: Arc::clone(&key),
            value,
            until,
            newer: None,
            older: None,
        };
        self.bytes += entry.size();
        let place = self.entries.insert(entry);
        self.by_key.insert(key, place);
        self.link(place);
        let mut gone = 0;
        while self.bytes > self.most_bytes || self.entries.len() > self.most_entries {
            match self.oldest.filter(|oldest| *oldest != place) {
                Some(oldest) => self.remove(oldest),
                None => break,
            }
            gone += 1;
        }
        gone
    }

    pub(super) fn delete(&mut self, key: &str) {
        if let Some(place) = self.by_key.get(key) {
            self.remove(*place);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn remove(&mut self, place: usize) {
        self.unlink(place);
        let entry = self.entries.remove(place);
        self.bytes -= entry.size();
        self.by_key.remove(&entry.key);
    }

    /// Makes it the newest.
    fn link(&mut self, place: usize) {
        self.entries[place].newer = None;
        self.entries[place].older = self.newest;
        match self.newest {
            Some(newest) => self.entries[newest].newer = Some(place),
            None => self.oldest = Some(place),
        }
        self.newest = Some(place);
    }

    fn unlink(&mut self, place: usize) {
        let (newer, older) = (self.entries[place].newer, self.entries[place].older);
        match newer {
            Some(newer) => self.entries[newer].older = older,
            None => self.newest = older,
        }
        match older {
            Some(older) => self.entries[older].newer = newer,
            None => self.oldest = newer,
        }
    }
}
