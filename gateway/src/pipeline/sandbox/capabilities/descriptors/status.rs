//! How the descriptors are doing, for operators and for Prometheus.

use std::{
    fmt::Write,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{Descriptors, declare::Known};

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

/// A name, its type, what it says, and its value.
type Family = (
    &'static str,
    &'static str,
    &'static str,
    fn(&DescriptorsStatus) -> Option<f64>,
);

const FAMILIES: [Family; 5] = [
    (
        "age_seconds",
        "gauge",
        "Since the content was last confirmed.",
        |one| one.age.map(|age| age.as_secs_f64()),
    ),
    (
        "ready",
        "gauge",
        "1 when there is content that serves.",
        |one| Some(f64::from(u8::from(one.digest.is_some()))),
    ),
    (
        "stale",
        "gauge",
        "1 when the newest content could not be had, or is refused.",
        |one| Some(f64::from(u8::from(one.error.is_some()))),
    ),
    ("fetches_total", "counter", "Readings and fetches.", |one| {
        Some(one.fetches as f64)
    }),
    (
        "fetch_failures_total",
        "counter",
        "Readings and fetches that failed.",
        |one| Some(one.failures as f64),
    ),
];

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
        for (name, kind, help, value) in FAMILIES {
            // Writing to a string does not fail.
            let _ = writeln!(out, "# HELP witgate_descriptors_{name} {help}");
            let _ = writeln!(out, "# TYPE witgate_descriptors_{name} {kind}");
            for one in &all {
                let Some(value) = value(one) else { continue };
                let label = one.name.replace('\\', "\\\\").replace('"', "\\\"");
                let label = label.replace('\n', "\\n");
                let _ = writeln!(
                    out,
                    "witgate_descriptors_{name}{{name=\"{label}\"}} {value}"
                );
            }
        }
    }
}
