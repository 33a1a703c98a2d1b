//! The threads that check, and the bounded line before them.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Instant,
};

use tokio::sync::watch;
use zeroize::Zeroizing;

use super::hash::Hash;

/// Checks that wait for each thread; more are refused.
const LINE: usize = 32;

/// More would take the workers' cores, and memory for Argon2.
const MOST_THREADS: usize = 4;

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Right,
    Wrong,
    /// There was no memory for it.
    Lost,
}

/// A check under way.
pub struct Pending(watch::Receiver<Option<Outcome>>);

impl Pending {
    pub(super) fn outcome(&self) -> Option<Outcome> {
        let outcome = *self.0.borrow();
        let gone = || self.0.has_changed().is_err();
        outcome.or_else(|| gone().then_some(Outcome::Lost))
    }

    /// Resolves when there is an outcome.
    pub(super) fn done(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut outcome = self.0.clone();
        async move {
            // An error means that there will be none.
            let _ = outcome.wait_for(Option::is_some).await;
        }
    }
}

struct Job {
    hash: Hash,
    password: Zeroizing<String>,
    outcome: watch::Sender<Option<Outcome>>,
}

/// Checks passwords for all plugins; one per process. The threads start with the first check, and end with it.
#[derive(Debug, Default)]
pub struct Passwords {
    line: Mutex<Option<SyncSender<Job>>>,
    numbers: Arc<Numbers>,
}

/// Since the start of the process.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) right: AtomicU64,
    pub(super) wrong: AtomicU64,
    /// Refused since the line was full, or lost for want of memory.
    pub(super) busy: AtomicU64,
    /// Nobody waited for it any more when its turn came.
    pub(super) abandoned: AtomicU64,
    pub(super) micros: AtomicU64,
}

impl Passwords {
    /// None when too many wait already.
    pub(super) fn start(&self, hash: Hash, password: Zeroizing<String>) -> Option<Pending> {
        let (outcome, pending) = watch::channel(None);
        let job = Job {
            hash,
            password,
            outcome,
        };
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = line.get_or_insert_with(|| open(threads(), &self.numbers));
        match sender.try_send(job) {
            Ok(()) => Some(Pending(pending)),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.numbers.busy.fetch_add(1, Relaxed);
                None
            }
        }
    }

    pub(super) fn numbers(&self) -> &Numbers {
        &self.numbers
    }
}

/// Half of the cores: the rest is the workers'.
fn threads() -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    (cores / 2).clamp(1, MOST_THREADS)
}

fn open(threads: usize, numbers: &Arc<Numbers>) -> SyncSender<Job> {
    let (sender, line) = sync_channel(LINE * threads);
    let line = Arc::new(Mutex::new(line));
    for number in 0..threads {
        let (line, numbers) = (Arc::clone(&line), Arc::clone(numbers));
        let started = thread::Builder::new()
            .name(format!("witgate-pass-{number}"))
            .spawn(move || work(&line, &numbers));
        if let Err(error) = started {
            // With none of them the line is closed, and every check is refused as busy.
            tracing::error!(%error, "a thread that checks passwords cannot be started");
        }
    }
    sender
}

/// Ends when the sender is gone.
fn work(line: &Mutex<Receiver<Job>>, numbers: &Numbers) {
    loop {
        let next = line.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if job.outcome.is_closed() {
            numbers.abandoned.fetch_add(1, Relaxed);
            continue;
        }
        let begun = Instant::now();
        let outcome = match job.hash.verify(job.password.as_bytes()) {
            Some(true) => Outcome::Right,
            Some(false) => Outcome::Wrong,
            None => Outcome::Lost,
        };
        let counter = match outcome {
            Outcome::Right => &numbers.right,
            Outcome::Wrong => &numbers.wrong,
            Outcome::Lost => &numbers.busy,
        };
        counter.fetch_add(1, Relaxed);
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        numbers.micros.fetch_add(micros, Relaxed);
        // An error means that nobody waits any more.
        let _ = job.outcome.send(Some(outcome));
    }
}
