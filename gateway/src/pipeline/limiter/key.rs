//! Whom a question is about, as a number of fixed size: whatever is sent, keys take the same memory.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    net::IpAddr,
    sync::LazyLock,
};

use foldhash::quality::RandomState as FoldState;

/// Whom a question is about. Two seeds of this process are in it, so nobody can look for two texts with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// What tells it from others: a SipHash, or all of an address that counts.
    own: u64,
    /// Where it lies among others: of whatever `own` is, seeded too.
    hash: u64,
}

static SEEDS: LazyLock<(RandomState, FoldState)> = LazyLock::new(Default::default);

/// IPv4 addresses among the networks of IPv6, where nobody has this one.
const IPV4: u64 = 0xffff << 32;

impl Key {
    /// Of those who have none, together.
    pub(super) const NOBODY: Self = Self::reserved(0);
    /// Of those for whom there is no room, together.
    pub(super) const CROWD: Self = Self::reserved(1);

    const fn reserved(number: u64) -> Self {
        Self {
            own: number,
            hash: 0,
        }
    }

    pub fn of(text: &[u8]) -> Self {
        let (strong, fold) = &*SEEDS;
        let (mut own, mut hash) = (strong.build_hasher(), fold.build_hasher());
        own.write(text);
        hash.write(text);
        Self {
            own: own.finish(),
            hash: hash.finish(),
        }
    }

    /// What one client has: an IPv4 address, or the 64 bits before an IPv6 host's own (RFC 4291 section 2.5.4), for whoever
    /// has one of the addresses behind them has them all.
    pub fn of_address(address: IpAddr) -> Self {
        let own = match address.to_canonical() {
            IpAddr::V4(address) => IPV4 | u64::from(address.to_bits()),
            #[allow(clippy::cast_possible_truncation, reason = "half of it is left")]
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        };
        let mut hash = SEEDS.1.build_hasher();
        hash.write_u64(own);
        Self {
            own,
            hash: hash.finish(),
        }
    }

    /// The key of both together, in this order.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        let mut both = [0; 32];
        let parts = [self.own, self.hash, next.own, next.hash];
        for (place, part) in both.chunks_exact_mut(8).zip(parts) {
            place.copy_from_slice(&part.to_ne_bytes());
        }
        Self::of(&both)
    }

    /// One of so many, a power of two: of other bits than a map uses.
    pub(super) fn shard(self, of: usize) -> usize {
        (self.hash >> 32) as usize & (of - 1)
    }
}

/// A key is a hash already.
impl std::hash::Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Takes a key's hash for what it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, _: &[u8]) {
        debug_assert!(false, "keys are written as one number");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
