//! Clock, log, random, metrics, keys and descriptors as one thread's test sets them.

use std::{cell::RefCell, collections::BTreeMap};

use crate::log::Level;

/// A series: its name and its labels.
type Series = (String, Vec<(String, String)>);

/// What the capabilities answer on this thread, and what they were told.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) monotonic: u64,
    pub(crate) random: u64,
    pub(crate) lines: Vec<(Level, String)>,
    pub(crate) series: BTreeMap<Series, i64>,
    pub(crate) key_sets: BTreeMap<String, FakeKeySet>,
    pub(crate) descriptors: BTreeMap<String, DescriptorSet>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Password checks begun, how often each is still under way, and whether there is room for more.
    pub(crate) checks: u32,
    pub(crate) check_waits: u32,
    pub(crate) checks_are_refused: bool,
    /// Of each the versions, the newest first.
    pub(crate) secrets: BTreeMap<String, Vec<Vec<u8>>>,
}

#[derive(Debug, Default)]
pub(crate) struct FakeKeySet {
    pub(crate) version: u64,
    pub(crate) issuer: Option<String>,
    pub(crate) jwks: String,
    pub(crate) can_refresh: bool,
    pub(crate) refreshes: u32,
}

impl Default for World {
    fn default() -> Self {
        Self {
            now: 1_700_000_000_000_000_000,
            monotonic: 0,
            random: 0,
            lines: Vec::new(),
            series: BTreeMap::new(),
            key_sets: BTreeMap::new(),
            descriptors: BTreeMap::new(),
            files: BTreeMap::new(),
            checks: 0,
            check_waits: 0,
            checks_are_refused: false,
            secrets: BTreeMap::new(),
        }
    }
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

pub(crate) fn world<T>(call: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(call)
}

pub(crate) fn now() -> u64 {
    world(|world| world.now)
}

pub(crate) fn monotonic() -> u64 {
    world(|world| world.monotonic)
}

pub(crate) fn log(level: Level, message: &str) {
    world(|world| world.lines.push((level, message.to_owned())));
}

/// The same numbers in every run (SplitMix64), so that a test that fails fails again.
pub(crate) fn random_u64() -> u64 {
    world(|world| {
        world.random = world.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = world.random;
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

pub(crate) fn random_bytes(len: u32) -> Vec<u8> {
    (0..len).map(|_| random_u64().to_le_bytes()[0]).collect()
}

pub(crate) struct Counter(Series);

impl Counter {
    pub(crate) fn new(name: &str, labels: &[(String, String)]) -> Self {
        Self((name.to_owned(), labels.to_vec()))
    }

    pub(crate) fn add(&self, value: u64) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        world(|world| {
            let count = world.series.entry(self.0.clone()).or_default();
            *count = count.saturating_add(value);
        });
    }
}

pub(crate) struct Gauge(Series);

impl Gauge {
    pub(crate) fn new(name: &str, labels: &[(String, String)]) -> Self {
        Self((name.to_owned(), labels.to_vec()))
    }

    pub(crate) fn set(&self, value: i64) {
        world(|world| world.series.insert(self.0.clone(), value));
    }
}

pub(crate) struct KeySet(String);

impl KeySet {
    pub(crate) fn open(name: &str) -> Result<Self, String> {
        if !world(|world| world.key_sets.contains_key(name)) {
            return Err(format!("no key set is called `{name}`"));
        }
        Ok(Self(name.to_owned()))
    }

    pub(crate) fn issuer(&self) -> Option<String> {
        self.read(|set| set.issuer.clone())
    }

    pub(crate) fn version(&self) -> u64 {
        self.read(|set| set.version)
    }

    pub(crate) fn jwks(&self) -> String {
        self.read(|set| set.jwks.clone())
    }

    pub(crate) fn refresh(&self) -> bool {
        self.read(|set| {
            set.refreshes += 1;
            set.can_refresh
        })
    }

    fn read<T>(&self, read: impl FnOnce(&mut FakeKeySet) -> T) -> T {
        world(|world| read(world.key_sets.entry(self.0.clone()).or_default()))
    }
}

pub(crate) struct File(Vec<u8>);

impl File {
    pub(crate) fn open(name: &str) -> Result<Self, String> {
        let found = world(|world| world.files.get(name).cloned());
        found
            .map(Self)
            .ok_or_else(|| format!("no file is called `{name}`"))
    }

    /// Tells contents apart, and is not SHA-256 here.
    pub(crate) fn digest(&self) -> String {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        format!("{:064x}", hasher.finish())
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        self.0.clone()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct DescriptorSet {
    pub(crate) digest: String,
    pub(crate) bytes: Vec<u8>,
}

impl DescriptorSet {
    pub(crate) fn open(name: &str) -> Result<Self, String> {
        let found = world(|world| world.descriptors.get(name).cloned());
        found.ok_or_else(|| format!("no descriptors are called `{name}`"))
    }

    pub(crate) fn digest(&self) -> String {
        self.digest.clone()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }
}
