//! What is counted together, and what may be taken of it: several rates at once and so many at a time, all or nothing.

use std::{num::NonZeroU32, time::Duration};

use super::{
    moment::Moment,
    rate::{Rate, Short, Tat},
    warm_up::{Share, WarmUp, Warmth},
};

/// Rates of one limit.
pub(super) const MOST_RATES: usize = 4;

/// The counts of one key.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// In the order of the rates.
    tats: [Tat; MOST_RATES],
    warmth: Option<Warmth>,
    under_way: u32,
}

/// What a limit allows each of its buckets.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    pub(super) rates: Box<[Rate]>,
    pub(super) warm_up: Option<WarmUp>,
    pub(super) concurrency: Option<NonZeroU32>,
}

/// How a bucket stands after a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Which of the rates has the least left.
    pub rate: u8,
    /// Of the cost that could be asked for at once.
    pub remaining: u32,
    /// In what time there is one more.
    pub next: Duration,
}

/// Why a bucket gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub cause: Cause,
    /// That of the rate which makes wait the longest.
    pub left: Option<Left>,
    /// After which the same question could be answered otherwise; none when nobody knows.
    pub retry_after: Option<Duration>,
}

/// What kind of limit refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A rate is used up.
    Rate,
    /// Too many are under way.
    Concurrency,
    /// The cost is more than a rate can ever give at once.
    Cost,
    /// There is no key, and the limit wants one.
    Key,
}

impl Cause {
    pub const ALL: [Self; 4] = [Self::Rate, Self::Concurrency, Self::Cost, Self::Key];

    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Concurrency => "concurrency",
            Self::Cost => "cost",
            Self::Key => "key",
        }
    }
}

impl Refused {
    /// For who cannot wait for an answer: a second later there may be one.
    pub fn unknown() -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::because(Cause::Rate)
        }
    }

    pub(super) fn because(cause: Cause) -> Self {
        Self {
            cause,
            left: None,
            retry_after: None,
        }
    }
}

/// What is left of the scarcest rate, if there is any.
pub(super) type Verdict = Result<Option<Left>, Refused>;

impl Terms {
    /// Whether one number is all there is to keep.
    pub(super) fn is_one_rate(&self) -> bool {
        self.rates.len() == 1 && self.warm_up.is_none() && self.concurrency.is_none()
    }

    pub fn rates(&self) -> &[Rate] {
        &self.rates
    }

    pub fn concurrency(&self) -> Option<NonZeroU32> {
        self.concurrency
    }

    pub fn warm_up(&self) -> Option<Duration> {
        self.warm_up.map(WarmUp::time)
    }

    /// How a bucket stands that was full before it was asked.
    pub fn first(&self, cost: u32) -> Option<Left> {
        self.ask(&mut Bucket::default(), cost, Moment::now()).ok()?
    }

    /// Takes from a bucket that nobody else takes from meanwhile. A cost of 0 takes nothing.
    pub(super) fn ask(&self, bucket: &mut Bucket, cost: u32, now: Moment) -> Verdict {
        let concurrency = self.concurrency.filter(|_| cost > 0);
        if concurrency.is_some_and(|most| bucket.under_way >= most.get()) {
            return Err(Refused::because(Cause::Concurrency));
        }
        let share = match self.warm_up {
            Some(warm_up) => warm_up.share(&mut bucket.warmth, now),
            None => Share::ALL,
        };
        let left = self.ask_rates(&bucket.tats, share, cost, now)?;
        if concurrency.is_some() {
            bucket.under_way += 1;
        }
        Ok(left)
    }

    /// Takes from the one rate that there is; others may at the same time.
    pub(super) fn ask_alone(&self, tat: &Tat, cost: u32, now: Moment) -> Verdict {
        self.ask_rates(std::slice::from_ref(tat), Share::ALL, cost, now)
    }

    /// Takes from all rates, or from none.
    fn ask_rates(&self, tats: &[Tat], share: Share, cost: u32, now: Moment) -> Verdict {
        let cost = NonZeroU32::new(cost);
        let ([rate], [tat, ..]) = (&*self.rates, tats) else {
            return self.ask_several(tats, share, cost, now);
        };
        match ask_rate((0, rate), tat, share, cost, now) {
            (left, None) => Ok(Some(left)),
            (left, Some(short)) => Err(worse(None, short, left)),
        }
    }

    /// Only by who holds the bucket. Apart: most limits have one rate.
    #[inline(never)]
    fn ask_several(
        &self,
        tats: &[Tat],
        share: Share,
        cost: Option<NonZeroU32>,
        now: Moment,
    ) -> Verdict {
        let mut taken = [None; MOST_RATES];
        let mut refused: Option<Refused> = None;
        let mut scarcest: Option<Left> = None;
        for (index, (rate, tat)) in (0..).zip(self.rates.iter().zip(tats)) {
            let before = tat.get();
            let (left, short) = ask_rate((index, rate), tat, share, cost, now);
            if let Some(short) = short {
                refused = Some(worse(refused, short, left));
                continue;
            }
            taken[usize::from(index)] = cost.map(|_| before);
            if scarcest.is_none_or(|scarcest| left.remaining < scarcest.remaining) {
                scarcest = Some(left);
            }
        }
        let Some(refused) = refused else {
            return Ok(scarcest);
        };
        for (tat, before) in tats.iter().zip(taken) {
            if let Some(before) = before {
                tat.put_back(before);
            }
        }
        Err(refused)
    }
}

/// What there is after the question, and why it was refused if it was.
#[inline]
fn ask_rate(
    (index, rate): (u8, &Rate),
    tat: &Tat,
    share: Share,
    cost: Option<NonZeroU32>,
    now: Moment,
) -> (Left, Option<Short>) {
    let short = cost.and_then(|cost| rate.take(tat, cost, share, now).err());
    let (remaining, next) = rate.left(tat, share, now);
    let left = Left {
        rate: index,
        remaining,
        next,
    };
    (left, short)
}

/// Of two reasons to refuse the one that holds longer.
#[cold]
fn worse(refused: Option<Refused>, short: Short, left: Left) -> Refused {
    let this = match short {
        Short::Ever => Refused::because(Cause::Cost),
        Short::For(wait) => Refused {
            cause: Cause::Rate,
            left: Some(left),
            retry_after: Some(wait),
        },
    };
    match refused {
        Some(other) if other.cause == Cause::Cost || other.retry_after > this.retry_after => {
            if this.cause == Cause::Cost {
                this
            } else {
                other
            }
        }
        _ => this,
    }
}

impl Bucket {
    /// A permit is back.
    pub(super) fn give_back(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    pub(super) fn under_way(&self) -> u32 {
        self.under_way
    }

    /// Whether it is as good as a new one.
    pub(super) fn is_new(&self, now: Moment) -> bool {
        self.under_way == 0
            && self.tats.iter().all(|tat| tat.get() <= now.nanos())
            && self.warmth.is_none_or(|warmth| warmth.is_cold(now))
    }
}
