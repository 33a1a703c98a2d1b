//! When a question is asked.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

/// A point in time: nanoseconds since some moment in this process's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    pub fn now() -> Self {
        Instant::now().into()
    }

    pub fn nanos(self) -> u64 {
        self.0
    }

    #[cfg(test)]
    pub fn at(since: Duration) -> Self {
        Self(nanos(since))
    }
}

impl From<Instant> for Moment {
    fn from(instant: Instant) -> Self {
        static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
        Self(nanos(instant.saturating_duration_since(*EPOCH)))
    }
}

/// Beyond 584 years, these.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
