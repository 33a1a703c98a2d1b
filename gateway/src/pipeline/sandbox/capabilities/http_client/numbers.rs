//! What is counted of one client; outlives its definitions.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::error::Error;

/// Failures in between are only counted, so that a server that is down does not fill the log.
const BETWEEN_LINES: Duration = Duration::from_secs(1);

/// Upper bounds of the histogram, in seconds.
pub(super) const BUCKETS: [f64; 8] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Debug, Default)]
pub(super) struct Numbers {
    outcomes: Mutex<BTreeMap<&'static str, u64>>,
    /// Of requests with an answer: how many took at most so long.
    pub(super) buckets: [AtomicU64; BUCKETS.len()],
    pub(super) count: AtomicU64,
    pub(super) nanos: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    said: Option<Instant>,
    unsaid: u64,
    error: Option<String>,
}

impl Numbers {
    pub(super) fn outcomes(&self) -> BTreeMap<&'static str, u64> {
        let outcomes = self.outcomes.lock();
        outcomes.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Of the last request that is over, if it failed.
    pub(super) fn last_error(&self) -> Option<String> {
        self.last().error.clone()
    }

    fn count(&self, outcome: &'static str) {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        *outcomes.entry(outcome).or_default() += 1;
    }

    /// Some when it is time for a line in the log: how many failures had none since the last.
    pub(super) fn failed(&self, error: &Error) -> Option<u64> {
        self.count(error.label());
        let mut last = self.last();
        last.error = Some(error.to_string());
        if last.said.is_some_and(|said| said.elapsed() < BETWEEN_LINES) {
            last.unsaid += 1;
            return None;
        }
        last.said = Some(Instant::now());
        Some(std::mem::take(&mut last.unsaid))
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way. One that is dropped before its end was cancelled.
pub(super) struct Running {
    numbers: Arc<Numbers>,
    began: Instant,
    over: bool,
}

impl Running {
    pub(super) fn begin(numbers: &Arc<Numbers>) -> Self {
        Self {
            numbers: Arc::clone(numbers),
            began: Instant::now(),
            over: false,
        }
    }

    pub(super) fn answered(mut self, status: u16) {
        self.over = true;
        let took = self.began.elapsed();
        let numbers = &self.numbers;
        numbers.count(match status {
            500.. => "server-error",
            _ => "ok",
        });
        numbers.last().error = None;
        numbers.count.fetch_add(1, Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        numbers.nanos.fetch_add(nanos, Relaxed);
        for (bound, bucket) in BUCKETS.iter().zip(&numbers.buckets) {
            if took.as_secs_f64() <= *bound {
                bucket.fetch_add(1, Relaxed);
            }
        }
    }

    /// It is counted with its error.
    pub(super) fn failed(mut self) {
        self.over = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.over {
            self.numbers.count("cancelled");
        }
    }
}
