//! How the secrets are doing, for operators and for Prometheus: where they stand, never what they are.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use super::Secrets;
use crate::telemetry::metrics::Family;

/// How one secret is doing.
#[derive(Clone, Debug)]
pub struct SecretStatus {
    pub name: Arc<str>,
    /// Files and environment variables, the newest version first.
    pub sources: Vec<String>,
    /// How many versions are right.
    pub versions: usize,
    pub reads: u64,
    pub failures: u64,
    /// Of the last reading, if it failed: what was there before serves.
    pub error: Option<String>,
}

impl Secrets {
    /// In the order of their names.
    pub fn status(&self) -> Vec<SecretStatus> {
        let all = self.all().into_iter().map(|(slot, known)| {
            let definition = known.definition().clone();
            let sources = definition.iter().flat_map(|it| &it.0);
            SecretStatus {
                name: Arc::clone(&slot.name),
                sources: sources.map(ToString::to_string).collect(),
                versions: slot.live().as_ref().map_or(0, |content| content.versions()),
                reads: known.reads.load(Relaxed),
                failures: known.failures.load(Relaxed),
                error: known.error().clone(),
            }
        });
        all.collect()
    }

    /// Appends the numbers in the text format of Prometheus.
    pub fn render(&self, out: &mut String) {
        let all = self.status();
        if all.is_empty() {
            return;
        }
        let by_name = |mut family: Family<'_>, value: fn(&SecretStatus) -> u64| {
            family.by("secret", all.iter().map(|one| (&*one.name, value(one))));
        };
        let help = "Versions that are right.";
        by_name(Family::gauge(out, "witgate_secret_versions", help), |one| {
            one.versions as u64
        });
        let help = "1 when the last reading failed, and what was there before serves.";
        by_name(Family::gauge(out, "witgate_secret_stale", help), |one| {
            one.error.is_some().into()
        });
        let help = "Readings.";
        by_name(
            Family::counter(out, "witgate_secret_reads_total", help),
            |one| one.reads,
        );
        let help = "Readings that failed.";
        let name = "witgate_secret_read_failures_total";
        by_name(Family::counter(out, name, help), |one| one.failures);
    }
}
