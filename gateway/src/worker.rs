//! One worker: a thread with its own listeners, connections, plugin instances and counters. Nothing in here is
//! shared with other workers, so nothing in here is locked.

mod counters;
mod ids;
mod pinned;

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Instant};

use arc_swap::{ArcSwap, Cache};
use tokio::sync::mpsc::UnboundedSender;

pub use pinned::Pinned;

use crate::{
    config::raw::AccessLog as Logged,
    pipeline::{
        deadline::Deadlines,
        protocol::activity::{Patience, Watch},
        sandbox::{Host, Sandbox},
        upstream::Pools,
    },
    snapshot::{Snapshot, SnapshotCell},
    telemetry::{
        access::{AccessLog, Batch, Record},
        metrics::Shard,
    },
};
use counters::Counters;
use ids::Ids;

/// What a worker is made of.
pub struct Parts {
    pub index: usize,
    pub snapshots: SnapshotCell,
    pub shard: Arc<Shard>,
    pub access: Option<(AccessLog, Logged)>,
    /// Where old snapshots go to be freed: that takes longer than a request should wait.
    pub retired: UnboundedSender<Arc<Snapshot>>,
    pub host: Arc<Host>,
}

/// One worker's state, in the hands of its tasks.
pub struct Worker {
    pub pools: Pools,
    pub sandbox: Sandbox,
    pub deadlines: Rc<Deadlines>,
    pub watch: Watch,
    pub shard: Arc<Shard>,
    pub ids: Ids,
    pub counters: Counters,
    latest: RefCell<Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>>,
    pinned: RefCell<Rc<Pinned>>,
    retired: UnboundedSender<Arc<Snapshot>>,
    access: Option<(AccessLog, Logged)>,
    batch: RefCell<Batch>,
}

impl Worker {
    pub fn new(parts: Parts) -> Rc<Self> {
        let mut latest = parts.snapshots.cache();
        let pinned = Pinned::new(Arc::clone(latest.load()), parts.retired.clone());
        let deadlines = Rc::new(Deadlines::default());
        Rc::new(Self {
            pools: Pools::new(parts.index, &deadlines, &parts.shard),
            sandbox: Sandbox::new(&parts.host),
            deadlines,
            watch: Watch::default(),
            counters: Counters::new(&parts.shard),
            shard: parts.shard,
            ids: Ids::default(),
            latest: RefCell::new(latest),
            pinned: RefCell::new(Rc::new(pinned)),
            retired: parts.retired,
            access: parts.access,
            batch: RefCell::default(),
        })
    }

    /// The live snapshot, for as long as the caller keeps it.
    pub fn pin(&self) -> Rc<Pinned> {
        let mut latest = self.latest.borrow_mut();
        let latest = latest.load();
        let mut pinned = self.pinned.borrow_mut();
        if !Arc::ptr_eq(latest, pinned.snapshot()) {
            *pinned = Rc::new(Pinned::new(Arc::clone(latest), self.retired.clone()));
        }
        Rc::clone(&pinned)
    }

    /// Which exchanges are logged.
    pub fn logs(&self) -> Logged {
        self.access
            .as_ref()
            .map_or(Logged::Off, |(_, logged)| *logged)
    }

    pub fn log(&self, record: &Record<'_>) {
        let mut batch = self.batch.borrow_mut();
        batch.push(record);
        if batch.is_full() {
            self.flush(&mut batch);
        }
    }

    fn flush(&self, batch: &mut Batch) {
        if let Some((log, _)) = &self.access {
            self.shard.access_lines_dropped.add(batch.flush(log));
        }
    }

    /// What is due a few times a second, forever.
    pub async fn tick(self: Rc<Self>) {
        let mut interval = tokio::time::interval(Watch::INTERVAL);
        loop {
            interval.tick().await;
            let now = Instant::now();
            let timeouts = self.pin().settings().timeouts;
            self.watch.look(
                now,
                Patience {
                    head: timeouts.request_head,
                    idle: timeouts.idle,
                },
            );
            self.pools.sweep(now);
            self.flush(&mut self.batch.borrow_mut());
        }
    }

    /// Writes what is left to be written.
    pub fn finish(&self) {
        self.flush(&mut self.batch.borrow_mut());
    }
}
