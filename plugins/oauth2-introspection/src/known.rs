//! Accepted tokens that this instance remembers for one route, so that it need not read again what the workers share.

use std::num::NonZeroUsize;

use lru::LruCache;
use witgate_plugin::Identity;

use crate::server::Digest;

/// The least recently used go first. Only digests of tokens are kept.
pub(crate) struct Known(LruCache<Digest, Accepted>);

struct Accepted {
    identity: Identity,
    /// In seconds since 1970.
    until: u64,
}

impl Known {
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        // It grows as tokens come.
        let mut cache = LruCache::unbounded();
        cache.resize(capacity);
        Self(cache)
    }

    pub(crate) fn get(&mut self, digest: &Digest, now: u64) -> Option<&Identity> {
        if self.0.peek(digest)?.until <= now {
            self.0.pop(digest);
            return None;
        }
        self.0.get(digest).map(|accepted| &accepted.identity)
    }

    pub(crate) fn insert(&mut self, digest: Digest, identity: Identity, until: u64, now: u64) {
        if now < until {
            self.0.put(digest, Accepted { identity, until });
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
