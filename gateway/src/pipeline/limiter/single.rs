//! One bucket for everything: without a lock where one number is all there is, else behind one.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{
    bucket::{Bucket, Cause, Terms, Verdict},
    counts::{Counts, Tally},
    moment::Moment,
    rate::Tat,
};

/// One rate, and nothing else: compared and swapped.
#[derive(Debug, Default)]
pub(super) struct Direct {
    tat: Tat,
    admitted: AtomicU64,
    refused: [AtomicU64; Cause::ALL.len()],
}

/// A bucket and what was said of it.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) bucket: Bucket,
    pub(super) tally: Tally,
}

impl Direct {
    pub(super) fn ask(&self, terms: &Terms, cost: u32, now: Moment) -> Verdict {
        let verdict = terms.ask_alone(&self.tat, cost, now);
        let count = match &verdict {
            Ok(_) => &self.admitted,
            Err(refused) => &self.refused[refused.cause as usize],
        };
        count.fetch_add(1, Relaxed);
        verdict
    }

    pub(super) fn count(&self, counts: &mut Counts) {
        counts.tally += &Tally {
            admitted: self.admitted.load(Relaxed),
            refused: self.refused.each_ref().map(|count| count.load(Relaxed)),
            skipped: 0,
        };
    }
}

impl Counted {
    pub(super) fn ask(&mut self, terms: &Terms, cost: u32, now: Moment) -> Verdict {
        let verdict = terms.ask(&mut self.bucket, cost, now);
        self.tally.add(&verdict);
        verdict
    }

    pub(super) fn count(&self, counts: &mut Counts) {
        counts.under_way += u64::from(self.bucket.under_way());
        counts.tally += &self.tally;
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
