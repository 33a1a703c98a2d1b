//! Counts over one sliding span.
//!
//! Every count is one word that also says of which time, and of which version of the cell, it is. Whoever comes first in a
//! new step of time puts the word anew with its own outcome in it: there is no moment at which a count could get lost,
//! and nothing to be cleared when a cell is moved. All of it is sequentially consistent: of several that count at the same
//! time, the last to read sees every one of them, so that a limit that is reached is noticed.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Steps of a span.
const STEPS: usize = 20;

/// A word: 4 bits of the version, 24 of the step, 36 of the count.
const COUNT_BITS: u32 = 36;
const MOST_COUNT: u64 = (1 << COUNT_BITS) - 1;
const STEP_MASK: u64 = (1 << 24) - 1;
const VERSION_MASK: u64 = (1 << 4) - 1;
/// By so many steps somebody who counts may be late, having been kept from running. What is further away is of long ago.
const MOST_LATE: u64 = 1000;

/// An outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Its weight, in thousandths; 0 for a success.
    pub failure: u32,
    pub slow: bool,
}

impl Outcome {
    pub(super) fn is_bad(self) -> bool {
        self.failure > 0 || self.slow
    }
}

/// The time since a cell has been moved last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Era {
    pub(super) version: u64,
    /// Milliseconds on the gates' clock.
    pub(super) since: u64,
}

/// What a span came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub calls: u64,
    /// Sum of weights, in thousandths.
    pub failures: u64,
    pub slow: u64,
}

/// Counts over the last so many milliseconds.
#[derive(Debug)]
pub(super) struct Window {
    /// Milliseconds.
    step: u64,
    /// By step, modulo their number.
    buckets: [Bucket; STEPS],
}

#[derive(Debug, Default)]
struct Bucket {
    calls: AtomicU64,
    failures: AtomicU64,
    slow: AtomicU64,
}

impl Window {
    pub(super) fn new(span: u64) -> Self {
        Self {
            step: (span / STEPS as u64).max(1),
            buckets: Default::default(),
        }
    }

    /// Counts an outcome, and says what there is then.
    pub(super) fn record(&self, era: Era, now: u64, outcome: Outcome) -> Totals {
        self.count(era.version, now, outcome);
        self.totals(era, now)
    }

    pub(super) fn count(&self, version: u64, now: u64, outcome: Outcome) {
        let step = now / self.step;
        let tag = tag(version, step);
        let bucket = &self.buckets[position(step)];
        // A failure that is not yet counted makes the ratio look better, one that is counted first makes it look worse
        // than it ever was.
        add(&bucket.calls, tag, 1);
        if outcome.failure > 0 {
            add(&bucket.failures, tag, u64::from(outcome.failure));
        }
        if outcome.slow {
            add(&bucket.slow, tag, 1);
        }
    }

    pub(super) fn totals(&self, era: Era, now: u64) -> Totals {
        let last = now / self.step;
        // Words have but a few bits of a version: what is older may look as if it were of this one.
        let first = last
            .saturating_sub(STEPS as u64 - 1)
            .max(era.since / self.step);
        let mut totals = Totals::default();
        for step in first..=last {
            let tag = tag(era.version, step);
            let bucket = &self.buckets[position(step)];
            totals.failures += count(&bucket.failures, tag);
            totals.slow += count(&bucket.slow, tag);
            totals.calls += count(&bucket.calls, tag);
        }
        totals
    }
}

fn position(step: u64) -> usize {
    // Below the number of steps, which is a usize.
    (step % STEPS as u64) as usize
}

fn tag(version: u64, step: u64) -> u64 {
    ((version & VERSION_MASK) << 24) | (step & STEP_MASK)
}

fn count(word: &AtomicU64, tag: u64) -> u64 {
    let word = word.load(SeqCst);
    if word >> COUNT_BITS == tag {
        word & MOST_COUNT
    } else {
        0
    }
}

fn add(word: &AtomicU64, tag: u64, amount: u64) {
    let mut seen = word.load(SeqCst);
    loop {
        match stands(seen, tag) {
            // Never so near the end that those who add at the same time could carry into the tag.
            Stands::Here if seen & MOST_COUNT < MOST_COUNT / 2 => {
                word.fetch_add(amount, SeqCst);
                return;
            }
            Stands::Here | Stands::Beyond => return,
            Stands::Behind => {}
        }
        let fresh = (tag << COUNT_BITS) | amount;
        match word.compare_exchange_weak(seen, fresh, SeqCst, SeqCst) {
            Ok(_) => return,
            Err(now) => seen = now,
        }
    }
}

