//! How many retries an upstream gets: an upstream that fails must not get more to do for it.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// What is counted is halved when this much time has passed.
const WINDOW: Duration = Duration::from_secs(10);
/// So many are allowed however few requests there are.
const ALWAYS: u32 = 3;

/// One worker's requests to one upstream, of late.
#[derive(Debug)]
pub struct Budget {
    since: Cell<Instant>,
    requests: Cell<u32>,
    retries: Cell<u32>,
}

impl Budget {
    pub fn new() -> Self {
        Self {
            since: Cell::new(Instant::now()),
            requests: Cell::new(0),
            retries: Cell::new(0),
        }
    }

    /// A request that may be sent again.
    pub fn count(&self, now: Instant) {
        while now.saturating_duration_since(self.since.get()) >= WINDOW {
            self.since.set(self.since.get() + WINDOW);
            self.requests.set(self.requests.get() / 2);
            self.retries.set(self.retries.get() / 2);
            if self.requests.get() == 0 && self.retries.get() == 0 {
                self.since.set(now);
            }
        }
        self.requests.set(self.requests.get().saturating_add(1));
    }

    /// Whether there may be one more retry, which then is counted.
    pub fn take(&self, percent: u8) -> bool {
        let share = u64::from(self.requests.get()) * u64::from(percent) / 100;
        let taken = self.retries.get();
        let allowed = u64::from(taken) < share.max(u64::from(ALWAYS));
        if allowed {
            self.retries.set(taken + 1);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(budget: &Budget) -> usize {
        (0..1000).take_while(|_| budget.take(20)).count()
    }

    #[test]
    fn retries_are_a_share_of_requests() {
        let budget = Budget::new();
        let begun = budget.since.get();
        budget.count(begun);
        assert_eq!(taken(&budget), 3);
        (0..99).for_each(|_| budget.count(begun));
        assert_eq!(taken(&budget), 17);
        // Half of both is forgotten, and all of it at last.
        budget.count(begun + WINDOW);
        assert_eq!(taken(&budget), 0);
        budget.count(begun + 100 * WINDOW);
        assert_eq!(taken(&budget), 3);
    }
}
