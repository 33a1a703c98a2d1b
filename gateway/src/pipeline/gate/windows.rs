//! What a cell remembers of outcomes: its windows, and when it counted something bad last.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use arc_swap::ArcSwap;

use super::window::{Era, Outcome, Totals, Window};

/// Which of the windows of a cell: its span in milliseconds, and its number among those of the same span.
pub type Span = (u64, u8);

/// Windows of one cell. Configurations come and go, and each may count over other spans.
const MOST_WINDOWS: usize = 32;

/// The windows of one cell, by span. They are made when something is counted.
#[derive(Debug, Default)]
pub(super) struct Windows {
    known: ArcSwap<Vec<(Span, Arc<Window>)>>,
    /// The millisecond after the last failure or slow call that any of them counts; 0 for none. Written before that is
    /// counted: who does not see it has counted before whoever wrote it reads.
    bad: AtomicU64,
}

impl Windows {
    pub(super) fn record(&self, span: Span, era: Era, now: u64, outcome: Outcome) -> Totals {
        if outcome.is_bad() && self.bad.load(SeqCst) <= now {
            self.bad.fetch_max(now + 1, SeqCst);
        }
        loop {
            match find(&self.known.load(), span) {
                Some(window) => return window.record(era, now, outcome),
                None => self.add(span),
            }
        }
    }

    /// Counts a plain success in each of these, and reads nothing.
    pub(super) fn record_success(&self, spans: &[Span], era: Era, now: u64) {
        let known = self.known.load();
        for span in spans {
            match find(&known, *span) {
                Some(window) => window.count(era.version, now, Outcome::default()),
                None => {
                    self.record(*span, era, now, Outcome::default());
                }
            }
        }
    }

    /// Whether one of these may remember something bad.
    pub(super) fn remember_bad(&self, spans: &[Span], era: Era, now: u64) -> bool {
        let Some(last) = self.bad.load(SeqCst).checked_sub(1) else {
            return false;
        };
        let age = now.saturating_sub(last);
        last >= era.since && spans.iter().any(|(span, _)| age < *span)
    }

    /// What a window came to, for one that counts nothing in it.
    pub(super) fn total(&self, span: Span, era: Era, now: u64) -> Totals {
        let known = self.known.load();
        let window = find(&known, span);
        window.map_or_else(Totals::default, |window| window.totals(era, now))
    }

    fn add(&self, span: Span) {
        let window = Arc::new(Window::new(span.0));
        self.known.rcu(|known| {
            let mut known = Vec::clone(known);
            if !known.iter().any(|(other, _)| *other == span) {
                if known.len() >= MOST_WINDOWS {
                    known.remove(0);
                }
                known.push((span, Arc::clone(&window)));
            }
            known
        });
    }

    /// Spans in milliseconds, and what they came to.
    pub(super) fn totals(&self, era: Era, now: u64) -> Vec<(u64, Totals)> {
        let known = self.known.load();
        let totals = known
            .iter()
            .map(|((span, _), window)| (*span, window.totals(era, now)));
        totals.collect()
    }

    /// In milliseconds.
    pub(super) fn longest(&self) -> u64 {
        let known = self.known.load();
        known.iter().map(|((span, _), _)| *span).max().unwrap_or(0)
    }
}

fn find(known: &[(Span, Arc<Window>)], span: Span) -> Option<&Window> {
    let mut known = known.iter();
    let (_, window) = known.find(|(other, _)| *other == span)?;
    Some(window)
}
