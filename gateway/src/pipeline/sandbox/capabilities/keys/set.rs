//! One key set: what workers read, and how they ask for more.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{Notify, watch};

use super::{
    definition::Definition,
    failure::{Failure, Kind},
    jwks::Jwks,
};
use crate::pipeline::sandbox::{arrivals::Arrival, reuse::Epoch};

/// What a set consists of at one time.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// 0 for the content that is there before the first.
    pub(super) version: u64,
    pub(super) jwks: Jwks,
}

/// One key set in one definition.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) definition: Definition,
    epoch: Epoch,
    content: ArcSwap<Content>,
    progress: Mutex<Progress>,
    /// How many fetches have ended, well or not.
    pub(super) rounds: watch::Sender<u64>,
    /// Somebody wants a fetch now.
    pub(super) wanted: Notify,
    pub(super) fetches: AtomicU64,
    /// In the order of [`Kind::ALL`].
    failures: [AtomicU64; Kind::ALL.len()],
}

/// What the fetches are doing; off the workers' way.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// A fetch is under way, or about to be.
    pub(super) pending: bool,
    /// Since when a missing key waits for it.
    awaited: Option<Instant>,
    /// When a missing key was last waited for.
    asked: Option<Instant>,
    pub(super) succeeded: Option<Instant>,
    /// Of the last fetch, if it failed.
    pub(super) error: Option<String>,
    /// Where the issuer has its keys, by what it said last.
    pub(super) found: Option<String>,
    /// When the next fetch begins, unless somebody asks for it sooner.
    pub(super) next: Option<Instant>,
}

/// A fetch that takes longer is no longer waited for, though it goes on. Less than `LONGEST_ARRIVAL`, so that who comes
/// back from waiting is not told to wait again.
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// What has not arrived by then is missing in the next call, and that is the plugin's to judge.
const LONGEST_ARRIVAL: Duration = Duration::from_secs(5);

/// Over all sets, so that a handle sees the versions grow when its set is defined anew.
fn next_version() -> u64 {
    static VERSIONS: AtomicU64 = AtomicU64::new(0);
    VERSIONS.fetch_add(1, Relaxed) + 1
}

impl Set {
    pub(super) fn new(definition: Definition, epoch: &Epoch) -> Self {
        let fetched = matches!(definition, Definition::Fetched { .. });
        Self {
            definition,
            epoch: epoch.clone(),
            content: ArcSwap::default(),
            progress: Mutex::new(Progress {
                // The first fetch begins as soon as the control runtime comes to it.
                pending: fetched,
                ..Progress::default()
            }),
            rounds: watch::Sender::new(0),
            wanted: Notify::new(),
            fetches: AtomicU64::new(0),
            failures: Default::default(),
        }
    }

    pub(super) fn content(&self) -> Guard<Arc<Content>> {
        self.content.load()
    }

    /// The same content again is no new version. True for a new one.
    pub(super) fn publish(&self, jwks: Jwks) -> bool {
        let new = self.content.load().version == 0 || self.content.load().jwks != jwks;
        if new {
            self.content.store(Arc::new(Content {
                version: next_version(),
                jwks,
            }));
            self.epoch.advance();
        }
        let mut progress = self.progress();
        progress.succeeded = Some(Instant::now());
        progress.error = None;
        new
    }

    /// What is there stays.
    pub(super) fn fail(&self, failure: &Failure) {
        self.failures[failure.kind as usize].fetch_add(1, Relaxed);
        self.progress().error = Some(failure.to_string());
    }

    /// How many fetches failed in this way.
    pub(super) fn failures(&self, kind: Kind) -> u64 {
        self.failures[kind as usize].load(Relaxed)
    }

    pub(super) fn begin_round(&self) {
        self.fetches.fetch_add(1, Relaxed);
        self.progress().pending = true;
    }

    /// `next`: the time until the next.
    pub(super) fn end_round(&self, next: Duration) {
        let mut progress = self.progress();
        progress.next = Instant::now().checked_add(next);
        progress.pending = false;
        if progress.awaited.take().is_some() {
            progress.asked = Some(Instant::now());
        }
        // Still under the lock: nobody may take this end for that of the next fetch.
        self.rounds.send_modify(|rounds| *rounds += 1);
        drop(progress);
    }

    /// A key is missing. None if nothing is on its way, and nothing may be within the cool-down: that begins when the
    /// fetch ends, so that who has waited for one and still misses the key gets a definite answer. Nor does anybody wait
    /// for a fetch that others have waited for in vain.
    pub(super) fn refresh(&self) -> Option<Arrival> {
        let Definition::Fetched { cool_down, .. } = &self.definition else {
            return None;
        };
        let mut progress = self.progress();
        if !progress.pending {
            if cools_down(progress.asked, *cool_down) {
                return None;
            }
            progress.pending = true;
            self.wanted.notify_one();
        }
        let awaited = *progress.awaited.get_or_insert_with(Instant::now);
        if awaited.elapsed() >= LONGEST_WAIT {
            return None;
        }
        // Under the lock, and so before the round that is pending can end.
        let mut rounds = self.rounds.subscribe();
        let before = *rounds.borrow_and_update();
        Some(Box::pin(async move {
            // An error means that the set is gone, and with it all hope.
            let round = rounds.wait_for(|rounds| *rounds > before);
            let _ = tokio::time::timeout(LONGEST_ARRIVAL, round).await;
        }))
    }

    #[cfg(test)]
    pub(super) fn cool(&self) {
        self.progress().asked = None;
    }

    #[cfg(test)]
    pub(super) fn await_long(&self) {
        self.progress().awaited = Instant::now().checked_sub(LONGEST_WAIT);
    }

    pub(super) fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cools_down(asked: Option<Instant>, cool_down: Duration) -> bool {
    asked.is_some_and(|asked| asked.elapsed() < cool_down)
}
