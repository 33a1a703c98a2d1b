//! A map and a list whose clones share what neither side changes.
//!
//! Both are split into pieces behind an `Arc`; a change copies the piece it falls into, and nothing when the piece
//! is not shared.

use std::{
    hash::{BuildHasher, Hasher},
    sync::Arc,
};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// A value that carries the key it is found by.
pub trait Keyed {
    fn key(&self) -> &str;
}

impl<T: Keyed> Keyed for Arc<T> {
    fn key(&self) -> &str {
        T::key(self)
    }
}

/// The mean number of values in a shard: what one change copies at most, in cheap clones.
const SHARD: usize = 64;

/// A hash map of values that carry their key.
///
/// The seed of the hash is fixed: only the operator's own files choose the keys that are stored.
#[derive(Clone, Debug)]
pub struct CowMap<V> {
    /// None while empty, else a power of two.
    shards: Vec<Arc<HashTable<V>>>,
    len: usize,
}

impl<V> Default for CowMap<V> {
    fn default() -> Self {
        Self {
            shards: Vec::new(),
            len: 0,
        }
    }
}

fn hash(key: &str) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write(key.as_bytes());
    hasher.finish()
}

impl<V: Keyed> CowMap<V> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn get(&self, key: &str) -> Option<&V> {
        if self.len == 0 {
            return None;
        }
        let hash = hash(key);
        self.shards[self.shard(hash)].find(hash, |value| value.key() == key)
    }

    /// In no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &V> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    /// The tables use the lowest and the highest bits of a hash; this uses those between.
    fn shard(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.shards.len() - 1)
    }
}

impl<V: Keyed + Clone> CowMap<V> {
    pub fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        if self.len == 0 {
            return None;
        }
        let hash = hash(key);
        let shard = self.shard(hash);
        Arc::make_mut(&mut self.shards[shard]).find_mut(hash, |value| value.key() == key)
    }

    /// Returns the value that had this key.
    pub fn insert(&mut self, value: V) -> Option<V> {
        if let Some(place) = self.get_mut(value.key()) {
            return Some(std::mem::replace(place, value));
        }
        if self.len >= self.shards.len() * SHARD {
            self.grow();
        }
        self.insert_new(value);
        self.len += 1;
        None
    }

    pub fn remove(&mut self, key: &str) -> Option<V> {
        if self.len == 0 {
            return None;
        }
        let hash = hash(key);
        let shard = self.shard(hash);
        let entry = Arc::make_mut(&mut self.shards[shard])
            .find_entry(hash, |value| value.key() == key)
            .ok()?;
        self.len -= 1;
        Some(entry.remove().0)
    }

    fn insert_new(&mut self, value: V) {
        let hash = hash(value.key());
        let shard = self.shard(hash);
        Arc::make_mut(&mut self.shards[shard])
            .insert_unique(hash, value, |value| self::hash(value.key()));
    }

    fn grow(&mut self) {
        let shards = (self.shards.len() * 2).max(1);
        let old = std::mem::replace(&mut self.shards, vec![Arc::default(); shards]);
        for shard in old {
            match Arc::try_unwrap(shard) {
                Ok(own) => own.into_iter().for_each(|value| self.insert_new(value)),
                Err(shared) => shared
                    .iter()
                    .for_each(|value| self.insert_new(value.clone())),
            }
        }
    }
}

/// A sparse list.
#[derive(Clone, Debug)]
pub struct CowVec<T> {
    chunks: Vec<Arc<Vec<Option<T>>>>,
}

const CHUNK: usize = 64;

impl<T> Default for CowVec<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T> CowVec<T> {
    pub fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?[index % CHUNK].as_ref()
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).flatten()
    }
}

impl<T: Clone> CowVec<T> {
    pub fn set(&mut self, index: usize, value: Option<T>) {
        while self.chunks.len() <= index / CHUNK {
            self.chunks.push(Arc::new(vec![None; CHUNK]));
        }
        Arc::make_mut(&mut self.chunks[index / CHUNK])[index % CHUNK] = value;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    impl Keyed for String {
        fn key(&self) -> &str {
            self
        }
    }

    #[test]
    fn a_clone_shares_all_but_the_changed_piece() {
        let mut map = CowMap::default();
        for n in 0..10_000 {
            assert!(map.insert(n.to_string()).is_none());
        }
        let mut copy = map.clone();
        assert_eq!(copy.remove("77").as_deref(), Some("77"));
        assert!(copy.remove("77").is_none());
        assert_eq!((map.len(), copy.len()), (10_000, 9_999));
        assert!(map.get("77").is_some() && copy.get("77").is_none());
        let shared = map.shards.iter().zip(&copy.shards);
        assert_eq!(shared.filter(|(a, b)| !Arc::ptr_eq(a, b)).count(), 1);
    }

    #[test]
    fn growth_keeps_every_value_and_the_original() {
        let mut map = CowMap::default();
        for n in 0..SHARD {
            map.insert(n.to_string());
        }
        let original = map.clone();
        for n in SHARD..1000 {
            map.insert(n.to_string());
        }
        assert_eq!(map.iter().collect::<HashSet<_>>().len(), 1000);
        assert!((0..1000).all(|n| map.get(&n.to_string()).is_some()));
        assert_eq!(original.iter().count(), SHARD);
    }

    #[test]
    fn a_list_has_holes() {
        let mut list = CowVec::default();
        list.set(200, Some('a'));
        let copy = list.clone();
        list.set(200, None);
        assert_eq!((list.get(200), copy.get(200)), (None, Some(&'a')));
        assert_eq!((copy.get(0), copy.get(10_000)), (None, None));
        assert!(Arc::ptr_eq(&list.chunks[0], &copy.chunks[0]));
    }
}
