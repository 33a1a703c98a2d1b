//! Ids of exchanges.

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
};

use bytes::Bytes;
use http::HeaderValue;

/// Ids cut from one allocation.
const BATCH: usize = 64;
const LENGTH: usize = 16;

/// Makes ids of 16 hexadecimal digits: a counter from a random start, mixed so that neighbours do not look alike.
/// Within one worker none comes twice.
pub struct Ids {
    next: Cell<u64>,
    batch: Cell<Bytes>,
}

impl Default for Ids {
    fn default() -> Self {
        Self {
            next: Cell::new(RandomState::new().hash_one(0)),
            batch: Cell::default(),
        }
    }
}

impl Ids {
    pub fn next(&self) -> HeaderValue {
        let mut batch = self.batch.take();
        if batch.is_empty() {
            batch = self.make();
        }
        let id = batch.split_to(LENGTH);
        self.batch.set(batch);
        // Hexadecimal digits are always a value.
        HeaderValue::from_maybe_shared(id).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }

    fn make(&self) -> Bytes {
        let mut digits = Vec::with_capacity(BATCH * LENGTH);
        for _ in 0..BATCH {
            let n = self.next.get();
            self.next.set(n.wrapping_add(1));
            let n = mix(n);
            let nibbles = (0..LENGTH)
                .rev()
                .map(|at| b"0123456789abcdef"[(n >> (4 * at)) as usize & 0xf]);
            digits.extend(nibbles);
        }
        digits.into()
    }
}

/// The finaliser of SplitMix64: every step can be undone, so different numbers stay different.
fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_short() {
        let ids = Ids::default();
        let made: HashSet<_> = (0..1000).map(|_| ids.next()).collect();
        assert_eq!(made.len(), 1000);
        assert!(made.iter().all(|id| id.len() == LENGTH));
    }
}
