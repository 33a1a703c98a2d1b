//! `GET /secrets`: where the secrets stand and how their readings went, never what they are.

use http::StatusCode;
use serde::Serialize;

use super::{Answer, Control, json};
use crate::pipeline::sandbox::SecretStatus;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    name: String,
    /// Files and environment variables, the newest version first.
    sources: Vec<String>,
    versions: usize,
    /// The last reading failed: what was there before serves.
    stale: bool,
    last_error: Option<String>,
    reads: u64,
    failures: u64,
}

impl From<SecretStatus> for Shown {
    fn from(status: SecretStatus) -> Self {
        Self {
            name: status.name.to_string(),
            sources: status.sources,
            versions: status.versions,
            stale: status.error.is_some(),
            last_error: status.error,
            reads: status.reads,
            failures: status.failures,
        }
    }
}

pub(super) fn answer(control: &Control) -> Answer {
    let all = control.host().secrets().status();
    let shown: Vec<_> = all.into_iter().map(Shown::from).collect();
    json(StatusCode::OK, &shown)
}
