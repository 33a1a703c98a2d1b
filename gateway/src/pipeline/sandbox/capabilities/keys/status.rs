//! How the key sets are doing, for operators and for Prometheus.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{Keys, failure::Kind, set::Set};
use crate::telemetry::metrics::Family;

/// How one key set is doing.
#[derive(Clone, Debug)]
pub struct KeySetStatus {
    pub name: Arc<str>,
    /// The file, or the URL without what may be secret in it.
    pub source: String,
    /// 0 until the first content is there.
    pub version: u64,
    /// Of each key its id, if it has one.
    pub kids: Vec<Option<String>>,
    /// Since the content was last confirmed.
    pub age: Option<Duration>,
    /// Until the next fetch; none for a file, which is read again when it changes, and while a fetch is under way.
    pub next: Option<Duration>,
    pub fetches: u64,
    pub failures: u64,
    /// Those of each kind, in the order of [`Kind::ALL`].
    failures_by_kind: [u64; Kind::ALL.len()],
    /// Where the issuer has its keys, for a set that is found by its issuer.
    pub jwks_uri: Option<String>,
    /// Keys that are left out though they are meant for signatures.
    pub unusable: usize,
    /// What operators should know about the content.
    pub oddities: Vec<String>,
    /// Of the last fetch, if it failed: what is there may be out of date.
    pub error: Option<String>,
}

impl KeySetStatus {
    fn of(name: Arc<str>, set: &Set) -> Self {
        let content = set.content();
        let progress = set.progress();
        let next = progress.next.filter(|_| !progress.pending);
        let failures_by_kind = Kind::ALL.map(|kind| set.failures(kind));
        Self {
            name,
            source: set.definition.shown(),
            version: content.version,
            kids: content.jwks.kids.clone(),
            age: progress.succeeded.map(|succeeded| succeeded.elapsed()),
            next: next.map(|next| next.saturating_duration_since(Instant::now())),
            fetches: set.fetches.load(Relaxed),
            failures: failures_by_kind.iter().sum(),
            failures_by_kind,
            jwks_uri: progress.found.clone(),
            unusable: content.jwks.unusable,
            oddities: content.jwks.oddities.clone(),
            error: progress.error.clone(),
        }
    }
}

impl Keys {
    /// In the order of their names.
    pub fn status(&self) -> Vec<KeySetStatus> {
        let all = self.all().into_iter();
        all.map(|(name, set)| KeySetStatus::of(name, &set))
            .collect()
    }

    /// Appends the numbers in the text format of Prometheus.
    pub fn render(&self, out: &mut String) {
        let all = self.status();
        if all.is_empty() {
            return;
        }
        let by_name = |mut family: Family<'_>, value: fn(&KeySetStatus) -> Option<f64>| {
            let rows = all.iter().filter_map(|one| Some((&*one.name, value(one)?)));
            family.by("key_set", rows);
        };
        let help = "Since the keys were last confirmed.";
        by_name(
            Family::gauge(out, "witgate_key_set_age_seconds", help),
            |one| one.age.map(|age| age.as_secs_f64()),
        );
        let help = "Keys in the set.";
        by_name(Family::gauge(out, "witgate_key_set_keys", help), |one| {
            Some(one.kids.len() as f64)
        });
        let help = "1 when the last fetch failed, and what is known is kept.";
        by_name(Family::gauge(out, "witgate_key_set_stale", help), |one| {
            Some(f64::from(u8::from(one.error.is_some())))
        });
        let help = "Fetches begun.";
        by_name(
            Family::counter(out, "witgate_key_set_fetches_total", help),
            |one| Some(one.fetches as f64),
        );
        let help = "Keys that are left out though they are meant for signatures.";
        by_name(
            Family::gauge(out, "witgate_key_set_unusable_keys", help),
            |one| Some(one.unusable as f64),
        );
        // One series for each reason, so that an alert can tell a slow issuer from a wrong one.
        let help = "Fetches that failed.";
        let mut family = Family::counter(out, "witgate_key_set_fetch_failures_total", help);
        for one in &all {
            for (kind, count) in Kind::ALL.into_iter().zip(one.failures_by_kind) {
                family.sample(&[("key_set", &one.name), ("reason", kind.name())], count);
            }
        }
    }
}
