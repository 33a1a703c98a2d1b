//! Checks all endpoints of all upstreams that want it, on the control thread.

use std::{collections::HashMap, hash::BuildHasher, sync::Arc, time::Duration};

use tokio::{
    task::{AbortHandle, spawn_local},
    time::{Instant, sleep_until, timeout},
};

use super::{super::compile::Upstream, Health, probe::probe};

/// The checks that are going on.
#[derive(Debug, Default)]
pub struct Checker {
    /// By the id of the upstream.
    running: HashMap<u64, Checks>,
}

/// The checks of one upstream; they end with this value.
#[derive(Debug)]
struct Checks(Vec<AbortHandle>);

impl Drop for Checks {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Checker {
    /// From now on these are checked, and no others. Those that are checked already go on.
    pub fn follow<'a>(&mut self, upstreams: impl Iterator<Item = &'a Arc<Upstream>>) {
        let mut running = HashMap::new();
        for upstream in upstreams {
            let checks = self.running.remove(&upstream.id);
            running.insert(
                upstream.id,
                checks.unwrap_or_else(|| Checks::start(upstream)),
            );
        }
        self.running = running;
    }
}

impl Checks {
    fn start(upstream: &Arc<Upstream>) -> Self {
        let endpoints = 0..upstream.endpoints.len();
        let start = |index| spawn_local(check(Arc::clone(upstream), index)).abort_handle();
        Self(endpoints.map(start).collect())
    }
}

/// Checks one endpoint, forever.
async fn check(upstream: Arc<Upstream>, index: usize) {
    let Some(health) = &upstream.health else {
        return;
    };
    loop {
        let next = Instant::now() + spread(health.plan.interval);
        check_once(&upstream, health, index).await;
        sleep_until(next).await;
    }
}

async fn check_once(upstream: &Upstream, health: &Health, index: usize) {
    let (endpoint, state) = (&upstream.endpoints[index], &health.states[index]);
    let limit = health.plan.timeout;
    let probed = timeout(limit, probe(upstream, endpoint, &health.plan.ask)).await;
    let result = probed.unwrap_or_else(|_| Err(format!("no answer within {limit:?}")));
    let reason = result.as_ref().err().cloned();
    if !state.note(result, &health.plan) {
        return;
    }
    let (upstream, endpoint) = (&*upstream.name, &*endpoint.url);
    match reason {
        Some(reason) => tracing::warn!(upstream, endpoint, reason, "an endpoint is unhealthy"),
        None => tracing::info!(upstream, endpoint, "an endpoint is healthy again"),
    }
}

/// A tenth more or less, so that checks of many endpoints do not come together.
fn spread(interval: Duration) -> Duration {
    let chance = std::hash::RandomState::new().hash_one(()) % 1024;
    interval.mul_f64(0.9 + 0.2 * chance as f64 / 1024.0)
}
