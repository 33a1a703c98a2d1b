//! That an exchange has passed a cell, or not.

use std::sync::Arc;

use super::{
    cell::Cell,
    position::{Position, Standing, era, passes_all},
    row::Row,
    view::Reason,
    window::{Outcome, Totals},
    windows::Span,
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
    /// The gateway has counted its success: the plugin counts nothing more.
    pub(super) counted: bool,
}

impl Pass {
    /// Nobody has moved the cell since.
    pub fn is_current(&self) -> bool {
        self.current().is_some()
    }

    fn current(&self) -> Option<Standing> {
        let standing = self.cell.words.get();
        let is_current = standing.version == self.version && standing.held.is_none();
        is_current.then_some(standing)
    }

    /// Moves the cell, if nobody has moved it since. Of several at the same time one is told true.
    pub fn publish(&self, next: Position, why: Reason, now: u64) -> bool {
        self.cell.publish(self.version, next, why, now)
    }

    /// Counts a plain success in the row and in these windows, if the cell is closed and remembers nothing bad. False:
    /// the plugin is to be told, and counts it unless that has been done.
    ///
    /// Of a failure that is counted at the same time either this sees that it begins, or it sees this in what it reads.
    pub fn record_success(&mut self, spans: &[Span], now: impl FnOnce() -> u64) -> bool {
        let (cell, version) = (&*self.cell, self.version);
        let word = cell.words.first();
        if self.stance != Stance::Closed || passes_all(word) != Some(version) {
            return false;
        }
        if spans.is_empty() {
            self.counted = cell.row.record_success(version);
            return self.counted;
        }
        let (era, now) = (era(word), now());
        let remember_bad = || cell.windows.remember_bad(spans, era, now);
        if remember_bad() || !cell.row.record_success(version) {
            return false;
        }
        cell.windows.record_success(spans, era, now);
        self.counted = true;
        !remember_bad()
    }

    /// Counts an outcome in a window of the cell, unless its success is counted already. One that is not current counts
    /// nothing.
    pub fn record(&self, span: Span, outcome: Outcome, now: u64) -> Totals {
        let windows = &self.cell.windows;
        match (self.current(), self.counted) {
            (None, _) => Totals::default(),
            (Some(it), true) => windows.total(span, it.era(), now),
            (Some(it), false) => windows.record(span, it.era(), now, outcome),
        }
    }

    /// The same, for what comes in a row.
    pub fn record_in_a_row(&self, failure: u32) -> Row {
        let row = &self.cell.row;
        match (self.is_current(), self.counted) {
            (false, _) => Row::default(),
            (true, true) => row.get(self.version),
            (true, false) => row.record(self.version, failure),
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
