//! Capability `limits`: the rate limits that the operator declared under `rate-limits` in `witgate.yaml`. A plugin asks
//! the same counts as the routes that name the limit.
//!
//! ```
//! use witgate_plugin::{limits::{Decision, Limiter}, prelude::*, testing};
//!
//! # fn main() -> std::result::Result<(), String> {
//! # testing::limits::set("per-tenant", 2, std::time::Duration::from_secs(1));
//! let limiter = Limiter::open("per-tenant")?;
//! let reply = match limiter.ask(Some("acme"), 1) {
//!     Decision::Admitted(_) => None,
//!     Decision::Refused(refusal) => Some(Reply::new(429).header("retry-after", refusal.seconds().to_string())),
//! };
//! # assert!(reply.is_none());
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use crate::backend;

/// One limit.
pub struct Limiter(backend::Limiter);

/// A place among those that a limit on concurrency gives. It is free again when this is dropped: in the state of an
/// exchange ([`Policy::State`](crate::Policy::State)) it lasts as long as the exchange.
pub struct Permit(
    #[allow(dead_code, reason = "held for the sake of its end")] backend::LimitPermit,
);

/// What a limit says to a question.
#[derive(Debug)]
pub enum Decision {
    /// The cost has been taken.
    Admitted(Admission),
    /// Nothing has been taken.
    Refused(Refusal),
}

#[derive(Debug)]
pub struct Admission {
    /// What is left of the cost that could be asked for at once; none when the limit has no rates.
    pub remaining: Option<u32>,
    /// Only of a limit with `concurrency`.
    pub permit: Option<Permit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub cause: Cause,
    /// After which the same question could be answered otherwise; zero when nobody knows.
    pub retry_after: Duration,
    /// What is left, if it was too little.
    pub remaining: Option<u32>,
}

/// Why a limit refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A rate is used up.
    Rate,
    /// Too many are under way.
    Concurrency,
    /// The cost is more than a rate can ever give at once.
    Cost,
    /// There is no key, and the limit wants one (`missing: refuse`).
    Key,
}

impl Limiter {
    /// Fails when no limit has that name.
    pub fn open(name: &str) -> Result<Self, String> {
        backend::Limiter::open(name).map(Self)
    }

    /// Takes `cost` from the limit, or nothing. A cost of 0 takes nothing, no permit either, and tells what is left.
    ///
    /// `key` says whom to count it for, in the place of what `by` says of the limit: for `by: tenant` a tenant, for
    /// `by: address` an address. A limit without `by` counts everything together and needs none.
    pub fn ask(&self, key: Option<&str>, cost: u32) -> Decision {
        backend::decision(self.0.ask(key, cost))
    }
}

impl Permit {
    pub(crate) fn held(permit: backend::LimitPermit) -> Self {
        Self(permit)
    }
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Permit")
    }
}

impl Refusal {
    /// For `Retry-After` (RFC 9110 section 10.2.3): whole seconds, rounded up, at least 1.
    pub fn seconds(&self) -> u64 {
        let seconds = self.retry_after.as_millis().div_ceil(1000);
        u64::try_from(seconds).unwrap_or(u64::MAX).max(1)
    }
}
