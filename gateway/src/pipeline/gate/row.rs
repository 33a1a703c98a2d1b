//! What came in a row: failures since the last success, or successes since the last failure.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// The highest number of successes in a row that is told apart.
const MOST_SUCCESSES: u32 = 1000;

/// Outcomes in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Sum of weights since the last success, in thousandths.
    pub failures: u64,
    /// Since the last failure, at most 1000.
    pub successes: u32,
}

/// What came in a row: 16 bits of the version, then 38 of the weight of failures, or 10 of the number of successes.
#[derive(Debug, Default)]
pub(super) struct InARow(AtomicU64);

const SUCCESS_BITS: u32 = 10;
const FAILURE_MASK: u64 = (1 << 38) - 1;

impl InARow {
    /// Counts an outcome, and says what there is then. Where all is well nothing is written.
    pub(super) fn record(&self, version: u64, failure: u32) -> Row {
        let counted = self.count(version, |before| Some(before.with(failure)));
        counted.unwrap_or_default()
    }

    /// Counts a success, unless there are failures that it would end: then it counts nothing, and is false.
    pub(super) fn record_success(&self, version: u64) -> bool {
        let clear = |before: Row| (before.failures == 0).then(|| before.with(0));
        self.count(version, clear).is_some()
    }

    fn count(&self, version: u64, next: impl Fn(Row) -> Option<Row>) -> Option<Row> {
        let version = version & 0xFFFF;
        let mut seen = self.0.load(SeqCst);
        loop {
            let after = next(read(seen, version))?;
            let word =
                (version << 48) | (after.failures << SUCCESS_BITS) | u64::from(after.successes);
            if word == seen {
                return Some(after);
            }
            match self.0.compare_exchange_weak(seen, word, SeqCst, SeqCst) {
                Ok(_) => return Some(after),
                Err(now) => seen = now,
            }
        }
    }

    pub(super) fn get(&self, version: u64) -> Row {
        read(self.0.load(SeqCst), version & 0xFFFF)
    }
}

impl Row {
    fn with(self, failure: u32) -> Self {
        if failure > 0 {
            Self {
                failures: (self.failures + u64::from(failure)).min(FAILURE_MASK),
                successes: 0,
            }
        } else {
            Self {
                failures: 0,
                successes: (self.successes + 1).min(MOST_SUCCESSES),
            }
        }
    }
}

fn read(word: u64, version: u64) -> Row {
    if word >> 48 != version {
        return Row::default();
    }
    Row {
        failures: (word >> SUCCESS_BITS) & FAILURE_MASK,
        // 10 bits.
        successes: (word & ((1 << SUCCESS_BITS) - 1)) as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_begins_with_nothing() {
        let row = InARow::default();
        row.record(1, 1000);
        assert_eq!(row.get(2), Row::default());
        assert_eq!(row.record(2, 0).successes, 1);
    }

    #[test]
    fn in_a_row_is_broken_by_the_other_kind() {
        let row = InARow::default();
        row.record(7, 1500);
        assert_eq!(row.record(7, 1000).failures, 2500);
        assert_eq!(
            row.record(7, 0),
            Row {
                failures: 0,
                successes: 1
            }
        );
        for _ in 0..2_000 {
            row.record(7, 0);
        }
        assert_eq!(row.get(7).successes, 1000);
        assert_eq!(
            row.record(7, 1),
            Row {
                failures: 1,
                successes: 0
            }
        );
    }

    #[test]
    fn a_success_that_would_end_failures_counts_only_when_it_is_told() {
        let row = InARow::default();
        assert!(row.record_success(4) && row.record_success(4));
        assert_eq!(row.record(4, 1000).failures, 1000);
        assert!(!row.record_success(4));
        assert_eq!((row.get(4).failures, row.get(4).successes), (1000, 0));
        assert_eq!(row.record(4, 0).successes, 1);
        assert!(row.record_success(4));
        assert_eq!(row.get(4).successes, 2);
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let row = InARow::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50_000 {
                        row.record(3, 2);
                    }
                });
            }
        });
        assert_eq!(row.get(3).failures, 800_000);
    }
}
