//! Gates and windows as one thread's test drives them: a plain model of what the gateway keeps.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    time::Duration,
};

use super::monotonic;
use crate::{
    gates::{Definition, Position, Quiet, Stance, Unbound, millis},
    testing::gates::{Entry, State, Transition},
    windows,
};

/// Steps of a window's span.
const STEPS: u64 = 20;
const MOST_SUCCESSES: u32 = 1000;

/// All gates of this thread.
#[derive(Default)]
pub(crate) struct Gates {
    gates: BTreeMap<String, FakeGate>,
    /// Those that the exchange which ends next came through.
    pub(crate) ending: Vec<Entry>,
}

pub(crate) struct FakeGate {
    pub(crate) definition: Definition,
    /// In milliseconds, in the order in which they were opened.
    windows: Vec<u64>,
    cells: BTreeMap<String, Cell>,
}

/// One cell.
pub(crate) struct Cell {
    pub(crate) version: u64,
    position: Position,
    since: u64,
    pub(crate) held: Option<State>,
    in_flight: u32,
    last_probe: u64,
    entered: u64,
    row: windows::Row,
    /// By window: when, and what.
    events: BTreeMap<usize, Vec<(u64, u32, bool)>>,
    pub(crate) transitions: Vec<Transition>,
}

thread_local! {
    static GATES: RefCell<Gates> = RefCell::default();
}

pub(crate) fn gates<T>(call: impl FnOnce(&mut Gates) -> T) -> T {
    GATES.with_borrow_mut(call)
}

/// Forgets all gates.
pub(crate) fn reset_gates() {
    // Entries give their permits back when they are dropped: not within the borrow.
    drop(GATES.take());
}

impl Gates {
    pub(crate) fn gate(&mut self, name: &str) -> Option<&mut FakeGate> {
        self.gates.get_mut(name)
    }

    pub(crate) fn cell(&mut self, gate: &str, cell: &str) -> Option<&mut Cell> {
        let gate = self.gates.get_mut(gate)?;
        Some(gate.cells.entry(cell.to_owned()).or_insert_with(Cell::new))
    }
}

impl Cell {
    fn new() -> Self {
        Self {
            version: 0,
            position: Position::Closed,
            since: monotonic(),
            held: None,
            in_flight: 0,
            last_probe: 0,
            entered: 0,
            row: windows::Row::default(),
            events: BTreeMap::new(),
            transitions: Vec::new(),
        }
    }

    fn age(&self) -> u64 {
        (monotonic() - self.since) / 1_000_000
    }

    pub(crate) fn state(&self) -> State {
        match (self.held, self.position) {
            (Some(held), _) => held,
            (None, Position::Open { during, .. }) if self.age() < millis(during) => State::Open,
            (None, Position::Open { .. }) => State::HalfOpen,
            (None, Position::Ramp { over, .. }) if self.age() < millis(over) => State::Ramp,
            (None, _) => State::Closed,
        }
    }

    /// How it lets an exchange pass, if it does.
    pub(crate) fn enter(&mut self) -> Option<Stance> {
        match (self.state(), self.position) {
            (State::Closed, _) if self.held.is_some() => Some(Stance::Forced),
            (State::Closed, _) => Some(Stance::Closed),
            (State::HalfOpen, Position::Open { during, probes }) => {
                let now = monotonic() / 1_000_000;
                let waited = now - self.last_probe >= millis(during).max(1000);
                if self.in_flight >= probes && !waited {
                    return None;
                }
                self.in_flight += 1;
                self.last_probe = now;
                Some(Stance::HalfOpen)
            }
            (State::Ramp, Position::Ramp { from, over }) => {
                let from = f64::from(from) / 100.0;
                let done = self.age() as f64 / millis(over).max(1) as f64;
                let share = from + (1.0 - from) * done;
                self.entered += 1;
                // Passes are spread evenly over the exchanges.
                let spread = self.entered.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
                ((spread as f64 / f64::from(u32::MAX)) < share).then_some(Stance::Ramp)
            }
            _ => None,
        }
    }

    /// What a pass says of the time before it.
    pub(crate) fn opened(&self, stance: Stance) -> Duration {
        match (stance, self.position) {
            (Stance::HalfOpen, Position::Open { during, .. }) => during,
            _ => Duration::ZERO,
        }
    }

