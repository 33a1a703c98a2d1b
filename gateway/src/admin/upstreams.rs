//! `GET /upstreams`: the live upstreams and their endpoints, and how well those are that are checked. The same is told
//! to Prometheus.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde::Serialize;

use super::{Answer, Control, json};
use crate::{
    pipeline::upstream::{HealthReport, Protocol},
    snapshot::{KnownUpstream, Snapshot},
    telemetry::metrics::Family,
};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    name: String,
    file: String,
    line: u32,
    protocol: &'static str,
    /// Whether the endpoints are checked.
    checked: bool,
    endpoints: Vec<Endpoint>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Endpoint {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Health {
    /// None before the first check has ended.
    healthy: Option<bool>,
    /// How long it has been so.
    since_s: Option<f64>,
    last_error: Option<String>,
    successes: u64,
    failures: u64,
}

impl From<HealthReport> for Health {
    fn from(report: HealthReport) -> Self {
        let ago = |time: SystemTime| time.elapsed().unwrap_or_default();
        let seconds = |time: Duration| (time.as_secs_f64() * 1e3).round() / 1e3;
        Self {
            healthy: report.well,
            since_s: report.since.map(ago).map(seconds),
            last_error: report.last_error,
            successes: report.successes,
            failures: report.failures,
        }
    }
}

pub(super) fn answer(control: &Control) -> Answer {
    let snapshot = control.snapshot();
    let mut shown: Vec<_> = snapshot.upstreams.iter().map(show).collect();
    shown.sort_by(|a, b| a.name.cmp(&b.name));
    json(StatusCode::OK, &shown)
}

fn show(known: &KnownUpstream) -> Shown {
    let upstream = &known.upstream;
    let reports = upstream.health.iter().flat_map(|health| health.states());
    let mut reports = reports.map(|state| state.report());
    let endpoint = |url: &str| Endpoint {
        url: url.to_owned(),
        health: reports.next().map(Health::from),
    };
    Shown {
        name: known.name().to_owned(),
        file: known.place.file.display().to_string(),
        line: known.place.span.line,
        protocol: match upstream.protocol {
            Protocol::Http1 => "http1",
            Protocol::Http2 => "http2",
            Protocol::Tls(_) => "tls",
        },
        checked: upstream.health.is_some(),
        endpoints: known.endpoints().map(endpoint).collect(),
    }
}

/// The health of the endpoints that are checked, for Prometheus.
pub(super) fn render(snapshot: &Snapshot, out: &mut String) {
    let mut all = Vec::new();
    for known in snapshot.upstreams.checked() {
        let reports = known.upstream.health.iter().flat_map(|it| it.states());
        for (url, state) in known.endpoints().zip(reports) {
            let labels = [("upstream", known.name()), ("endpoint", url)];
            all.push((labels, state.is_well(), state.report()));
        }
    }
    let help = "Whether a checked endpoint gets requests.";
    let mut family = Family::gauge(out, "witgate_upstream_endpoint_healthy", help);
    for (labels, well, _) in &all {
        family.sample(labels, u8::from(*well));
    }
    let help = "Health checks of endpoints, by result.";
    let mut family = Family::counter(out, "witgate_upstream_health_checks_total", help);
    for ([upstream, endpoint], _, report) in &all {
        for (result, count) in [("success", report.successes), ("failure", report.failures)] {
            family.sample(&[*upstream, *endpoint, ("result", result)], count);
        }
    }
}
