//! What a limit is, from what was written.

use std::{
    fmt,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use http::HeaderName;

use super::{
    bucket::{MOST_RATES, Terms},
    key::Key,
    rate::Rate,
    warm_up::WarmUp,
};
use crate::{
    config::{
        problem::Problem,
        raw::{self, HumanDuration, WrittenRate},
        span::{Span, Spanned},
    },
    pipeline::identity::Field,
};

const DEFAULT_MOST_KEYS: usize = 100_000;
const LARGEST_MOST_KEYS: u32 = 10_000_000;

/// What becomes of a question without a key.
pub use crate::config::raw::MissingKey as Missing;

/// What a limit is. Two that are equal count alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Empty: everything together.
    pub by: Box<[By]>,
    pub terms: Terms,
    pub missing: Missing,
    /// Of a request, unless its route says otherwise.
    pub cost: NonZeroU32,
    /// Clients are told.
    pub headers: bool,
    pub(super) most_keys: NonZeroUsize,
}

/// Whom requests are counted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    Route,
    Address,
    Header(HeaderName),
    Identity(Field),
}

impl By {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("header", name)) => name.parse().ok().map(Self::Header),
            None if text == "route" => Some(Self::Route),
            None if text == "address" => Some(Self::Address),
            _ => text.parse().ok().map(Self::Identity),
        }
    }

    /// Whether a request may not have it.
    fn may_miss(&self) -> bool {
        matches!(self, Self::Header(_) | Self::Identity(_))
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route => f.write_str("route"),
            Self::Address => f.write_str("address"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Identity(field) => field.fmt(f),
        }
    }
}

impl Definition {
    /// `place`: where it was written.
    pub(super) fn compile(
        raw: &raw::RateLimit,
        place: Span,
        file: &Arc<PathBuf>,
    ) -> Result<Self, Vec<Problem>> {
        let mut reading = Reading {
            file,
            problems: Vec::new(),
        };
        let definition = reading.definition(raw, place);
        match definition {
            Some(definition) if reading.problems.is_empty() => Ok(definition),
            _ => Err(reading.problems),
        }
    }

    /// What a request may cost at most: more is never there at once.
    pub fn largest_cost(&self) -> u32 {
        let bursts = self.terms.rates.iter().map(|rate| rate.burst());
        bursts.min().unwrap_or(u32::MAX)
    }

    /// The key of somebody who is known by name.
    pub fn key(&self, name: &str) -> Key {
        let address = match &*self.by {
            [By::Address] => name.parse().ok(),
            _ => None,
        };
        address.map_or_else(|| Key::of(name.as_bytes()), Key::of_address)
    }

    /// Whether the identity must be known first.
    pub fn needs_identity(&self) -> bool {
        let mut by = self.by.iter();
        by.any(|by| matches!(by, By::Identity(_)))
    }
}

/// As it was written: `10/s, 1000/h, 50 at a time, by tenant`.
impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rates = self.terms.rates.iter().map(ToString::to_string);
        let at_a_time = self
            .terms
            .concurrency
            .map(|most| format!("{most} at a time"));
        let by: Vec<_> = self.by.iter().map(ToString::to_string).collect();
        let by = (!by.is_empty()).then(|| format!("by {}", by.join(" and ")));
        let parts: Vec<_> = rates.chain(at_a_time).chain(by).collect();
        f.write_str(&parts.join(", "))
    }
}