/// How what a word counts stands to a tag.
enum Stands {
    /// The same, or a little later: whoever counts is late.
    Here,
    /// Of a later version.
    Beyond,
    /// Nothing, or over.
    Behind,
}

fn stands(word: u64, tag: u64) -> Stands {
    if word & MOST_COUNT == 0 {
        return Stands::Behind;
    }
    let other = word >> COUNT_BITS;
    let later = other.wrapping_sub(tag) & STEP_MASK;
    let versions = (other >> 24).wrapping_sub(tag >> 24) & VERSION_MASK;
    match (later, versions) {
        (0..=MOST_LATE, 0) => Stands::Here,
        (1..=MOST_LATE, _) | (0, 1..=7) => Stands::Beyond,
        _ => Stands::Behind,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::atomic::{AtomicBool, Ordering::Relaxed},
    };

    use super::*;

    const FAILED: Outcome = Outcome {
        failure: 1000,
        slow: false,
    };

    fn era(version: u64) -> Era {
        Era { version, since: 0 }
    }

    #[test]
    fn a_window_is_what_a_plain_list_says() {
        for span in [100_u64, 990, 60_000] {
            let window = Window::new(span);
            let step = (span / STEPS as u64).max(1);
            let mut model: VecDeque<(u64, Outcome)> = VecDeque::new();
            // Steps of any size, up to some that leave the window behind.
            let mut now = 0;
            let mut random = 1_u64;
            for _ in 0..5_000 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                now += (random >> 33) % [1, step, span / 3, 2 * span][(random >> 62) as usize];
                let outcome = Outcome {
                    failure: ((random >> 20) % 3) as u32 * 750,
                    slow: random >> 40 & 1 == 1,
                };
                model.push_back((now / step, outcome));
                let first = (now / step).saturating_sub(STEPS as u64 - 1);
                model.retain(|(step, _)| *step >= first);
                let expected = model.iter().fold(Totals::default(), |sum, (_, it)| Totals {
                    calls: sum.calls + 1,
                    failures: sum.failures + u64::from(it.failure),
                    slow: sum.slow + u64::from(it.slow),
                });
                assert_eq!(
                    window.record(era(1), now, outcome),
                    expected,
                    "{span} at {now}"
                );
            }
        }
    }

    #[test]
    fn a_version_begins_with_nothing() {
        let window = Window::new(1_000);
        window.record(era(1), 0, FAILED);
        assert_eq!(window.totals(era(2), 0), Totals::default());
        assert_eq!(window.record(era(2), 0, FAILED).calls, 1);
    }

    #[test]
    fn who_comes_late_takes_nothing_away() {
        let window = Window::new(1_000);
        for _ in 0..3 {
            window.record(era(5), 2_010, FAILED);
        }
        // A span earlier, in the same bucket.
        window.record(era(5), 1_010, FAILED);
        assert_eq!(window.totals(era(5), 2_010).calls, 4);
        window.record(era(4), 1_010, FAILED);
        window.record(era(4), 2_010, FAILED);
        assert_eq!(
            window.totals(era(5), 2_010).calls,
            4,
            "of an earlier version"
        );
        window.record(era(6), 2_010, FAILED);
        assert_eq!(window.totals(era(6), 2_010).calls, 1);
        // However many versions later.
        for version in 7..40 {
            let now = 3_010 + version * 1_000;
            assert_eq!(
                window.record(era(version), now, FAILED).calls,
                1,
                "{version}"
            );
        }
    }

    /// Every thread counts across many steps of time. No count is lost, and of all who count at the same time one sees
    /// the whole.
    #[test]
    fn nothing_is_lost_between_threads() {
        const THREADS: u64 = 8;
        const EACH: u64 = 50_000;
        let window = Window::new(86_400_000);
        let all = THREADS * EACH;
        let whole = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (window, whole) = (&window, &whole);
                scope.spawn(move || {
                    for n in 0..EACH {
                        // Clocks that do not quite agree, and a new step now and then.
                        let now = n * 1_000 + thread * 7;
                        let totals = window.record(era(3), now, FAILED);
                        assert!(totals.failures <= totals.calls * 1000);
                        if totals.calls == all {
                            whole.store(true, Relaxed);
                        }
                    }
                });
            }
        });
        let totals = window.totals(era(3), EACH * 1_000);
        assert_eq!((totals.calls, totals.failures), (all, all * 1000));
        assert!(whole.load(Relaxed), "somebody saw them all");
    }
}
