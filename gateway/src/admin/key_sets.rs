//! `GET /key-sets`: the key sets that plugins may name, and how their fetches go. Of a URL neither user, password nor
//! query is shown, of a key its id alone.

use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

use super::{Answer, Control, json};
use crate::pipeline::sandbox::KeySetStatus;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    name: String,
    source: String,
    /// Where the issuer has its keys, for a set that is found by its issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    /// 0 until the first keys are there.
    version: u64,
    keys: usize,
    /// Those of the keys that have one.
    kids: Vec<String>,
    /// Keys that are left out though they are meant for signatures.
    unusable: usize,
    /// What is odd about the keys, in words.
    oddities: Vec<String>,
    /// The last attempt failed: what is known is kept, and may be out of date.
    stale: bool,
    last_error: Option<String>,
    /// How long ago the keys were confirmed.
    last_success_s: Option<f64>,
    /// Until the next fetch.
    next_refresh_s: Option<f64>,
    fetches: u64,
    failures: u64,
}

impl From<KeySetStatus> for Shown {
    fn from(status: KeySetStatus) -> Self {
        let seconds = |time: Duration| (time.as_secs_f64() * 1e3).round() / 1e3;
        Self {
            name: status.name.to_string(),
            source: status.source,
            jwks_uri: status.jwks_uri,
            version: status.version,
            keys: status.kids.len(),
            kids: status.kids.into_iter().flatten().collect(),
            unusable: status.unusable,
            oddities: status.oddities,
            stale: status.error.is_some(),
            last_error: status.error,
            last_success_s: status.age.map(seconds),
            next_refresh_s: status.next.map(seconds),
            fetches: status.fetches,
            failures: status.failures,
        }
    }
}

pub(super) fn answer(control: &Control) -> Answer {
    let all = control.host().keys().status();
    let shown: Vec<_> = all.into_iter().map(Shown::from).collect();
    json(StatusCode::OK, &shown)
}
