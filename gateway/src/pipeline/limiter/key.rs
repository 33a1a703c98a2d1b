//! Whom a question is about, as a number of fixed size: whatever is sent, keys take the same memory.

use std::{
    fmt,
    hash::{BuildHasher, DefaultHasher, Hasher, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::LazyLock,
};

use foldhash::quality::{FoldHasher, RandomState as FoldState};

/// Whom a question is about. Two seeds of this process are in it, so nobody can look for two texts with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// SipHash.
    pub(super) strong: u64,
    pub(super) other: u64,
}

static SEEDS: LazyLock<(RandomState, FoldState)> = LazyLock::new(Default::default);

/// A key in the making.
pub struct KeyMaker {
    strong: DefaultHasher,
    other: FoldHasher<'static>,
}

impl Key {
    /// Of those who have none, together.
    pub(super) const NOBODY: Self = Self::reserved(0);
    /// Of those for whom there is no room, together.
    pub(super) const CROWD: Self = Self::reserved(1);

    const fn reserved(number: u64) -> Self {
        Self {
            strong: number,
            other: 0,
        }
    }

    /// The key of one part.
    pub fn of(part: &[u8]) -> Self {
        let mut maker = KeyMaker::new();
        maker.add(part);
        maker.finish()
    }
}

impl KeyMaker {
    pub fn new() -> Self {
        let (strong, other) = &*SEEDS;
        Self {
            strong: strong.build_hasher(),
            other: other.build_hasher(),
        }
    }

    pub fn add(&mut self, part: &[u8]) {
        for hasher in [&mut self.strong as &mut dyn Hasher, &mut self.other] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
    }

    /// What one client has: an IPv4 address, or the 64 bits before an IPv6 host's own (RFC 4291 section 2.5.4), for whoever
    /// has one of the addresses behind them has them all.
    pub fn add_address(&mut self, address: IpAddr) {
        let network = match address.to_canonical() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)),
        };
        self.add(&network.octets());
    }

    pub fn finish(self) -> Key {
        Key {
            strong: self.strong.finish(),
            other: self.other.finish(),
        }
    }
}

impl Default for KeyMaker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for KeyMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaker")
    }
}

/// A key is a hash already.
impl std::hash::Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.strong);
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
