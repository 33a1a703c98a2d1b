//! That an exchange has passed a cell, or not.

use std::sync::Arc;

use super::{
    cell::Cell,
    position::Position,
    row::Row,
    view::Reason,
    window::{Outcome, Span, Totals},
};

/// How a cell stood when it let an exchange pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    Closed,
    /// The exchange is a probe.
    HalfOpen,
    Ramp,
    /// An operator holds the cell closed.
    Forced,
}

/// An exchange does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When to come again, in milliseconds.
    pub after: u64,
}

/// An exchange has passed. A probe gives its permit back when this is dropped.
#[derive(Debug)]
pub struct Pass {
    pub(super) cell: Arc<Cell>,
    pub(super) version: u64,
    pub stance: Stance,
    /// For a probe: how long the cell was to stay open before, in milliseconds. Else 0.
    pub opened: u64,
}

impl Pass {
    /// Nobody has moved the cell since.
    pub fn is_current(&self) -> bool {
        let standing = self.cell.words.get();
        standing.version == self.version && standing.held.is_none()
    }

    /// Moves the cell, if nobody has moved it since. Of several at the same time one is told true.
    pub fn publish(&self, next: Position, why: Reason, now: u64) -> bool {
        self.cell.publish(self.version, next, why, now)
    }

    /// Counts an outcome in a window of the cell. One that is not current counts nothing.
    pub fn record(&self, span: Span, outcome: Outcome, now: u64) -> Totals {
        if self.is_current() {
            let windows = &self.cell.windows;
            windows.record(span, self.version, now, outcome)
        } else {
            Totals::default()
        }
    }

    /// The same, for what comes in a row.
    pub fn record_in_a_row(&self, failure: u32) -> Row {
        if self.is_current() {
            self.cell.row.record(self.version, failure)
        } else {
            Row::default()
        }
    }

    pub fn cell(&self) -> &Arc<Cell> {
        &self.cell
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.stance == Stance::HalfOpen {
            self.cell.probes.give_back(self.version);
        }
    }
}