/// What is wrong with a definition, as it is found.
struct Reading<'a> {
    file: &'a Arc<PathBuf>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn error(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        let problem = Problem::error(self.file, span, message);
        self.problems.push(problem.hint(hint));
    }

    fn definition(&mut self, raw: &raw::RateLimit, place: Span) -> Option<Definition> {
        let by = self.by(raw);
        if raw.rates.0.is_empty() && raw.concurrency.is_none() {
            let hint = "write `rates: 10/s`, `concurrency: 50` or both";
            self.error(place, "it limits nothing", hint);
        }
        let warm_up = raw.warm_up.as_ref();
        let warm_up = warm_up.and_then(|time| self.warm_up(raw, time));
        let rates = self.rates(raw, warm_up.is_some());
        let concurrency = raw.concurrency.as_ref();
        let concurrency = concurrency.and_then(|most| self.at_least_one(most));
        let cost = raw.cost.as_ref().map_or(Some(NonZeroU32::MIN), |cost| {
            self.positive(cost, "a cost of 0 is no cost", "write at least 1")
        });
        if let (Some(missing), false) = (&raw.missing, by.iter().any(By::may_miss)) {
            let hint = "take `missing` out, or count by a header or by something of the identity";
            self.error(missing.key, "there is always a key to count by", hint);
        }
        let definition = Definition {
            by: by.into(),
            terms: Terms {
                rates: rates.into(),
                warm_up,
                concurrency,
            },
            missing: raw.missing.as_ref().map_or(Missing::Shared, |it| it.value),
            cost: cost?,
            headers: raw.headers.unwrap_or(true),
            most_keys: self.most_keys(raw)?,
        };
        if let Some(cost) = &raw.cost
            && self.problems.is_empty()
        {
            self.cost_fits(&definition, cost);
        }
        Some(definition)
    }

    fn by(&mut self, raw: &raw::RateLimit) -> Vec<By> {
        let mut all = Vec::new();
        for written in &raw.by.0 {
            match By::parse(written) {
                Some(by) if all.contains(&by) => {
                    let message = format!("`{}` is there twice", written.value);
                    self.error(written.span, message, "once is enough");
                }
                Some(by) => all.push(by),
                None => self.error(
                    written.span,
                    format!("requests cannot be counted by `{}`", written.value),
                    "one of `route`, `address`, `consumer`, `tenant`, `subject`, `issuer`, `claim:/POINTER` and \
                     `header:NAME`",
                ),
            }
        }
        all
    }

    fn rates(&mut self, raw: &raw::RateLimit, warms_up: bool) -> Vec<Rate> {
        let written = &raw.rates.0;
        if let (Some(burst), true) = (&raw.burst, written.is_empty()) {
            self.error(
                burst.key,
                "there is no rate that a burst belongs to",
                "add `rates`, as `rates: 10/s`",
            );
        }
        if let Some(beyond) = written.get(MOST_RATES) {
            self.error(
                beyond.span,
                format!("there are more than {MOST_RATES} rates"),
                "keep the narrowest",
            );
        }
        let shortest = written.iter().map(|rate| rate.period).min();
        let mut periods: Vec<Duration> = Vec::new();
        let mut rates = Vec::new();
        for rate in written {
            if periods.contains(&rate.period) {
                let message = "there is another rate with the same period";
                self.error(rate.span, message, "keep the narrower");
            }
            periods.push(rate.period);
            let burst = raw.burst.as_ref();
            let burst = burst.filter(|_| Some(rate.period) == shortest);
            rates.extend(self.rate(rate, burst, warms_up));
        }
        rates
    }

    fn rate(
        &mut self,
        written: &Spanned<WrittenRate>,
        burst: Option<&Spanned<u32>>,
        warms_up: bool,
    ) -> Option<Rate> {
        let amount = NonZeroU32::new(written.amount);
        if amount.is_none() {
            self.nobody(written.span);
        }
        let burst = match burst {
            Some(burst) => self.at_least_one(burst),
            None => amount,
        };
        let (amount, burst) = (amount?, burst?);
        let rate = Rate::new(amount, written.period, burst, warms_up);
        if rate.is_none() {
            let hint = "at most a million in a second, and no burst that takes more than a year to come back";
            self.error(written.span, "that cannot be counted", hint);
        }
        rate
    }

    fn warm_up(&mut self, raw: &raw::RateLimit, time: &Spanned<HumanDuration>) -> Option<WarmUp> {
        if raw.rates.0.is_empty() {
            let hint = "add `rates`, or take `warm-up` out";
            self.error(time.key, "there is no rate that could warm up", hint);
        }
        let warm_up = WarmUp::over(time.0);
        if warm_up.is_none() {
            let hint = "write how long it takes, as `10s`, or take it out";
            self.error(time.span, "a warm-up of no time is none", hint);
        }
        warm_up
    }

    fn most_keys(&mut self, raw: &raw::RateLimit) -> Option<NonZeroUsize> {
        let Some(written) = &raw.max_keys else {
            return NonZeroUsize::new(DEFAULT_MOST_KEYS);
        };
        let fits = (1..=LARGEST_MOST_KEYS).contains(&**written);
        if !fits {
            let hint = format!("1 to {LARGEST_MOST_KEYS}");
            self.error(
                written.span,
                format!("`{}` keys cannot be kept", written.value),
                hint,
            );
        }
        if raw.by.0.is_empty() {
            let hint = "take `max-keys` out, or say `by` what requests are counted";
            self.error(written.key, "there are no keys without `by`", hint);
        }
        NonZeroUsize::new(**written as usize)
    }

    fn at_least_one(&mut self, written: &Spanned<u32>) -> Option<NonZeroU32> {
        let value = NonZeroU32::new(**written);
        if value.is_none() {
            self.nobody(written.span);
        }
        value
    }

    fn nobody(&mut self, span: Span) {
        let hint = "write at least 1; to close a route, write `respond: { status: 403 }` in it";
        self.error(span, "a limit of 0 admits nobody", hint);
    }

    fn positive(
        &mut self,
        written: &Spanned<u32>,
        message: &str,
        hint: &str,
    ) -> Option<NonZeroU32> {
        let value = NonZeroU32::new(**written);
        if value.is_none() {
            self.error(written.span, message, hint);
        }
        value
    }

    fn cost_fits(&mut self, definition: &Definition, cost: &Spanned<u32>) {
        self.problems
            .extend(definition.refuse_cost(cost, self.file));
    }
}

impl Definition {
    /// A problem, when it would never let a request of this cost through.
    pub fn refuse_cost(&self, cost: &Spanned<u32>, file: &Arc<PathBuf>) -> Option<Problem> {
        if self.terms.rates.is_empty() {
            let problem = Problem::error(file, cost.span, "without `rates`, nothing has a cost");
            return Some(problem.hint("take `cost` out"));
        }
        let most = self.largest_cost();
        (**cost == 0 || **cost > most).then(|| {
            let message = format!("a request of cost {} never passes", cost.value);
            Problem::error(file, cost.span, message).hint(format!(
                "1 to {most}, which is the most that its rates give at once"
            ))
        })
    }
}
