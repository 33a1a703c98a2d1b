//! When a server is asked to describe itself: at once, then at intervals, later when it fails.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::sync::Notify;

use super::{definition::Origin, read::Flaw, reflection, source::Source};

const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// Runs on the control runtime for as long as somebody holds the source.
pub(super) async fn keep_fresh(name: String, source: Weak<Source>, changed: Arc<Notify>) {
    let mut failed = 0;
    loop {
        let Some(next) = round(&name, &source, &changed, &mut failed).await else {
            return;
        };
        if !wait(&source, next).await {
            return;
        }
    }
}

/// One fetch, and the time until the next.
async fn round(
    name: &str,
    source: &Weak<Source>,
    changed: &Notify,
    failed: &mut u32,
) -> Option<Duration> {
    let source = source.upgrade()?;
    let Origin::Reflection { refresh, .. } = &source.definition.origin else {
        return None;
    };
    let before = source.state().flaw.is_some();
    if fetch_once(&source).await {
        changed.notify_one();
    }
    let flaw = source.state().flaw.as_ref().map(|it| it.message.clone());
    let next = match flaw {
        None => {
            *failed = 0;
            if before {
                tracing::info!(descriptors = name, "the server describes itself again");
            }
            *refresh
        }
        Some(error) => {
            tracing::warn!(descriptors = name, %error, "the server does not describe itself; what is known stays");
            *failed += 1;
            retry_after(*failed).min(*refresh)
        }
    };
    source.set_next(next);
    Some(next)
}

/// True if the content is another than before.
pub(super) async fn fetch_once(source: &Source) -> bool {
    let Origin::Reflection {
        server, services, ..
    } = &source.definition.origin
    else {
        return false;
    };
    let fetched = reflection::fetch(server, services).await;
    source.take(fetched.map_err(Flaw::new))
}

/// Does not keep the source alive. False once it has gone.
async fn wait(source: &Weak<Source>, time: Duration) -> bool {
    // Often enough to notice, seldom enough to cost nothing.
    const LOOK: Duration = Duration::from_secs(5);
    let until = tokio::time::Instant::now() + time;
    while tokio::time::Instant::now() < until {
        tokio::time::sleep_until(until.min(tokio::time::Instant::now() + LOOK)).await;
        if source.strong_count() == 0 {
            return false;
        }
    }
    true
}

fn retry_after(failed: u32) -> Duration {
    let doublings = failed.saturating_sub(1).min(10);
    (FIRST_RETRY * (1 << doublings)).min(LAST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_down_is_asked_less_and_less() {
        let millis = (1..9).map(|failed| retry_after(failed).as_millis());
        let expected = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
        assert_eq!(millis.collect::<Vec<_>>(), expected);
        assert_eq!(retry_after(u32::MAX), LAST_RETRY);
    }
}
