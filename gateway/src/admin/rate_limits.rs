//! `GET /rate-limits`: the limits, who is counted how, and what they have answered. Keys are not shown: they may be secrets,
//! and of most there is nothing left but a number.

use std::{collections::BTreeMap, sync::Arc};

use http::StatusCode;
use serde::Serialize;

use super::{Answer, Control, json};
use crate::{
    pipeline::limiter::{Cause, Counts, Limit},
    telemetry::metrics::Family,
};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    name: String,
    /// As it could be written.
    allows: String,
    warm_up_s: Option<f64>,
    routes: Vec<String>,
    /// Those that are not as good as new.
    keys: u64,
    under_way: u64,
    admitted: u64,
    skipped: u64,
    refused: BTreeMap<&'static str, u64>,
    /// Answers to keys that there was no room for.
    crowded: u64,
}

impl Shown {
    fn new(limit: &Limit, routes: &[Arc<str>], counts: &Counts) -> Self {
        let warm_up = limit.definition.terms.warm_up();
        Self {
            name: limit.name.to_string(),
            allows: limit.definition.to_string(),
            warm_up_s: warm_up.map(|time| time.as_secs_f64()),
            routes: routes.iter().map(ToString::to_string).collect(),
            keys: counts.keys,
            under_way: counts.under_way,
            admitted: counts.tally.admitted,
            skipped: counts.tally.skipped,
            refused: Cause::ALL
                .map(|it| (it.name(), counts.tally.refused[it as usize]))
                .into(),
            crowded: counts.crowded,
        }
    }
}

/// A limit, and the names of the routes that ask it.
type Used = (Arc<Limit>, Vec<Arc<str>>);

pub(super) fn answer(control: &Control) -> Answer {
    let limits = control.host().limits();
    let counts = limits.counts();
    let mut by_name = BTreeMap::<Arc<str>, Used>::new();
    for limit in limits.live().iter() {
        by_name.insert(Arc::clone(&limit.name), (Arc::clone(limit), Vec::new()));
    }
    let snapshot = control.snapshot();
    for route in snapshot.table.routes() {
        for limit in route.limits.iter().flat_map(|limits| limits.limits()) {
            let entry = by_name.entry(Arc::clone(&limit.name));
            let (_, routes) = entry.or_insert_with(|| (Arc::clone(limit), Vec::new()));
            // A route may name a limit twice.
            if routes.last() != Some(&route.name) {
                routes.push(Arc::clone(&route.name));
            }
        }
    }
    let shown: Vec<_> = by_name
        .into_iter()
        .map(|(name, (limit, mut routes))| {
            routes.sort();
            let counts = counts.get(&name).copied().unwrap_or_default();
            Shown::new(&limit, &routes, &counts)
        })
        .collect();
    json(StatusCode::OK, &shown)
}

/// In the text format of Prometheus.
pub(super) fn render(control: &Control, out: &mut String) {
    let counts = control.host().limits().counts();
    let help = "Answers of a limit, by what it decided.";
    let mut family = Family::counter(out, "witgate_rate_limit_total", help);
    for (limit, counts) in &counts {
        let tally = &counts.tally;
        let refused = Cause::ALL.map(|it| (it.name(), tally.refused[it as usize]));
        let others = [("admitted", tally.admitted), ("skipped", tally.skipped)];
        for (decision, count) in others.into_iter().chain(refused) {
            family.sample(&[("limit", limit), ("decision", decision)], count);
        }
    }
    let by_limit = |mut family: Family<'_>, value: fn(&Counts) -> u64| {
        family.by(
            "limit",
            counts
                .iter()
                .map(|(limit, counts)| (&**limit, value(counts))),
        );
    };
    let help = "Keys that a limit keeps a count for.";
    by_limit(
        Family::gauge(out, "witgate_rate_limit_keys", help),
        |counts| counts.keys,
    );
    let help = "Requests that hold a permit of a limit on concurrency.";
    let name = "witgate_rate_limit_under_way";
    by_limit(Family::gauge(out, name, help), |counts| counts.under_way);
    let help = "Answers to keys that a limit had no room for.";
    let name = "witgate_rate_limit_crowded_total";
    by_limit(Family::counter(out, name, help), |counts| counts.crowded);
}
