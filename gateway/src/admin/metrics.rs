//! `GET /metrics`

use std::fmt::Write;

use http::StatusCode;

use super::{Answer, Control, rate_limits, typed, upstreams};
use crate::telemetry::metrics::render;

pub(super) fn answer(control: &Control) -> Answer {
    let mut out = String::new();
    configuration(control, &mut out);
    render(&control.shards(), &mut out);
    upstreams::render(&control.snapshot(), &mut out);
    control.host().render(&mut out);
    rate_limits::render(control, &mut out);
    typed(
        StatusCode::OK,
        "text/plain; version=0.0.4; charset=utf-8",
        out.into(),
    )
}

fn configuration(control: &Control, out: &mut String) {
    let (reloads, failed) = control.reloads();
    let last = control.last();
    let routes = control.snapshot().table.routes().count();
    for (name, kind, help, value) in [
        (
            "witgate_config_generation",
            "gauge",
            "The live generation.",
            last.outcome.generation,
        ),
        (
            "witgate_config_routes",
            "gauge",
            "Routes in the live table.",
            routes as u64,
        ),
        (
            "witgate_config_stale_files",
            "gauge",
            "Files of which an older version is live.",
            last.outcome.stale.len() as u64,
        ),
        (
            "witgate_config_reloads_total",
            "counter",
            "Reloads since the start.",
            reloads,
        ),
        (
            "witgate_config_failed_reloads_total",
            "counter",
            "Reloads in which something was wrong.",
            failed,
        ),
    ] {
        let _ = writeln!(
            out,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
        );
    }
    let name = "witgate_config_last_reload_seconds";
    let _ = writeln!(
        out,
        "# HELP {name} How long the steps of the last reload took.\n# TYPE {name} gauge"
    );
    for (step, took) in [
        ("read", last.took.read),
        ("compile", last.took.compile),
        ("settle", last.took.settle),
    ] {
        let _ = writeln!(out, "{name}{{step=\"{step}\"}} {}", took.as_secs_f64());
    }
}
