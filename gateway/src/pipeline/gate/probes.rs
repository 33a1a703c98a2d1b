//! The permits of a cell that is half-open.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// How many are on their way. The word says of which version they are: permits of an earlier one are worth nothing, and
/// need not be given back.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// The version plus one, so that 0 is none; then 32 bits of their number.
    word: AtomicU64,
    /// When the last one went.
    last: AtomicU64,
}

const COUNT_BITS: u32 = 32;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

impl Probes {
    /// A permit, if there is one; true if it is the first of its version. When none has gone for `patience`, those who
    /// are on their way are not waited for: one of them may never end.
    pub(super) fn take(&self, version: u64, most: u32, patience: u64, now: u64) -> Option<bool> {
        let mut seen = self.word.load(SeqCst);
        loop {
            let on_their_way = of(seen, version);
            let (before, first) = (on_their_way.unwrap_or(0), on_their_way.is_none());
            if before >= u64::from(most) && !self.lost_patience(patience, now) {
                return None;
            }
            let word = ((version + 1) << COUNT_BITS) | (before + 1);
            match self.word.compare_exchange_weak(seen, word, SeqCst, SeqCst) {
                Ok(_) => {
                    self.last.store(now, SeqCst);
                    return Some(first);
                }
                Err(other) => seen = other,
            }
        }
    }

    /// True for one at a time.
    fn lost_patience(&self, patience: u64, now: u64) -> bool {
        let last = self.last.load(SeqCst);
        let waited = now.saturating_sub(last) >= patience;
        let claim = || {
            let claimed = self.last.compare_exchange(last, now, SeqCst, SeqCst);
            claimed.is_ok()
        };
        waited && claim()
    }

    pub(super) fn give_back(&self, version: u64) {
        let mut seen = self.word.load(SeqCst);
        while let Some(count @ 1..) = of(seen, version) {
            let word = (seen & !COUNT_MASK) | (count - 1);
            match self.word.compare_exchange_weak(seen, word, SeqCst, SeqCst) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
    }

    pub(super) fn in_flight(&self, version: u64) -> u64 {
        of(self.word.load(SeqCst), version).unwrap_or(0)
    }
}

/// None when none of this version has gone.
fn of(word: u64, version: u64) -> Option<u64> {
    (word >> COUNT_BITS == version + 1).then_some(word & COUNT_MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_of_their_version() {
        let probes = Probes::default();
        assert_eq!(probes.take(0, 2, 1_000, 0), Some(true));
        assert_eq!(probes.take(0, 2, 1_000, 0), Some(false));
        assert_eq!(probes.take(0, 2, 1_000, 0), None);
        probes.give_back(0);
        assert_eq!(probes.take(0, 2, 1_000, 0), Some(false));
        assert_eq!(probes.take(2, 1, 1_000, 0), Some(true));
        probes.give_back(0);
        assert_eq!(probes.in_flight(2), 1);
        probes.give_back(2);
        probes.give_back(2);
        assert_eq!(probes.in_flight(2), 0);
    }

    #[test]
    fn one_that_never_ends_is_not_waited_for() {
        let probes = Probes::default();
        assert!(probes.take(1, 1, 1_000, 0).is_some());
        assert_eq!(probes.take(1, 1, 1_000, 999), None);
        assert_eq!(probes.take(1, 1, 1_000, 1_000), Some(false));
        assert_eq!(probes.take(1, 1, 1_000, 1_999), None, "one at a time");
        assert!(probes.take(1, 1, 1_000, 2_000).is_some());
    }
}
