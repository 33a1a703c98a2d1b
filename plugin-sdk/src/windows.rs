//! Capability `windows`: what the cells of [gates](crate::gates) remember of outcomes.
//!
//! The counts are exact however many workers write at once: of several calls that end at the same time the last one sees
//! them all. They begin anew when a cell is moved.

use std::time::Duration;

use crate::{
    backend,
    gates::{Gate, Pass, millis},
};

/// What the last so many seconds came to, in steps of a twentieth of the span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub calls: u64,
    /// Sum of the weights of the failures, in thousandths.
    pub failures: u64,
    pub slow: u64,
}

/// Outcomes in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Sum of the weights of the failures since the last success, in thousandths.
    pub failures: u64,
    /// Successes since the last failure, at most 1000.
    pub successes: u32,
}

/// Counts of a gate over a sliding span of time, one set for each of its cells.
pub struct Window(backend::Window);

impl Window {
    /// Possible in [`Policy::new`](crate::Policy::new) and nowhere else. At most four for one gate, of 100 ms to a day.
    pub fn open(gate: &Gate, span: Duration) -> Result<Self, String> {
        backend::Window::open(&gate.0, millis(span)).map(Self)
    }

    /// Counts an outcome in the cell of this pass, and returns what there is then. Nothing is counted for a pass that is
    /// not current, or whose success the gateway has counted ([`Quiet`](crate::gates::Quiet)). `failure` is the weight in thousandths: 0 for a success, at most 1,000,000.
    pub fn record(&self, pass: &Pass<'_>, failure: u32, slow: bool) -> Totals {
        backend::totals(self.0.record(pass.index, failure, slow))
    }
}

/// Counts an outcome in the row of the cell of this pass, and returns what there is then. Beside windows, which it does
/// not touch. Nothing is counted where [`Window::record`] would count nothing.
pub fn in_a_row(gate: &Gate, pass: &Pass<'_>, failure: u32) -> Row {
    backend::row(backend::in_a_row(&gate.0, pass.index, failure))
}
