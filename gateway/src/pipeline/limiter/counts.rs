//! What a limit was asked and what it said, counted where the question is answered: beside its bucket, under the same
//! lock.

use std::ops::AddAssign;

use super::bucket::{Cause, Verdict};

/// Answers by kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub admitted: u64,
    pub refused: [u64; Cause::ALL.len()],
    /// Let through without being counted, for want of a key (`missing: skip`).
    pub skipped: u64,
}

/// How a limit stands, over all its keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub tally: Tally,
    pub keys: u64,
    pub under_way: u64,
    /// Answers to keys that there was no room for.
    pub crowded: u64,
}

impl Tally {
    pub(super) fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Ok(_) => self.admitted += 1,
            Err(refused) => self.refused[refused.cause as usize] += 1,
        }
    }

    pub(super) fn all(&self) -> u64 {
        self.admitted + self.skipped + self.refused.iter().sum::<u64>()
    }
}

impl AddAssign<&Self> for Tally {
    fn add_assign(&mut self, other: &Self) {
        self.admitted += other.admitted;
        self.skipped += other.skipped;
        for (sum, more) in self.refused.iter_mut().zip(other.refused) {
            *sum += more;
        }
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        self.tally += &other.tally;
        self.keys += other.keys;
        self.under_way += other.under_way;
        self.crowded += other.crowded;
    }
}
