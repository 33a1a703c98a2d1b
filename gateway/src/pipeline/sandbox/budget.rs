//! The time that a call may still run: its own, not what a busy machine takes from its thread.
//!
//! Epochs count time on the wall, so an epoch that has passed says nothing of a guest whose thread was not running.
//! Calls that end within two ticks, nearly all, never read a clock.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::UpdateDeadline;

use super::engine::{TICK, ticks};

/// What the current call of an instance may still use.
#[derive(Debug, Default)]
pub(super) struct Budget {
    time: Duration,
    /// The reading of the thread's clock at which it is used up. Known from the first look at that clock on.
    end: Option<Duration>,
}

impl Budget {
    /// For a new call, and the ticks until it is looked at for the first time: when one has surely passed.
    pub(super) fn begin(&mut self, time: Duration) -> u64 {
        *self = Self { time, end: None };
        2
    }

    /// The ticks until the next look, or the end of the call.
    pub(super) fn look(&mut self) -> UpdateDeadline {
        let left = self.left(thread_time());
        if left.is_zero() {
            UpdateDeadline::Interrupt
        } else {
            UpdateDeadline::Continue(ticks(left))
        }
    }

    /// At the first look, at least one tick has passed.
    fn left(&mut self, now: Duration) -> Duration {
        let rest = self.time.saturating_sub(TICK);
        self.end.get_or_insert(now + rest).saturating_sub(now)
    }
}

/// How long this thread has been running.
fn thread_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime)
        .try_into()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn only_time_that_the_thread_ran_is_counted() {
        let mut budget = Budget::default();
        assert_eq!(budget.begin(10 * TICK), 2);
        assert_eq!(budget.left(100 * TICK), 9 * TICK);
        // However late it is on the wall, the thread has run but half a tick.
        assert_eq!(budget.left(100 * TICK + TICK / 2), 9 * TICK - TICK / 2);
        assert_eq!(budget.left(109 * TICK), Duration::ZERO);
        assert_eq!(budget.left(200 * TICK), Duration::ZERO);
        budget.begin(10 * TICK);
        assert_eq!(budget.left(200 * TICK), 9 * TICK, "a new call");
    }

    #[test]
    fn a_limit_of_a_tick_or_less_ends_at_the_first_look() {
        let mut budget = Budget::default();
        assert_eq!(budget.begin(TICK / 2), 2);
        assert_eq!(budget.left(TICK), Duration::ZERO);
    }

    #[test]
    fn the_clock_runs_while_the_thread_does() {
        let begun = thread_time();
        while thread_time() - begun < MS {
            std::hint::spin_loop();
        }
    }
}
