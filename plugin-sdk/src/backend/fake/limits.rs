//! Rate limits as one thread's test sets them: so much for each key in a window that begins with the key's first
//! question, and so many permits.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    rc::Rc,
    time::Duration,
};

use super::monotonic;
use crate::limits::{Admission, Cause, Decision, Permit, Refusal};

#[derive(Debug, Default)]
pub(crate) struct FakeLimit {
    pub(crate) amount: Option<u32>,
    pub(crate) window: Duration,
    /// Tokens for permits; none: no limit on concurrency.
    pub(crate) permits: Option<u32>,
    /// By key: when its window began, and what was taken since.
    taken: HashMap<Option<String>, (u64, u32)>,
    held: HashMap<Option<String>, Rc<()>>,
}

thread_local! {
    static LIMITS: RefCell<BTreeMap<String, FakeLimit>> = RefCell::default();
}

pub(crate) fn limits<T>(call: impl FnOnce(&mut BTreeMap<String, FakeLimit>) -> T) -> T {
    LIMITS.with_borrow_mut(call)
}

pub(crate) struct Limiter(String);

/// Counted for as long as it lives.
pub(crate) struct LimitPermit(#[allow(dead_code, reason = "counted")] Rc<()>);

impl Limiter {
    pub(crate) fn open(name: &str) -> Result<Self, String> {
        if !limits(|limits| limits.contains_key(name)) {
            return Err(format!("no rate limit is called `{name}`"));
        }
        Ok(Self(name.to_owned()))
    }

    pub(crate) fn ask(&self, key: Option<&str>, cost: u32) -> Decision {
        let key = key.map(str::to_owned);
        limits(|limits| limits.entry(self.0.clone()).or_default().ask(key, cost))
    }
}

impl FakeLimit {
    fn ask(&mut self, key: Option<String>, cost: u32) -> Decision {
        let refuse = |cause, retry_after, remaining| {
            Decision::Refused(Refusal {
                cause,
                retry_after,
                remaining,
            })
        };
        let held = Rc::clone(self.held.entry(key.clone()).or_default());
        // Two of the handles are the map's and this one.
        let under_way = Rc::strong_count(&held) - 2;
        if cost > 0 && self.permits.is_some_and(|most| under_way >= most as usize) {
            return refuse(Cause::Concurrency, Duration::ZERO, None);
        }
        let permit = self.permits.filter(|_| cost > 0);
        let permit = permit.map(|_| Permit::held(LimitPermit(held)));
        let Some(amount) = self.amount else {
            let remaining = None;
            return Decision::Admitted(Admission { remaining, permit });
        };
        if cost > amount {
            return refuse(Cause::Cost, Duration::ZERO, None);
        }
        let now = monotonic();
        let window = u64::try_from(self.window.as_nanos()).unwrap_or(u64::MAX);
        let taken = self.taken.entry(key).or_insert((now, 0));
        let ends = taken.0.saturating_add(window);
        if ends <= now {
            *taken = (now, 0);
        }
        let left = amount - taken.1;
        if cost > left {
            return refuse(Cause::Rate, Duration::from_nanos(ends - now), Some(left));
        }
        taken.1 += cost;
        Decision::Admitted(Admission {
            remaining: Some(left - cost),
            permit,
        })
    }
}

// Where the component's backend translates generated types, there is nothing to translate here.

pub(crate) fn decision(decision: Decision) -> Decision {
    decision
}
