//! `POST /reload`: reads the configuration again and says what came of it; 200 when all of it is live, 422 when a
//! file has errors and an older version of it stays.

use http::StatusCode;
use serde::Serialize;

use super::{Answer, Control, json};
use crate::{
    app::{LastReload, Reason},
    config::problem::{Problem, Severity},
};

/// What came of a reload.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Report<'a> {
    generation: u64,
    swapped: bool,
    reason: String,
    took_ms: f64,
    stale: Vec<String>,
    problems: &'a [Problem],
}

impl<'a> Report<'a> {
    pub(super) fn of(last: &'a LastReload) -> Self {
        Self {
            generation: last.outcome.generation,
            swapped: last.outcome.swapped,
            reason: last.reason.to_string(),
            took_ms: last.took.total().as_secs_f64() * 1e3,
            stale: last
                .outcome
                .stale
                .iter()
                .map(|file| file.display().to_string())
                .collect(),
            problems: &last.outcome.problems,
        }
    }
}

pub(super) fn answer(control: &Control) -> Answer {
    let last = control.reload(Reason::Admin);
    let failed = last
        .outcome
        .problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    let status = if failed {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    json(status, &Report::of(&last))
}
