//! All gates of the process, and what is told of them.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
};

use super::{
    Gate,
    cell::{Cell, State},
    now,
    scope::Scope,
};
use crate::telemetry::metrics::label;

/// Cells of a gate that are shown one by one where there are many.
const MOST_SHOWN: usize = 100;

/// All gates of the process.
#[derive(Debug, Default)]
pub struct Gates {
    all: Mutex<BTreeMap<Identity, Vec<Arc<Gate>>>>,
}

/// What the state of a gate belongs to. Where the spans of its windows differ there is more than one gate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    pub plugin: Arc<str>,
    pub name: Box<str>,
    /// As text.
    pub scope: Box<str>,
}

impl Gates {
    /// The gate that is there, or a new one.
    pub fn gate(&self, plugin: &Arc<str>, name: &str, scope: &Scope, spans: &[u64]) -> Arc<Gate> {
        let identity = Identity {
            plugin: Arc::clone(plugin),
            name: name.into(),
            scope: scope.to_string().into(),
        };
        let mut all = self.lock();
        let gates = all.entry(identity).or_default();
        let same = |gate: &&Arc<Gate>| *gate.home.spans == *spans;
        if let Some(gate) = gates.iter().find(same) {
            return Arc::clone(gate);
        }
        let gate = Arc::new(Gate::new(plugin, name, scope, spans));
        gates.push(Arc::clone(&gate));
        gate
    }

    /// A cell of a gate. A new one stands where the cell of the same name stands of a gate that counts over other spans:
    /// a configuration may change while it is open. None when there is no room.
    pub fn cell(&self, gate: &Gate, name: &str) -> Option<Arc<Cell>> {
        gate.cells.get(name, now(), || self.sibling(gate, name))
    }

    fn sibling(&self, gate: &Gate, name: &str) -> Option<Arc<Cell>> {
        let all = self.lock();
        let siblings = all.iter().find(|(_, gates)| {
            let mut ids = gates.iter().map(|it| it.id);
            gates.len() > 1 && ids.any(|id| id == gate.id)
        });
        // The youngest before it.
        let mut siblings = siblings?.1.iter().rev().filter(|it| it.id != gate.id);
        siblings.find_map(|it| it.cells.find(name))
    }

    /// All of them, by plugin, name and scope.
    pub fn all(&self) -> Vec<(Identity, Arc<Gate>)> {
        let all = self.lock();
        let gates = all.iter().flat_map(|(identity, gates)| {
            gates
                .iter()
                .map(|gate| (identity.clone(), Arc::clone(gate)))
        });
        gates.collect()
    }

    /// Lets go of cells that have rested for long, and of gates that nobody uses.
    pub fn sweep(&self) {
        let now = now();
        self.lock().retain(|_, gates| {
            gates.retain(|gate| {
                gate.cells.sweep(now);
                Arc::strong_count(gate) > 1 || !gate.cells().is_empty()
            });
            !gates.is_empty()
        });
    }

    /// Appends the numbers of all gates in the text format of Prometheus.
    pub fn render(&self, out: &mut String) {
        self.sweep();
        let all: Vec<_> = self.lock().iter().map(Shown::of).collect();
        let name = "witgate_gate_cells";
        family(out, name, "gauge", "Cells of a gate, by how they stand.");
        for gate in &all {
            for state in State::ALL {
                let cells = gate.cells.values().filter(|it| **it == state).count();
                let state = state.name();
                let _ = writeln!(out, "{name}{{{},state=\"{state}\"}} {cells}", gate.labels);
            }
        }
        let name = "witgate_gate_state";
        let help = "How a cell stands: 0 closed, 1 open, 2 half-open, 3 ramp. Of a gate with many cells those that are \
                    closed are left out.";
        family(out, name, "gauge", help);
        for gate in &all {
            for (cell, state) in gate.one_by_one() {
                let (labels, cell) = (&gate.labels, label(cell));
                let _ = writeln!(out, "{name}{{{labels},cell=\"{cell}\"}} {}", *state as u8);
            }
        }
        let name = "witgate_gate_transitions_total";
        let help = "Moves of the cells of a gate, by where to and why.";
        family(out, name, "counter", help);
        for gate in &all {
            for ((to, why), moves) in &gate.moves {
                let (labels, to, why) = (&gate.labels, to.name(), label(why));
                let _ = writeln!(
                    out,
                    "{name}{{{labels},to=\"{to}\",reason=\"{why}\"}} {moves}"
                );
            }
        }
        for (name, help, count) in [
            (
                "witgate_gate_refused_total",
                "Exchanges that did not pass a gate.",
                (|gate| gate.refused) as fn(&Shown) -> u64,
            ),
            (
                "witgate_gate_unguarded_total",
                "Exchanges that went on since there was no room for a cell of their own.",
                |gate| gate.unguarded,
            ),
        ] {
            family(out, name, "counter", help);
            for gate in &all {
                let _ = writeln!(out, "{name}{{{}}} {}", gate.labels, count(gate));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Identity, Vec<Arc<Gate>>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is shown of one identity.
struct Shown {
    labels: String,
    /// How many cells there are depends on who comes.
    many: bool,
    cells: BTreeMap<Box<str>, State>,
    moves: BTreeMap<(State, Box<str>), u64>,
    refused: u64,
    unguarded: u64,
}

impl Shown {
    fn of((identity, gates): (&Identity, &Vec<Arc<Gate>>)) -> Self {
        let now = now();
        let mut shown = Self {
            labels: format!(
                "plugin=\"{}\",gate=\"{}\",scope=\"{}\"",
                label(&identity.plugin),
                label(&identity.name),
                label(&identity.scope)
            ),
            many: gates.iter().any(|gate| gate.scope.has_identity()),
            cells: BTreeMap::new(),
            moves: BTreeMap::new(),
            refused: 0,
            unguarded: 0,
        };
        for gate in gates {
            for cell in gate.cells() {
                // Of two with one name the one that is further from closed.
                let state = shown
                    .cells
                    .entry(cell.name().into())
                    .or_insert(State::Closed);
                *state = (*state).max(cell.state(now));
            }
            for (key, moves) in gate.home.moves() {
                *shown.moves.entry(key).or_default() += moves;
            }
            shown.refused += gate.home.refused.load(Relaxed);
            shown.unguarded += gate.home.unguarded.load(Relaxed);
        }
        shown
    }

    fn one_by_one(&self) -> impl Iterator<Item = (&Box<str>, &State)> {
        let many = self.many;
        let shown = self.cells.iter();
        let shown = shown.filter(move |(_, state)| !many || **state != State::Closed);
        shown.take(if many { MOST_SHOWN } else { usize::MAX })
    }
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}
