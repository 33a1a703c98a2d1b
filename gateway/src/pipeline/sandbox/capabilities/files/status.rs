//! How the files are doing, for operators and for Prometheus.

use std::{fmt::Write, path::PathBuf, sync::Arc};

use super::Files;

/// How one file is doing.
#[derive(Clone, Debug)]
pub struct FileStatus {
    pub name: Arc<str>,
    pub path: PathBuf,
    /// Of the newest content that could be read.
    pub digest: Option<String>,
    pub bytes: usize,
    pub reads: u64,
    pub failures: u64,
    /// Why the newest content does not serve: it cannot be read, or a route cannot use it.
    pub error: Option<String>,
}

impl Files {
    /// In the order of their names.
    pub fn status(&self) -> Vec<FileStatus> {
        let all = self.all().into_iter();
        all.map(|(name, source, refused)| FileStatus {
            name,
            path: source.path,
            digest: source.content.as_ref().map(|it| it.digest().to_owned()),
            bytes: source.content.as_ref().map_or(0, |it| it.bytes().len()),
            reads: source.reads,
            failures: source.failures,
            error: source.error.or(refused),
        })
        .collect()
    }

    /// Appends the numbers in the text format of Prometheus.
    pub fn render(&self, out: &mut String) {
        let all = self.status();
        family(
            out,
            ("stale", "gauge"),
            "1 when the newest content cannot be used, and what was there before serves.",
            &all,
            |one| u64::from(one.error.is_some()),
        );
        family(
            out,
            ("reads_total", "counter"),
            "Readings of content.",
            &all,
            |one| one.reads,
        );
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
    all: &[FileStatus],
    value: impl Fn(&FileStatus) -> u64,
) {
    if all.is_empty() {
        return;
    }
    // Writing to a string does not fail.
    let _ = writeln!(out, "# HELP witgate_file_{name} {help}");
    let _ = writeln!(out, "# TYPE witgate_file_{name} {kind}");
    for one in all {
        let label = one
            .name
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        let value = value(one);
        let _ = writeln!(out, "witgate_file_{name}{{file=\"{label}\"}} {value}");
    }
}
