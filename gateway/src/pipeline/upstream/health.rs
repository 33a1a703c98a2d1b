//! Whether the endpoints of an upstream are well: checked from the control thread ([`Checker`]), read by workers with one
//! load of an atomic.

mod checker;
mod compile;
mod probe;
mod state;

use std::{sync::Arc, time::Duration};

use http::uri::PathAndQuery;

pub use checker::Checker;
pub use state::{Report, State};

pub(super) use compile::compile;

/// The health of one upstream.
#[derive(Debug)]
pub struct Health {
    plan: Plan,
    /// In the order of the endpoints. Shared with the upstream that had the same endpoints before.
    states: Box<[Arc<State>]>,
}

/// How endpoints are checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    ask: Ask,
    interval: Duration,
    timeout: Duration,
    /// Successes in a row after which an endpoint is well again.
    healthy: u16,
    /// Failures in a row after which it is unwell.
    unhealthy: u16,
    fail_open: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Ask {
    Grpc { service: String },
    Http { path: PathAndQuery },
}

impl Health {
    /// `known` tells the state of an endpoint that was there before, under the same checks.
    pub(super) fn new<'a>(
        plan: Plan,
        endpoints: impl Iterator<Item = &'a str>,
        known: impl Fn(&str) -> Option<Arc<State>>,
    ) -> Self {
        Self {
            plan,
            states: endpoints
                .map(|url| known(url).unwrap_or_default())
                .collect(),
        }
    }

    /// Whether an endpoint gets requests.
    pub fn is_well(&self, endpoint: usize) -> bool {
        self.states.get(endpoint).is_none_or(|it| it.is_well())
    }

    /// Whether all endpoints get requests when none is well.
    pub fn fails_open(&self) -> bool {
        self.plan.fail_open
    }

    /// In the order of the endpoints.
    pub fn states(&self) -> &[Arc<State>] {
        &self.states
    }

    /// Whether what is known of endpoints holds under these checks too.
    pub(super) fn asks_like(&self, plan: &Plan) -> bool {
        self.plan.ask == plan.ask
    }
}