    pub(crate) fn give_back(&mut self, version: u64) {
        if self.version == version {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
    }

    /// What is remembered begins anew.
    pub(crate) fn renew(&mut self, position: Position) {
        self.version += 1;
        self.position = position;
        self.since = monotonic();
        self.in_flight = 0;
        self.row = windows::Row::default();
        self.events.clear();
    }

    fn totals(&self, window: usize, span: u64) -> windows::Totals {
        let step = span * 1_000_000 / STEPS;
        let now = monotonic() / step;
        let events = self.events.get(&window).into_iter().flatten();
        let recent = events.filter(|(at, ..)| at / step + STEPS > now);
        recent.fold(windows::Totals::default(), |sum, (_, failure, slow)| {
            windows::Totals {
                calls: sum.calls + 1,
                failures: sum.failures + u64::from(*failure),
                slow: sum.slow + u64::from(*slow),
            }
        })
    }
}

/// The cell that an entry of the exchange that ends now came through, and whether nobody has moved it since.
fn ending<T>(gate: &str, pass: u32, call: impl FnOnce(&mut Cell, bool) -> T) -> Option<T> {
    gates(|gates| {
        let mut own = gates.ending.iter().filter(|entry| entry.gate == gate);
        let entry = own.nth(pass as usize)?;
        let (cell, version) = (entry.cell.clone(), entry.version);
        let cell = gates.cell(gate, &cell)?;
        let current = cell.version == version && cell.held.is_none();
        Some(call(cell, current))
    })
}

/// What the gateway would refuse.
fn check(quiet: &Quiet) -> Result<(), String> {
    let is_range = |range: &RangeInclusive<u16>| {
        !range.is_empty() && *range.start() >= 100 && *range.end() <= 999
    };
    if quiet.statuses.len() > 450 || !quiet.statuses.iter().all(is_range) {
        return Err(String::from(
            "`quiet` has at most 450 ranges of statuses, 100 to 999, the lower one first",
        ));
    }
    let codes: BTreeSet<_> = quiet.grpc_statuses.iter().collect();
    if codes.len() < quiet.grpc_statuses.len() || codes.iter().any(|code| **code > 16) {
        return Err(String::from(
            "the gRPC statuses of `quiet` are 0 to 16, each once",
        ));
    }
    let time = quiet.time_to_head.map_or(1, millis);
    if !(1..=86_400_000).contains(&time) {
        return Err(String::from("`time-to-head` of `quiet` is 1 ms to a day"));
    }
    Ok(())
}

pub(crate) struct Gate(String);

impl Gate {
    pub(crate) fn open(definition: &Definition) -> Result<Self, String> {
        let name = definition.name.clone();
        if name.is_empty() || definition.scope.is_empty() {
            return Err(String::from("a gate has a name and a scope"));
        }
        definition.quiet.as_ref().map_or(Ok(()), check)?;
        gates(|gates| {
            let gate = FakeGate {
                definition: definition.clone(),
                windows: Vec::new(),
                cells: BTreeMap::new(),
            };
            let gate = gates.gates.entry(name.clone()).or_insert(gate);
            gate.definition = definition.clone();
            gate.windows.clear();
        });
        Ok(Self(name))
    }

    pub(crate) fn passes(&self) -> Vec<Unbound> {
        let entries: Vec<_> = gates(|gates| {
            let own = gates.ending.iter().filter(|entry| entry.gate == self.0);
            own.map(|entry| (entry.stance, entry.opened, entry.failed))
                .collect()
        });
        let current = |index| ending(&self.0, index, |_, current| current).unwrap_or_default();
        let passes = (0..).zip(entries);
        passes
            .map(|(index, (stance, opened, failed))| Unbound {
                stance,
                opened,
                current: current(index),
                failed,
            })
            .collect()
    }

    pub(crate) fn publish(
        &self,
        pass: u32,
        next: Position,
        (kind, text): &(String, String),
    ) -> bool {
        let moved = ending(&self.0, pass, |cell, current| {
            if current {
                cell.renew(next);
                cell.transitions.push(Transition {
                    to: next,
                    kind: kind.clone(),
                    text: text.clone(),
                });
            }
            current
        });
        moved.unwrap_or_default()
    }
}

pub(crate) struct Window {
    gate: String,
    index: usize,
    span: u64,
}

impl Window {
    pub(crate) fn open(gate: &Gate, span: u64) -> Result<Self, String> {
        if !(100..=86_400_000).contains(&span) {
            return Err(String::from("a window spans 100 ms to a day"));
        }
        gates(|gates| {
            let found = gates.gate(&gate.0).ok_or("the gate is gone")?;
            found.windows.push(span);
            if found.windows.len() > 4 {
                return Err(String::from("a gate has at most four windows"));
            }
            Ok(Self {
                gate: gate.0.clone(),
                index: found.windows.len() - 1,
                span,
            })
        })
    }

    pub(crate) fn record(&self, pass: u32, failure: u32, slow: bool) -> windows::Totals {
        let totals = ending(&self.gate, pass, |cell, current| {
            if current {
                let events = cell.events.entry(self.index).or_default();
                events.push((monotonic(), failure, slow));
            }
            cell.totals(self.index, self.span)
        });
        totals.unwrap_or_default()
    }
}

pub(crate) fn in_a_row(gate: &Gate, pass: u32, failure: u32) -> windows::Row {
    let row = ending(&gate.0, pass, |cell, current| {
        if current && failure > 0 {
            cell.row.failures += u64::from(failure);
            cell.row.successes = 0;
        } else if current {
            cell.row.failures = 0;
            cell.row.successes = (cell.row.successes + 1).min(MOST_SUCCESSES);
        }
        cell.row
    });
    row.unwrap_or_default()
}

// Where the component's backend translates generated types, there is nothing to translate here.

pub(crate) fn definition(definition: &Definition) -> Definition {
    definition.clone()
}

pub(crate) fn position(position: Position) -> Position {
    position
}

pub(crate) fn reason(kind: &str, text: &str) -> (String, String) {
    (kind.to_owned(), text.to_owned())
}

pub(crate) fn pass(pass: &Unbound) -> Unbound {
    *pass
}

pub(crate) fn totals(totals: windows::Totals) -> windows::Totals {
    totals
}

pub(crate) fn row(row: windows::Row) -> windows::Row {
    row
}
