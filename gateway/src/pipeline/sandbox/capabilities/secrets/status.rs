//! How the secrets are doing, for operators and for Prometheus: where they stand, never what they are.

use std::{
    fmt::Write,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use super::Secrets;

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
        family(
            out,
            ("versions", "gauge"),
            "Versions that are right.",
            &all,
            |one| one.versions as u64,
        );
        family(
            out,
            ("stale", "gauge"),
            "1 when the last reading failed, and what was there before serves.",
            &all,
            |one| u64::from(one.error.is_some()),
        );
        family(out, ("reads_total", "counter"), "Readings.", &all, |one| {
            one.reads
        });
        family(
            out,
            ("read_failures_total", "counter"),
            "Readings that failed.",
            &all,
            |one| one.failures,
        );
    }
}

fn family(
    out: &mut String,
    (name, kind): (&str, &str),
    help: &str,
    all: &[SecretStatus],
    value: impl Fn(&SecretStatus) -> u64,
) {
    if all.is_empty() {
        return;
    }
    // Writing to a string does not fail.
    let _ = writeln!(out, "# HELP witgate_secret_{name} {help}");
    let _ = writeln!(out, "# TYPE witgate_secret_{name} {kind}");
    for one in all {
        let label = one
            .name
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        let value = value(one);
        let _ = writeln!(out, "witgate_secret_{name}{{secret=\"{label}\"}} {value}");
    }
}
