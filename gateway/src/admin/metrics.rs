//! `GET /metrics`

use http::StatusCode;

use super::{Answer, Control, rate_limits, typed, upstreams};
use crate::telemetry::metrics::{Family, render};

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
    let help = "The live generation.";
    let generation = last.outcome.generation;
    Family::gauge(out, "witgate_config_generation", help).sample(&[], generation);
    let help = "Routes in the live table.";
    Family::gauge(out, "witgate_config_routes", help).sample(&[], routes);
    let help = "Files of which an older version is live.";
    let stale = last.outcome.stale.len();
    Family::gauge(out, "witgate_config_stale_files", help).sample(&[], stale);
    let help = "Reloads since the start.";
    Family::counter(out, "witgate_config_reloads_total", help).sample(&[], reloads);
    let help = "Reloads in which something was wrong.";
    Family::counter(out, "witgate_config_failed_reloads_total", help).sample(&[], failed);
    let help = "How long the steps of the last reload took.";
    let steps = [
        ("read", last.took.read),
        ("compile", last.took.compile),
        ("settle", last.took.settle),
    ];
    let steps = steps.map(|(step, took)| (step, took.as_secs_f64()));
    Family::gauge(out, "witgate_config_last_reload_seconds", help).by("step", steps);
}
