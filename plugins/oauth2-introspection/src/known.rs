//! Accepted tokens that this instance remembers for one route, so that it need not read again what the workers share.

use std::num::NonZeroUsize;

use lru::LruCache;
use witgate_plugin::Identity;

use crate::server::Digest;

/// The least recently used go first. Only digests of tokens are kept.
pub(crate) struct Known(LruCache<Digest, Accepted>);

pub(crate) struct Accepted {
    pub(crate) identity: Identity,
    /// In seconds since 1970.
    pub(crate) until: u64,
}

impl Known {
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        // It grows as tokens come.
        let mut cache = LruCache::unbounded();
        cache.resize(capacity);
        Self(cache)
    }

    pub(crate) fn get(&mut self, digest: &Digest, now: u64) -> Option<&Accepted> {
        if self.0.peek(digest)?.until <= now {
            self.0.pop(digest);
            return None;
        }
        self.0.get(digest)
    }

    pub(crate) fn insert(&mut self, digest: Digest, accepted: Accepted, now: u64) {
        if now < accepted.until {
            self.0.put(digest, accepted);
        }
    }

    /// How many can be remembered.
    pub(crate) fn capacity(&self) -> u32 {
        u32::try_from(self.0.cap().get()).unwrap_or(u32::MAX)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
