//! How the key sets are doing, for operators and for Prometheus.

use std::{
    fmt::Write,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{Keys, failure::Kind, set::Set};

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
        family(
            out,
            "age_seconds",
            "gauge",
            "Since the keys were last confirmed.",
            &all,
            |one| one.age.map(|age| age.as_secs_f64()),
        );
        family(out, "keys", "gauge", "Keys in the set.", &all, |one| {
            Some(one.kids.len() as f64)
        });
        family(
            out,
            "stale",
            "gauge",
            "1 when the last fetch failed, and what is known is kept.",
            &all,
            |one| Some(f64::from(u8::from(one.error.is_some()))),
        );
        family(
            out,
            "fetches_total",
            "counter",
            "Fetches begun.",
            &all,
            |one| Some(one.fetches as f64),
        );
        family(
            out,
            "unusable_keys",
            "gauge",
            "Keys that are left out though they are meant for signatures.",
            &all,
            |one| Some(one.unusable as f64),
        );
        failures(out, &all);
    }
}

/// One series for each reason, so that an alert can tell a slow issuer from a wrong one.
fn failures(out: &mut String, all: &[KeySetStatus]) {
    let name = "fetch_failures_total";
    head(out, name, "counter", "Fetches that failed.", all);
    for one in all {
        for (kind, count) in Kind::ALL.into_iter().zip(one.failures_by_kind) {
            let (label, reason) = (label(one), kind.name());
            // Writing to a string does not fail.
            let _ = writeln!(
                out,
                "witgate_key_set_{name}{{key_set=\"{label}\",reason=\"{reason}\"}} {count}"
            );
        }
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str, all: &[KeySetStatus]) {
    if !all.is_empty() {
        let _ = writeln!(out, "# HELP witgate_key_set_{name} {help}");
        let _ = writeln!(out, "# TYPE witgate_key_set_{name} {kind}");
    }
}

fn label(one: &KeySetStatus) -> String {
    let name = one.name.replace('\\', "\\\\").replace('"', "\\\"");
    name.replace('\n', "\\n")
}

fn family(
    out: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    all: &[KeySetStatus],
    value: impl Fn(&KeySetStatus) -> Option<f64>,
) {
    head(out, name, kind, help, all);
    for one in all {
        if let Some(value) = value(one) {
            let label = label(one);
            let _ = writeln!(out, "witgate_key_set_{name}{{key_set=\"{label}\"}} {value}");
        }
    }
}
