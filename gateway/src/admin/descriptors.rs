//! `GET /descriptors`: the schemas that plugins may name, where they come from and why one may be out of date. Of a URL
//! neither user nor password is shown.

use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

use super::{Answer, Control, json};
use crate::pipeline::sandbox::DescriptorsStatus;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    name: String,
    source: String,
    /// Of what serves; null while nothing does.
    digest: Option<String>,
    /// Of the newest content, if that is another: it was refused.
    refused_digest: Option<String>,
    /// What serves may be out of date.
    stale: bool,
    error: Option<String>,
    /// How long ago the newest content was confirmed.
    age_s: Option<f64>,
    /// Until the server is asked again.
    next_refresh_s: Option<f64>,
    fetches: u64,
    failures: u64,
}

impl From<DescriptorsStatus> for Shown {
    fn from(status: DescriptorsStatus) -> Self {
        let seconds = |time: Duration| (time.as_secs_f64() * 1e3).round() / 1e3;
        Self {
            name: status.name.to_string(),
            source: status.source,
            refused_digest: status
                .newest
                .filter(|it| Some(it) != status.digest.as_ref()),
            digest: status.digest,
            stale: status.error.is_some(),
            error: status.error,
            age_s: status.age.map(seconds),
            next_refresh_s: status.next.map(seconds),
            fetches: status.fetches,
            failures: status.failures,
        }
    }
}

pub(super) fn answer(control: &Control) -> Answer {
    let all = control.host().descriptors().status();
    let shown: Vec<_> = all.into_iter().map(Shown::from).collect();
    json(StatusCode::OK, &shown)
}
