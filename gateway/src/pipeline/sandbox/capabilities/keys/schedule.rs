//! When a key set is fetched: at once, then at intervals, sooner when a key is missing, later when it fails.

use std::{sync::Weak, time::Duration};

use aws_lc_rs::rand;

use super::{
    definition::{self, Definition, LEAST_REFRESH},
    fetch::{Fetched, Fetcher},
    set::Set,
};

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(60);

/// Runs on the control runtime for as long as somebody holds the set.
pub(super) async fn keep_fresh(name: String, set: Weak<Set>) {
    let mut rounds = Rounds {
        name,
        fetcher: Fetcher::default(),
        failed: 0,
    };
    let mut why = Why::Due;
    while let Some(next) = rounds.next(&set, why).await
        && let Some(then) = wait(&set, next).await
    {
        why = then;
    }
}

/// Why a fetch begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Due,
    /// A key is missing.
    Wanted,
}

/// The fetches of one set, one after the other.
struct Rounds {
    name: String,
    fetcher: Fetcher,
    /// How many in a row.
    failed: u32,
}

impl Rounds {
    /// One fetch, and the time until the next; none once the set has gone.
    async fn next(&mut self, set: &Weak<Set>, why: Why) -> Option<Duration> {
        let set = set.upgrade()?;
        let Definition::Fetched {
            origin, refresh, ..
        } = &set.definition
        else {
            return None;
        };
        set.begin_round();
        let fetched = self.fetcher.fetch(origin, why == Why::Wanted).await;
        set.progress().found = self.fetcher.found.as_ref().map(definition::shown);
        let next = match fetched {
            Ok(fetched) => self.take(&set, fetched, *refresh),
            Err(failure) => {
                let (key_set, reason) = (&*self.name, failure.kind.name());
                tracing::warn!(key_set, reason, error = %failure, "the keys cannot be fetched; what is known of them stays");
                set.fail(&failure);
                self.failed += 1;
                retry_after(self.failed).min(*refresh)
            }
        };
        let next = jitter(next);
        set.end_round(next);
        Some(next)
    }

    fn take(&mut self, set: &Set, fetched: Fetched, refresh: Duration) -> Duration {
        if self.failed > 0 {
            let (key_set, failed) = (&*self.name, self.failed);
            tracing::info!(key_set, failed, "the keys can be fetched again");
        }
        self.failed = 0;
        let next = fresh_for(&fetched, refresh);
        if set.publish(fetched.jwks) {
            set.content().jwks.announce(&self.name);
        }
        next
    }
}

/// Does not keep the set alive: it may go while nobody needs it. None once it has gone.
async fn wait(set: &Weak<Set>, time: Duration) -> Option<Why> {
    // Often enough to notice, seldom enough to cost nothing.
    const LOOK: Duration = Duration::from_secs(5);
    let until = tokio::time::Instant::now() + time;
    while tokio::time::Instant::now() < until {
        let set = set.upgrade()?;
        let look = until.min(tokio::time::Instant::now() + LOOK);
        if tokio::time::timeout_at(look, set.wanted.notified())
            .await
            .is_ok()
        {
            return Some(Why::Wanted);
        }
    }
    Some(Why::Due)
}

/// The issuer may ask for more care than the operator, but not for a fetch every second.
fn fresh_for(fetched: &Fetched, refresh: Duration) -> Duration {
    let max_age = fetched.max_age.unwrap_or(refresh);
    max_age.clamp(LEAST_REFRESH, refresh)
}

fn retry_after(failed: u32) -> Duration {
    let doublings = failed.saturating_sub(1).min(6);
    (FIRST_RETRY * (1 << doublings)).min(LAST_RETRY)
}

/// Up to a tenth less, so that many gateways do not ask in the same second.
fn jitter(time: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness there is no jitter, and nothing else is lost.
    let _ = rand::fill(&mut byte);
    time - time / 10 * u32::from(byte[0]) / 255
}

#[cfg(test)]
mod tests {
    use super::{super::jwks::Jwks, *};

    #[test]
    fn a_failing_issuer_is_asked_less_and_less() {
        let seconds = (1..10).map(|failed| retry_after(failed).as_secs());
        assert_eq!(
            seconds.collect::<Vec<_>>(),
            [1, 2, 4, 8, 16, 32, 60, 60, 60]
        );
        assert_eq!(retry_after(u32::MAX), LAST_RETRY);
    }

    #[test]
    fn max_age_shortens_the_interval_within_reason() {
        let next = |max_age: Option<u64>| {
            let fetched = Fetched {
                jwks: Jwks::default(),
                max_age: max_age.map(Duration::from_secs),
            };
            fresh_for(&fetched, Duration::from_secs(600)).as_secs()
        };
        assert_eq!(
            [
                next(None),
                next(Some(60)),
                next(Some(0)),
                next(Some(86_400))
            ],
            [600, 60, 10, 600]
        );
    }

    #[test]
    fn jitter_only_shortens_and_only_a_little() {
        for _ in 0..100 {
            let time = jitter(Duration::from_secs(600)).as_secs();
            assert!((540..=600).contains(&time), "{time}");
        }
    }
}
