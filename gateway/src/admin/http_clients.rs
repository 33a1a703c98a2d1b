//! `GET /http-clients`: the servers that plugins may send requests to, and how that goes. Of an authorization only the
//! kind is shown.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;

use super::{Answer, Control, json};
use crate::pipeline::sandbox::HttpClientStatus;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    name: String,
    url: String,
    authorization: Option<&'static str>,
    timeout_s: f64,
    /// Bytes.
    max_response: usize,
    max_in_flight: usize,
    in_flight: usize,
    /// How many requests ended in which way.
    requests: BTreeMap<&'static str, u64>,
    /// Of the last request that is over, if it failed.
    last_error: Option<String>,
}

impl From<HttpClientStatus> for Shown {
    fn from(status: HttpClientStatus) -> Self {
        Self {
            name: status.name.to_string(),
            url: status.url,
            authorization: status.authorization,
            timeout_s: status.timeout.as_secs_f64(),
            max_response: status.max_response,
            max_in_flight: status.max_in_flight,
            in_flight: status.in_flight,
            requests: status.outcomes,
            last_error: status.last_error,
        }
    }
}

pub(super) fn answer(control: &Control) -> Answer {
    let all = control.host().http_clients().status();
    let shown: Vec<_> = all.into_iter().map(Shown::from).collect();
    json(StatusCode::OK, &shown)
}
