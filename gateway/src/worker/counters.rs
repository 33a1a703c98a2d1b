//! The worker's own way to the counters of routes: by number, not by name.

use std::{cell::RefCell, sync::Arc};

use crate::{
    snapshot::Route,
    telemetry::metrics::{Observation, RouteCounters, Shard},
};

/// What counts requests that no route matches.
const UNMATCHED: &str = "-";

/// Counters of routes, by the id of the route.
pub struct Counters {
    shard: Arc<Shard>,
    unmatched: Arc<RouteCounters>,
    by_route: RefCell<Vec<Option<Arc<RouteCounters>>>>,
}

impl Counters {
    pub(super) fn new(shard: &Arc<Shard>) -> Self {
        let unmatched = shard.route(&UNMATCHED.into());
        Self {
            shard: Arc::clone(shard),
            unmatched,
            by_route: RefCell::default(),
        }
    }

    pub fn observe(&self, route: Option<&Route>, observation: &Observation) {
        self.with(route, |counters| counters.observe(observation));
    }

    pub fn note(&self, route: Option<&Route>, kind: &Arc<str>) {
        self.with(route, |counters| counters.notes.count(kind));
    }

    fn with(&self, route: Option<&Route>, count: impl FnOnce(&RouteCounters)) {
        let Some(route) = route else {
            return count(&self.unmatched);
        };
        let id = route.id as usize;
        let mut by_route = self.by_route.borrow_mut();
        if by_route.len() <= id {
            by_route.resize(id + 1, None);
        }
        count(by_route[id].get_or_insert_with(|| self.shard.route(&route.name)));
    }
}
