//! How the descriptors are doing, for operators and for Prometheus.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{Descriptors, declare::Known};
use crate::telemetry::metrics::Family;

/// How one name is doing.
#[derive(Clone, Debug)]
pub struct DescriptorsStatus {
    pub name: Arc<str>,
    /// Files, or a server without what may be secret in its URL.
    pub source: String,
    /// Of what serves; none while there is nothing.
    pub digest: Option<String>,
    /// Of the newest good content, which may have been refused.
    pub newest: Option<String>,
    /// Since the newest content was last confirmed.
    pub age: Option<Duration>,
    /// Until a server is asked again.
    pub next: Option<Duration>,
    pub fetches: u64,
    pub failures: u64,
    /// Why what serves may be out of date.
    pub error: Option<String>,
}

impl From<Known> for DescriptorsStatus {
    fn from(known: Known) -> Self {
        let source = &known.source;
        let state = source.state();
        let flaw = state.flaw.as_ref().map(|flaw| flaw.message.clone());
        Self {
            name: known.name,
            source: source.definition.shown(),
            digest: known.live,
            newest: (state.content.as_ref()).map(|content| content.digest().to_owned()),
            age: state.confirmed.map(|confirmed| confirmed.elapsed()),
            next: (state.next).map(|next| next.saturating_duration_since(Instant::now())),
            fetches: source.fetches.load(Relaxed),
            failures: source.failures.load(Relaxed),
            error: flaw.or(known.refused),
        }
    }
}

impl Descriptors {
    /// In the order of their names.
    pub fn status(&self) -> Vec<DescriptorsStatus> {
        self.all().into_iter().map(Into::into).collect()
    }

    /// Appends the numbers in the text format of Prometheus.
    pub fn render(&self, out: &mut String) {
        let all = self.status();
        if all.is_empty() {
            return;
        }
        let by_name = |mut family: Family<'_>, value: fn(&DescriptorsStatus) -> Option<f64>| {
            let rows = all.iter().filter_map(|one| Some((&*one.name, value(one)?)));
            family.by("name", rows);
        };
        let help = "Since the content was last confirmed.";
        let name = "witgate_descriptors_age_seconds";
        by_name(Family::gauge(out, name, help), |one| {
            one.age.map(|age| age.as_secs_f64())
        });
        let help = "1 when there is content that serves.";
        by_name(
            Family::gauge(out, "witgate_descriptors_ready", help),
            |one| Some(f64::from(u8::from(one.digest.is_some()))),
        );
        let help = "1 when the newest content could not be had, or is refused.";
        by_name(
            Family::gauge(out, "witgate_descriptors_stale", help),
            |one| Some(f64::from(u8::from(one.error.is_some()))),
        );
        let help = "Readings and fetches.";
        let name = "witgate_descriptors_fetches_total";
        by_name(Family::counter(out, name, help), |one| {
            Some(one.fetches as f64)
        });
        let help = "Readings and fetches that failed.";
        let name = "witgate_descriptors_fetch_failures_total";
        by_name(Family::counter(out, name, help), |one| {
            Some(one.failures as f64)
        });
    }
}
