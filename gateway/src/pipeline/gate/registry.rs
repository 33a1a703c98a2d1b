//! All gates of the process, and what is told of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
};

use super::{Gate, now, scope::Scope, view::State};
use crate::telemetry::metrics::{Family, Labels};

/// Cells of a gate that are shown one by one where there are many.
const MOST_SHOWN: usize = 100;

/// All gates of the process.
#[derive(Debug, Default)]
pub struct Gates {
    all: Mutex<BTreeMap<Identity, Arc<Gate>>>,
}

/// What the state of a gate belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    plugin: Arc<str>,
    name: Box<str>,
    /// As text.
    scope: Box<str>,
}

impl Gates {
    /// The gate that is there, or a new one.
    pub fn gate(&self, plugin: &Arc<str>, name: &str, scope: &Scope) -> Arc<Gate> {
        let identity = Identity {
            plugin: Arc::clone(plugin),
            name: name.into(),
            scope: scope.to_string().into(),
        };
        let mut all = self.lock();
        let gate = all.entry(identity);
        Arc::clone(gate.or_insert_with(|| Arc::new(Gate::new(plugin, name, scope))))
    }

    /// All of them, by plugin, name and scope.
    pub fn all(&self) -> Vec<Arc<Gate>> {
        self.lock().values().cloned().collect()
    }

    /// Lets go of cells that have rested for long, and of gates that nobody uses.
    pub fn sweep(&self) {
        let now = now();
        self.lock().retain(|_, gate| {
            gate.cells.sweep(now);
            Arc::strong_count(gate) > 1 || !gate.cells().is_empty()
        });
    }

    /// Appends the numbers of all gates in the text format of Prometheus.
    pub fn render(&self, out: &mut String) {
        self.sweep();
        let all: Vec<_> = self.lock().iter().map(Shown::of).collect();
        let help = "Cells of a gate, by how they stand.";
        let mut family = Family::gauge(out, "witgate_gate_cells", help);
        for gate in &all {
            for state in State::ALL {
                let cells = gate.cells.values().filter(|it| **it == state).count();
                family.sample(&gate.labels(&[("state", state.name())]), cells);
            }
        }
        let help = "How a cell stands: 0 closed, 1 open, 2 half-open, 3 ramp. Of a gate with many cells those that are \
                    closed are left out.";
        let mut family = Family::gauge(out, "witgate_gate_state", help);
        for gate in &all {
            for (cell, state) in gate.one_by_one() {
                family.sample(&gate.labels(&[("cell", cell)]), *state as u8);
            }
        }
        let help = "Moves of the cells of a gate, by where to and why.";
        let mut family = Family::counter(out, "witgate_gate_transitions_total", help);
        for gate in &all {
            for ((to, why), moves) in &gate.moves {
                let labels = gate.labels(&[("to", to.name()), ("reason", why)]);
                family.sample(&labels, moves);
            }
        }
        let help = "Exchanges that did not pass a gate.";
        let mut family = Family::counter(out, "witgate_gate_refused_total", help);
        for gate in &all {
            family.sample(&gate.labels(&[]), gate.refused);
        }
        let help = "Exchanges that went on since there was no room for a cell of their own.";
        let mut family = Family::counter(out, "witgate_gate_unguarded_total", help);
        for gate in &all {
            family.sample(&gate.labels(&[]), gate.unguarded);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Identity, Arc<Gate>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is shown of one gate.
struct Shown {
    identity: Identity,
    /// How many cells there are depends on who comes.
    many: bool,
    cells: BTreeMap<Box<str>, State>,
    moves: BTreeMap<(State, Box<str>), u64>,
    refused: u64,
    unguarded: u64,
}

impl Shown {
    fn of((identity, gate): (&Identity, &Arc<Gate>)) -> Self {
        let now = now();
        let cells = gate.cells();
        Self {
            identity: identity.clone(),
            many: gate.scope.has_identity(),
            cells: cells
                .iter()
                .map(|cell| (cell.name().into(), cell.state(now)))
                .collect(),
            moves: gate.home.moves(),
            refused: gate.home.refused.load(Relaxed),
            unguarded: gate.home.unguarded.load(Relaxed),
        }
    }

    fn labels<'l>(&'l self, more: &Labels<'l>) -> Vec<(&'l str, &'l str)> {
        let identity = &self.identity;
        let own = [
            ("plugin", &*identity.plugin),
            ("gate", &*identity.name),
            ("scope", &*identity.scope),
        ];
        [&own, more].concat()
    }

    fn one_by_one(&self) -> impl Iterator<Item = (&Box<str>, &State)> {
        let many = self.many;
        let shown = self.cells.iter();
        let shown = shown.filter(move |(_, state)| !many || **state != State::Closed);
        shown.take(if many { MOST_SHOWN } else { usize::MAX })
    }
}
