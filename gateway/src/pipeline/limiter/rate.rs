//! One rate: so much in a period, with a burst. The arithmetic is governor's, the generic cell rate algorithm (GCRA): a
//! state is one number, the theoretical arrival time (TAT), the moment at which all that was taken is there again.
//!
//! What a limiter counts in are cells of a request's cost: one of them is one cell, or many when a [warm-up](super::warm_up)
//! makes requests dearer by fractions.

use std::{
    cell::Cell,
    fmt,
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{NotKeyed, StateStore},
};

use super::{
    moment::{Moment, nanos},
    warm_up::Share,
};
use crate::config::raw::WrittenRate;

/// So much in a period, ready to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    amount: u32,
    period: Duration,
    burst: u32,
    /// Cells of a cost of 1.
    fineness: u32,
    quota: Quota,
    /// Nanoseconds in which a cell is there again.
    cell: u64,
}

/// The state of one rate: nanoseconds, as of [`Moment`].
#[derive(Debug, Default)]
pub(super) struct Tat(AtomicU64);

impl Tat {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Only by who holds the bucket that it is in.
    pub(super) fn put_back(&self, before: u64) {
        self.0.store(before, Relaxed);
    }
}

/// Why nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Short {
    /// So long it takes until there is enough.
    For(Duration),
    /// There never is.
    Ever,
}

impl Rate {
    /// The shortest time in which a cost of 1 can be there again: one of a million in a second.
    pub(super) const FASTEST: Duration = Duration::from_micros(1);
    /// The longest time in which a burst can be there again.
    pub(super) const SLOWEST: Duration = Duration::from_secs(366 * 24 * 3600);
    /// The least that a cell takes, so that rounding is at most a thousandth.
    const GRAIN: u64 = 1000;
    const FINEST: u64 = 1000;

    /// `fine`: in cells that are fractions of a request. None when it is faster or slower than what can be counted.
    pub(super) fn new(
        amount: NonZeroU32,
        period: Duration,
        burst: NonZeroU32,
        fine: bool,
    ) -> Option<Self> {
        let one = period / amount.get();
        if one < Self::FASTEST || one.checked_mul(burst.get())? > Self::SLOWEST {
            return None;
        }
        let fineness = if fine {
            let most = Self::FINEST.min((u32::MAX / burst.get()).into());
            (nanos(one) / Self::GRAIN).clamp(1, most)
        } else {
            1
        };
        // Rounded up: never more than what was asked for.
        let cell = nanos(period).div_ceil(u64::from(amount.get()) * fineness);
        let fineness = u32::try_from(fineness).ok()?;
        let capacity = NonZeroU32::new(burst.get().checked_mul(fineness)?)?;
        let quota = Quota::with_period(Duration::from_nanos(cell))?.allow_burst(capacity);
        Some(Self {
            amount: amount.get(),
            period,
            burst: burst.get(),
            fineness,
            quota,
            cell,
        })
    }

    pub fn period(&self) -> Duration {
        self.period
    }

    /// `s`, `10m`
    pub fn period_text(&self) -> String {
        let text = self.to_string();
        text.split_once('/')
            .map_or_else(String::new, |(_, period)| period.to_owned())
    }

    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// In how many seconds the whole burst is there again, rounded up, and how much that is; for less than a second, what
    /// a second gives.
    pub fn window(&self) -> (u64, u64) {
        let period = self.period.as_nanos();
        let whole = period * u128::from(self.burst);
        let seconds = whole.div_ceil(u128::from(self.amount) * 1_000_000_000);
        let quota = if whole < 1_000_000_000 * u128::from(self.amount) {
            1_000_000_000 * u128::from(self.amount) / period
        } else {
            u128::from(self.burst)
        };
        let bound = |value| u64::try_from(value).unwrap_or(u64::MAX);
        (bound(quota), bound(seconds).max(1))
    }

    /// Takes all of `cost`, or nothing. Others may do the same at the same time.
    pub(super) fn take(
        &self,
        tat: &Tat,
        cost: NonZeroU32,
        share: Share,
        now: Moment,
    ) -> Result<(), Short> {
        if cost.get() > self.burst {
            return Err(Short::Ever);
        }
        let cells = u128::from(cost.get()) * u128::from(self.cells(share));
        // What a full bucket admits when it is warm, it admits when it is cold.
        let cells = u32::try_from(cells).unwrap_or(u32::MAX);
        let cells = NonZeroU32::new(cells)
            .map_or(NonZeroU32::MIN, |cells| cells.min(self.quota.burst_size()));
        let held = Held {
            rate: self,
            tat,
            now,
        };
        // Made anew for every question, which costs two multiplications: so its state can lie where we keep it.
        let limiter: RateLimiter<_, _, _, NoOpMiddleware<Nanos>> =
            RateLimiter::new(self.quota, held, Standing::default());
        limiter.clock().0.set(now.nanos());
        match limiter.check_n(cells) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => Err(Short::For(until.wait_time_from(now.nanos().into()))),
            Err(_) => Err(Short::Ever),
        }
    }

    /// What could be taken at once, and in what time there is one more.
    pub(super) fn left(&self, tat: &Tat, share: Share, now: Moment) -> (u32, Duration) {
        let one = u64::from(self.cells(share)) * self.cell;
        let whole = self.whole();
        let missing = tat.get().saturating_sub(now.nanos()).min(whole);
        let left = (whole - missing) / one;
        let next = (left + 1) * one;
        let left = u32::try_from(left).unwrap_or(u32::MAX).min(self.burst);
        (
            left,
            Duration::from_nanos(next.saturating_sub(whole - missing)),
        )
    }

    /// Cells of a cost of 1, rounded up.
    fn cells(&self, share: Share) -> u32 {
        // The usual one, without a division.
        if share == Share::ALL {
            return self.fineness;
        }
        let cells = u64::from(self.fineness) * share.whole;
        u32::try_from(cells.div_ceil(share.part)).unwrap_or(u32::MAX)
    }

    /// Nanoseconds in which the whole burst is there again.
    fn whole(&self) -> u64 {
        u64::from(self.quota.burst_size().get()) * self.cell
    }
}

/// As it is written, without its burst.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = WrittenRate {
            amount: self.amount,
            period: self.period,
        };
        written.fmt(f)
    }
}

/// Where governor finds the state of one question.
struct Held<'a> {
    rate: &'a Rate,
    tat: &'a Tat,
    now: Moment,
}

impl StateStore for Held<'_> {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        // A rate that was slower, or had a larger burst, may have left more behind than this one can owe.
        let most = self.now.nanos().saturating_add(self.rate.whole());
        let state = &self.tat.0;
        let mut before = state.load(Relaxed);
        loop {
            let (decision, after) = match decide(Some(before.min(most).into())) {
                Ok(decided) => decided,
                Err(refused) => {
                    // From here on it flows back at this rate. Whoever was quicker has seen to it.
                    if before > most {
                        let _ = state.compare_exchange(before, most, Relaxed, Relaxed);
                    }
                    return Err(refused);
                }
            };
            match state.compare_exchange_weak(before, after.into(), Relaxed, Relaxed) {
                Ok(_) => return Ok(decision),
                Err(other) => before = other,
            }
        }
    }
}

/// governor's clock, which stands where it is put. It begins at the epoch, so that states are absolute.
#[derive(Debug, Default)]
struct Standing(Cell<u64>);

impl Clock for Standing {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.get().into()
    }
}
