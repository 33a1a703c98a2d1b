//! `GET /files`: the files that plugins read, and why the newest content of one may not serve.

use http::StatusCode;
use serde::Serialize;

use super::{Answer, Control, json};
use crate::pipeline::sandbox::FileStatus;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    name: String,
    path: String,
    /// SHA-256 of the newest content that could be read.
    digest: Option<String>,
    bytes: usize,
    /// The newest content does not serve: what was there before does.
    stale: bool,
    last_error: Option<String>,
    reads: u64,
    failures: u64,
}

impl From<FileStatus> for Shown {
    fn from(status: FileStatus) -> Self {
        Self {
            name: status.name.to_string(),
            path: status.path.display().to_string(),
            digest: status.digest,
            bytes: status.bytes,
            stale: status.error.is_some(),
            last_error: status.error,
            reads: status.reads,
            failures: status.failures,
        }
    }
}

pub(super) fn answer(control: &Control) -> Answer {
    let all = control.host().files().status();
    let shown: Vec<_> = all.into_iter().map(Shown::from).collect();
    json(StatusCode::OK, &shown)
}
