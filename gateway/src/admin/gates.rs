//! `GET /gates`: the gates of all plugins and how their cells stand. `POST /gates/PLUGIN/GATE/CELL?state=open|closed|auto`
//! holds one open or closed, or lets go of it. The first tells the paths of the second.

use std::time::{Duration, SystemTime};

use http::{Request, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;

use super::{Answer, Control, json, text};
use crate::pipeline::gate::{Cell, Gate, Hold, Move, State, Totals, View, now};

pub(super) const PATH: &str = "/gates/";
/// Cells of a gate that are shown. Those that are not closed come first.
const MOST: usize = 1_000;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    plugin: String,
    gate: String,
    scope: String,
    /// How many cells there are, shown or not.
    count: usize,
    cells: Vec<ShownCell>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ShownCell {
    cell: String,
    /// Where to post to.
    path: String,
    state: &'static str,
    /// An operator holds it there.
    held: bool,
    reason: String,
    why: String,
    since_s: f64,
    /// Until an open cell is half-open, or a ramp is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_s: Option<f64>,
    probes_in_flight: u64,
    refused: u64,
    /// Sum of the weights of failures since the last success.
    failures_in_a_row: f64,
    windows: Vec<ShownWindow>,
    recent: Vec<ShownMove>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ShownWindow {
    span_s: f64,
    calls: u64,
    /// Sum of weights.
    failures: f64,
    slow: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ShownMove {
    to: &'static str,
    ago_s: f64,
    reason: String,
    why: String,
}

pub(super) fn answer(control: &Control) -> Answer {
    let gates = control.host().gates().all();
    let shown: Vec<_> = gates.iter().map(|gate| show(gate)).collect();
    json(StatusCode::OK, &shown)
}

fn show(gate: &Gate) -> Shown {
    let now = now();
    let cells = gate.cells();
    let mut order: Vec<_> = cells
        .iter()
        .map(|cell| (cell.state(now) == State::Closed, cell.name(), cell))
        .collect();
    order.sort_unstable_by_key(|(closed, name, _)| (*closed, *name));
    let shown = order.into_iter().take(MOST);
    Shown {
        plugin: gate.plugin().to_owned(),
        gate: gate.name().to_owned(),
        scope: gate.scope.to_string(),
        count: cells.len(),
        cells: shown
            .map(|(_, _, cell)| show_cell(gate, cell, &cell.view(now)))
            .collect(),
    }
}

fn show_cell(gate: &Gate, cell: &Cell, view: &View) -> ShownCell {
    let moves = matches!(view.state, State::Open | State::Ramp) && view.held.is_none();
    ShownCell {
        cell: cell.name().to_owned(),
        path: format!("{PATH}{}/{}/{}", gate.plugin(), gate.name(), cell.name()),
        state: view.state.name(),
        held: view.held.is_some(),
        reason: view.why.kind.to_string(),
        why: view.why.text.to_string(),
        since_s: ago(view.since),
        remaining_s: moves.then(|| seconds(view.remaining)),
        probes_in_flight: view.probes,
        refused: view.refused,
        failures_in_a_row: thousandths(view.row.failures),
        windows: view.windows.iter().map(show_window).collect(),
        recent: view.recent.iter().rev().map(show_move).collect(),
    }
}

fn show_window((span, totals): &(u64, Totals)) -> ShownWindow {
    ShownWindow {
        span_s: seconds(*span),
        calls: totals.calls,
        failures: thousandths(totals.failures),
        slow: totals.slow,
    }
}

fn show_move(one: &Move) -> ShownMove {
    ShownMove {
        to: one.to.name(),
        ago_s: ago(one.at),
        reason: one.why.kind.to_string(),
        why: one.why.text.to_string(),
    }
}

fn ago(time: SystemTime) -> f64 {
    let since: Duration = time.elapsed().unwrap_or_default();
    (since.as_secs_f64() * 1e3).round() / 1e3
}

fn seconds(millis: u64) -> f64 {
    Duration::from_millis(millis).as_secs_f64()
}

fn thousandths(number: u64) -> f64 {
    number as f64 / 1000.0
}

/// An operator holds a cell, or lets go of it.
pub(super) fn hold(control: &Control, request: &Request<Incoming>) -> Answer {
    let uri = request.uri();
    let path = uri.path().strip_prefix(PATH).unwrap_or_default();
    let gates = control.host().gates();
    let found = gates.all().into_iter().find_map(|gate| {
        let name = path.strip_prefix(gate.plugin())?.strip_prefix('/')?;
        let name = name.strip_prefix(gate.name())?.strip_prefix('/')?;
        Some((gate.find(name)?, gate))
    });
    let Some((cell, gate)) = found else {
        let message = "there is no such cell: GET /gates shows the path of each\n";
        return text(StatusCode::NOT_FOUND, message);
    };
    let held = match uri.query().and_then(|query| query.strip_prefix("state=")) {
        Some("open") => Some(Hold::Open),
        Some("closed") => Some(Hold::Closed),
        Some("auto") => None,
        _ => {
            let message = "write ?state=open, ?state=closed or ?state=auto\n";
            return text(StatusCode::BAD_REQUEST, message);
        }
    };
    cell.hold(held, now());
    json(StatusCode::OK, &show_cell(&gate, &cell, &cell.view(now())))
}
