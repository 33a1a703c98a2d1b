//! What is known of one endpoint.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

use super::Plan;

const UNKNOWN: u8 = 0;
const WELL: u8 = 1;
const UNWELL: u8 = 2;

/// What is known of one endpoint. Workers only look at `standing`.
#[derive(Debug, Default)]
pub struct State {
    standing: AtomicU8,
    successes: AtomicU64,
    failures: AtomicU64,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    since: Option<SystemTime>,
    last_error: Option<String>,
    /// Results in a row that speak against the standing.
    against: u16,
}

/// What is shown of an endpoint.
#[derive(Clone, Debug)]
pub struct Report {
    /// None before the first check has ended.
    pub well: Option<bool>,
    pub since: Option<SystemTime>,
    pub last_error: Option<String>,
    pub successes: u64,
    pub failures: u64,
}

impl State {
    /// An endpoint that nothing is known of counts as well.
    pub fn is_well(&self) -> bool {
        self.standing.load(Relaxed) != UNWELL
    }

    pub fn report(&self) -> Report {
        let told = self.told();
        Report {
            well: match self.standing.load(Relaxed) {
                UNKNOWN => None,
                standing => Some(standing == WELL),
            },
            since: told.since,
            last_error: told.last_error.clone(),
            successes: self.successes.load(Relaxed),
            failures: self.failures.load(Relaxed),
        }
    }

    /// Notes what a check came to; true when it changed the endpoint's standing.
    pub(super) fn note(&self, result: Result<(), String>, plan: &Plan) -> bool {
        let (count, found) = match result {
            Ok(()) => (&self.successes, WELL),
            Err(_) => (&self.failures, UNWELL),
        };
        count.fetch_add(1, Relaxed);
        let mut told = self.told();
        if let Err(error) = result {
            told.last_error = Some(error);
        }
        let standing = self.standing.load(Relaxed);
        if found == standing {
            told.against = 0;
            return false;
        }
        told.against += 1;
        let enough = match (standing, found) {
            (UNKNOWN, _) => 1,
            (_, WELL) => plan.healthy,
            _ => plan.unhealthy,
        };
        if told.against < enough {
            return false;
        }
        told.against = 0;
        told.since = Some(SystemTime::now());
        self.standing.store(found, Relaxed);
        // That the first check of all succeeds is no news.
        (standing, found) != (UNKNOWN, WELL)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::Ask, *};

    #[test]
    fn it_takes_several_checks_to_change_a_standing() {
        let plan = Plan {
            ask: Ask::Grpc {
                service: String::new(),
            },
            interval: Duration::ZERO,
            timeout: Duration::ZERO,
            healthy: 2,
            unhealthy: 3,
            fail_open: false,
        };
        let state = State::default();
        let bad = || Err(String::from("bad"));
        assert!(state.is_well() && state.report().well.is_none());
        assert!(state.note(bad(), &plan) && !state.is_well());
        assert!(!state.note(Ok(()), &plan) && !state.is_well());
        assert!(!state.note(bad(), &plan));
        assert!(!state.note(Ok(()), &plan) && !state.is_well());
        assert!(state.note(Ok(()), &plan) && state.is_well());
        for _ in 0..2 {
            assert!(!state.note(bad(), &plan) && state.is_well());
        }
        assert!(state.note(bad(), &plan) && !state.is_well());
        let report = state.report();
        assert_eq!((report.successes, report.failures), (3, 5));
        assert_eq!(report.last_error.as_deref(), Some("bad"));
    }
}
