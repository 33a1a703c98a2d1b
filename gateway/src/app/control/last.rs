//! What came of a reload, and why there was one.

use std::{
    fmt,
    time::{Duration, Instant, SystemTime},
};

use crate::{config::problem::Severity, snapshot::Outcome};

/// Why the configuration was read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Start,
    /// A file changed.
    Change,
    /// SIGHUP
    Signal,
    /// The admin listener was asked to.
    Admin,
    /// A server describes itself otherwise than before.
    Descriptors,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Change => "change",
            Self::Signal => "signal",
            Self::Admin => "admin",
            Self::Descriptors => "descriptors",
        })
    }
}

/// What came of the last reload.
#[derive(Clone, Debug)]
pub struct LastReload {
    pub outcome: Outcome,
    pub reason: Reason,
    pub at: SystemTime,
    pub took: Took,
}

/// How long the steps of a reload took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// Looking for what changed, reading and parsing it.
    pub read: Duration,
    /// Compiling it and the swap.
    pub compile: Duration,
    /// What is told afterwards: plugins, key sets, listeners.
    pub settle: Duration,
}

impl Took {
    pub(super) fn between(begun: Instant, read: Instant, compiled: Instant) -> Self {
        Self {
            read: read.duration_since(begun),
            compile: compiled.duration_since(read),
            settle: compiled.elapsed(),
        }
    }

    pub fn total(self) -> Duration {
        self.read + self.compile + self.settle
    }
}

/// Tells the log.
pub(super) fn report(last: &LastReload) {
    for problem in &last.outcome.problems {
        let place = format!(
            "{}:{}:{}",
            problem.file.display(),
            problem.span.line,
            problem.span.column
        );
        let hint = problem.hint.as_deref().unwrap_or_default();
        match problem.severity {
            Severity::Error => tracing::error!(%place, hint, "{}", problem.message),
            Severity::Warning => tracing::warn!(%place, hint, "{}", problem.message),
        }
    }
    let Outcome {
        generation,
        swapped,
        stale,
        ..
    } = &last.outcome;
    let stale: Vec<_> = stale
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let took = last.took.total();
    if !swapped && last.reason == Reason::Change && last.outcome.problems.is_empty() {
        // A file was touched, and says what it said before.
        return tracing::debug!(generation, ?took, "nothing changed");
    }
    tracing::info!(reason = %last.reason, generation, swapped, ?stale, ?took, "reloaded");
}
