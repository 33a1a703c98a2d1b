//! Where the counts of a limit lie: outside of snapshots, found by the limit's name and its shape. A limit whose shape
//! stays goes on with its counts when its rates, costs or bursts change.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::{
    Lender,
    bucket::{Cause, Terms, Verdict},
    counts::Counts,
    key::Key,
    keyed::Keyed,
    moment::Moment,
    single::{Counted, Direct, lock},
};

/// What counts must agree in to be continued.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// As written; empty: everything together.
    pub(super) by: Box<str>,
    /// The periods of the rates, in their order.
    pub(super) periods: Box<[Duration]>,
    /// There is more to count than one rate.
    pub(super) compound: bool,
    pub(super) most_keys: NonZeroUsize,
}

/// The counts of one limit.
#[derive(Debug)]
pub(super) struct Store {
    name: Arc<str>,
    buckets: Buckets,
    skipped: AtomicU64,
    keyless: AtomicU64,
}

#[derive(Debug)]
enum Buckets {
    Direct(Direct),
    Single(Mutex<Counted>),
    Keyed(Keyed),
}

impl Store {
    fn new(name: &Arc<str>, shape: &Shape) -> Self {
        let buckets = match (shape.by.is_empty(), shape.compound) {
            (false, _) => Buckets::Keyed(Keyed::new(shape.most_keys)),
            (true, true) => Buckets::Single(Mutex::default()),
            (true, false) => Buckets::Direct(Direct::default()),
        };
        Self {
            name: Arc::clone(name),
            buckets,
            skipped: AtomicU64::new(0),
            keyless: AtomicU64::new(0),
        }
    }

    /// What the bucket says, and which it was. Without buckets for keys, the key is of no importance.
    pub(super) fn ask(&self, terms: &Terms, key: Key, cost: u32, now: Moment) -> (Verdict, Key) {
        match &self.buckets {
            Buckets::Direct(direct) => (direct.ask(terms, cost, now), key),
            Buckets::Single(single) => (lock(single).ask(terms, cost, now), key),
            Buckets::Keyed(keyed) => keyed.ask(terms, key, cost, now),
        }
    }

    pub(super) fn is_keyed(&self) -> bool {
        matches!(self.buckets, Buckets::Keyed(_))
    }

    pub(super) fn skip(&self) {
        self.skipped.fetch_add(1, Relaxed);
    }

    pub(super) fn refuse_without_key(&self) {
        self.keyless.fetch_add(1, Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        match &self.buckets {
            Buckets::Direct(direct) => direct.count(&mut counts),
            Buckets::Single(single) => lock(single).count(&mut counts),
            Buckets::Keyed(keyed) => keyed.count(&mut counts),
        }
        counts.tally.skipped += self.skipped.load(Relaxed);
        counts.tally.refused[Cause::Key as usize] += self.keyless.load(Relaxed);
        counts
    }

    fn sweep(&self, now: Moment) {
        if let Buckets::Keyed(keyed) = &self.buckets {
            keyed.sweep(now);
        }
    }
}

impl Lender for Store {
    fn take_back(&self, key: Key) {
        match &self.buckets {
            // It lends nothing.
            Buckets::Direct(_) => {}
            Buckets::Single(single) => lock(single).bucket.give_back(),
            Buckets::Keyed(keyed) => keyed.give_back(key),
        }
    }
}

/// The name of a limit, and its shape.
type Identity = (Arc<str>, Shape);

/// All counts of the process that something still refers to.
#[derive(Debug, Default)]
pub(super) struct Stores {
    known: Mutex<HashMap<Identity, Weak<Store>>>,
}

impl Stores {
    /// Those that there are, or new ones.
    pub(super) fn find(&self, name: &Arc<str>, shape: &Shape) -> Arc<Store> {
        let mut known = lock(&self.known);
        let slot = known.entry((Arc::clone(name), shape.clone())).or_default();
        slot.upgrade().unwrap_or_else(|| {
            let store = Arc::new(Store::new(name, shape));
            *slot = Arc::downgrade(&store);
            store
        })
    }

    /// Forgets what is as good as new, and what nothing refers to.
    pub(super) fn sweep(&self, now: Moment) {
        let alive = {
            let mut known = lock(&self.known);
            known.retain(|_, store| store.strong_count() > 0);
            known.values().filter_map(Weak::upgrade).collect::<Vec<_>>()
        };
        for store in alive {
            store.sweep(now);
        }
    }

    /// By name; a limit that has another shape since a moment ago counts with its old one.
    pub(super) fn counts(&self) -> BTreeMap<Arc<str>, Counts> {
        let alive: Vec<_> = lock(&self.known)
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        let mut all = BTreeMap::<_, Counts>::new();
        for store in alive {
            *all.entry(Arc::clone(&store.name)).or_default() += &store.counts();
        }
        all
    }
}
