//! Beginning slowly: after a pause, what is asked for costs three times as much, and less and less until the warm-up is
//! over. So the rate begins at a third and grows linearly to the whole.

use std::time::Duration;

use super::moment::{Moment, nanos};

/// How long it takes until the whole rate is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmUp(u64);

/// How warm something is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Warmth {
    began: u64,
    /// When it is cold again, unless somebody asks before.
    cold: u64,
}

/// The part of its rate that something may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) part: u64,
    pub(super) whole: u64,
}

impl Share {
    pub(super) const ALL: Self = Self { part: 1, whole: 1 };
}

impl WarmUp {
    /// In thirds.
    const COLD: u64 = 1;
    const WARM: u64 = 3;

    /// None for no time at all.
    pub(super) fn over(time: Duration) -> Option<Self> {
        // In microseconds: what is made of it is multiplied.
        let time = nanos(time) / 1000;
        (time > 0).then_some(Self(time))
    }

    pub fn time(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// What it may have now that somebody asks. It is cold after a pause as long as the warm-up.
    pub(super) fn share(self, warmth: &mut Option<Warmth>, now: Moment) -> Share {
        let now = now.nanos() / 1000;
        let cold = now.saturating_add(self.0);
        let warmth = match warmth {
            Some(warmth) if now < warmth.cold => warmth,
            other => other.insert(Warmth { began: now, cold }),
        };
        warmth.cold = warmth.cold.max(cold);
        let elapsed = now.saturating_sub(warmth.began);
        if elapsed >= self.0 {
            return Share::ALL;
        }
        Share {
            part: Self::COLD * self.0 + (Self::WARM - Self::COLD) * elapsed,
            whole: Self::WARM * self.0,
        }
    }
}

impl Warmth {
    pub(super) fn is_cold(self, now: Moment) -> bool {
        self.cold <= now.nanos() / 1000
    }
}
