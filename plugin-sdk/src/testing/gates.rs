//! Gates in a test: exchanges come through them and end, in whatever order, and the cells show how they stand.
//!
//! ```
//! use std::time::Duration;
//! use witgate_plugin::{
//!     gates::{Definition, Fallback, Gate, Position},
//!     prelude::*,
//!     testing::{self, Exchange, TestRequest, TestSummary, gates::{self, State}},
//! };
//!
//! /// Opens for a minute after any failure.
//! struct Strict(Gate);
//!
//! #[policy]
//! impl Policy for Strict {
//!     type Config = Option<()>;
//!
//!     fn new(_: Option<()>) -> Result<Self, Vec<Problem>> {
//!         let (name, scope) = (String::from("strict"), vec![String::from("route")]);
//!         let fallback = Fallback::Unavailable;
//!         let gate = Gate::open(&Definition { name, scope, fallback, quiet: None });
//!         Ok(Self(gate.map_err(|why| vec![Problem::at("", why)])?))
//!     }
//!
//!     fn on_end(&self, summary: &Summary) {
//!         for pass in self.0.passes() {
//!             if pass.current && summary.ending() == Ending::UpstreamFailed {
//!                 let open = Position::Open { during: Duration::from_secs(60), probes: 1 };
//!                 pass.publish(open, "failed", "the upstream failed");
//!             }
//!         }
//!     }
//! }
//!
//! let strict: Strict = testing::configure("null").unwrap();
//! let entry = gates::enter("strict", "r").unwrap();
//! gates::end_next([entry]);
//! let failed = TestSummary::new(Ending::UpstreamFailed, Some(502));
//! Exchange::new(&strict, TestRequest::get("/")).on_end(&failed);
//! assert_eq!(gates::state("strict", "r"), State::Open);
//! assert!(gates::enter("strict", "r").is_none());
//! ```

use std::time::Duration;

use crate::{
    backend::gates,
    gates::{Definition, FailedTry, Position, Stance},
};

/// How a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Closed,
    Open,
    HalfOpen,
    Ramp,
}

/// One move of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    pub to: Position,
    pub kind: String,
    pub text: String,
}

/// An exchange that a cell has let pass. If it is a probe, its permit is given back when this is dropped.
#[derive(Debug)]
pub struct Entry {
    pub(crate) gate: String,
    pub(crate) cell: String,
    pub(crate) version: u64,
    pub(crate) stance: Stance,
    pub(crate) opened: Duration,
    pub(crate) failed: Option<FailedTry>,
}

impl Entry {
    pub fn stance(&self) -> Stance {
        self.stance
    }

    /// The try there failed so, and another was made.
    #[must_use]
    pub fn failed(mut self, failed: FailedTry) -> Self {
        self.failed = Some(failed);
        self
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.stance == Stance::HalfOpen {
            gates(|gates| {
                if let Some(cell) = gates.cell(&self.gate, &self.cell) {
                    cell.give_back(self.version);
                }
            });
        }
    }
}

/// An exchange comes to a gate; none if it does not pass. Cells have any names that the test likes.
///
/// # Panics
/// When no policy has opened the gate.
pub fn enter(gate: &str, cell: &str) -> Option<Entry> {
    with(gate, cell, |found| {
        let stance = found.enter()?;
        Some((stance, found.opened(stance), found.version))
    })
    .map(|(stance, opened, version)| Entry {
        gate: gate.to_owned(),
        cell: cell.to_owned(),
        version,
        stance,
        opened,
        failed: None,
    })
}

/// The exchange whose [`on_end`](super::Exchange::on_end) is called next came through these.
pub fn end_next(entries: impl IntoIterator<Item = Entry>) {
    let entries = entries.into_iter().collect();
    let before = gates(|gates| std::mem::replace(&mut gates.ending, entries));
    drop(before);
}

/// After `on_end`.
pub(super) fn ended() {
    end_next([]);
}

/// How a cell stands now.
///
/// # Panics
/// When no policy has opened the gate.
pub fn state(gate: &str, cell: &str) -> State {
    with(gate, cell, |cell| cell.state())
}

/// What moved a cell so far, in order.
///
/// # Panics
/// When no policy has opened the gate.
pub fn transitions(gate: &str, cell: &str) -> Vec<Transition> {
    with(gate, cell, |cell| cell.transitions.clone())
}

/// What an operator does: holds a cell open or closed, or lets go of it.
///
/// # Panics
/// When no policy has opened the gate, and for other states than open and closed.
pub fn hold(gate: &str, cell: &str, state: Option<State>) {
    assert!(
        !matches!(state, Some(State::HalfOpen | State::Ramp)),
        "a cell is held open or closed"
    );
    with(gate, cell, |cell| {
        cell.held = state;
        cell.renew(Position::Closed);
    });
}

/// As the policy has opened it last.
pub fn definition(gate: &str) -> Option<Definition> {
    gates(|gates| gates.gate(gate).map(|gate| gate.definition.clone()))
}

fn with<T>(gate: &str, cell: &str, call: impl FnOnce(&mut crate::backend::Cell) -> T) -> T {
    gates(|gates| {
        let cell = gates.cell(gate, cell);
        call(cell.unwrap_or_else(|| panic!("no policy has opened a gate `{gate}`")))
    })
}
