//! Rate limits in a test.
//!
//! ```
//! use std::time::Duration;
//! use witgate_plugin::{limits::{Decision, Limiter}, testing};
//!
//! testing::limits::set("per-tenant", 1, Duration::from_secs(1));
//! let limiter = Limiter::open("per-tenant").unwrap();
//! assert!(matches!(limiter.ask(Some("acme"), 1), Decision::Admitted(_)));
//! assert!(matches!(limiter.ask(Some("acme"), 1), Decision::Refused(_)));
//! assert!(matches!(limiter.ask(Some("umbrella"), 1), Decision::Admitted(_)));
//! testing::advance(Duration::from_secs(1));
//! assert!(matches!(limiter.ask(Some("acme"), 1), Decision::Admitted(_)));
//! ```

use std::time::Duration;

use crate::backend::{FakeLimit, limits};

/// Declares a limit, or changes it: so much for each key, in a window that begins with the key's first question. The gateway's own
/// limits give back little by little instead; what a plugin makes of the answers is the same.
pub fn set(name: &str, amount: u32, window: Duration) {
    change(name, |limit| {
        limit.amount = Some(amount);
        limit.window = window;
    });
}

/// Declares a limit on concurrency, or adds it to a limit that there is: so many permits for each key.
pub fn set_concurrency(name: &str, permits: u32) {
    change(name, |limit| limit.permits = Some(permits));
}

fn change(name: &str, change: impl FnOnce(&mut FakeLimit)) {
    limits(|limits| change(limits.entry(name.to_owned()).or_default()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Cause, Decision, Limiter};

    #[test]
    fn a_permit_is_free_again_when_it_is_dropped() {
        set_concurrency("few", 1);
        let few = Limiter::open("few").unwrap();
        let first = few.ask(Some("a"), 1);
        assert!(matches!(&first, Decision::Admitted(it) if it.permit.is_some()));
        assert!(matches!(few.ask(Some("b"), 1), Decision::Admitted(_)));
        let Decision::Refused(refusal) = few.ask(Some("a"), 1) else {
            panic!("there is one permit");
        };
        assert_eq!(refusal.cause, Cause::Concurrency);
        assert_eq!(refusal.seconds(), 1);
        drop(first);
        assert!(matches!(few.ask(Some("a"), 1), Decision::Admitted(_)));
    }

    #[test]
    fn a_cost_of_nothing_tells_what_is_left() {
        set("some", 3, Duration::from_secs(10));
        let some = Limiter::open("some").unwrap();
        let left = |cost| match some.ask(None, cost) {
            Decision::Admitted(admission) => admission.remaining,
            Decision::Refused(refusal) => refusal.remaining,
        };
        assert_eq!([0, 2, 0, 2, 1, 1].map(left), [3, 1, 1, 1, 0, 0].map(Some));
        assert!(Limiter::open("none").is_err());
    }
}
