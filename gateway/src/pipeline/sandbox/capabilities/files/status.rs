//! How the files are doing, for operators and for Prometheus.

use std::{path::PathBuf, sync::Arc};

use super::Files;
use crate::telemetry::metrics::Family;

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
        if all.is_empty() {
            return;
        }
        let by_name = |mut family: Family<'_>, value: fn(&FileStatus) -> u64| {
            family.by("file", all.iter().map(|one| (&*one.name, value(one))));
        };
        let help = "1 when the newest content cannot be used, and what was there before serves.";
        by_name(Family::gauge(out, "witgate_file_stale", help), |one| {
            one.error.is_some().into()
        });
        let help = "Readings of content.";
        by_name(
            Family::counter(out, "witgate_file_reads_total", help),
            |one| one.reads,
        );
        let help = "Readings that failed.";
        let name = "witgate_file_read_failures_total";
        by_name(Family::counter(out, name, help), |one| one.failures);
    }
}
