//! Gates: circuit breakers whose state the gateway keeps, and whose judgement is a plugin's.
//!
//! A [`Gate`] belongs to a plugin and has a name and a [`Scope`]; it has one [`Cell`] for each value of the scope. All
//! workers share the cells, and they outlive instances and reloads. A closed cell costs an exchange one load of a word.
//!
//! It is no stage: the sandbox asks gates in the name of its plugins, and `upstream` when it chooses an endpoint.

mod cell;
mod cells;
mod home;
mod pass;
mod position;
mod probes;
mod quiet;
mod registry;
mod remembered;
mod row;
mod scope;
mod view;
mod window;
mod windows;

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

pub use cell::Cell;
pub use pass::{Pass, Refused, Stance};
pub use position::{Hold, LONGEST, MOST_PROBES, Position};
pub use quiet::{Quiet, QuietError};
pub use registry::Gates;
pub use remembered::Remembered;
pub use row::Row;
pub use scope::{Scope, ScopeError, Values};
pub use view::{Move, Reason, State, View};
pub use window::{Outcome, Totals};
pub use windows::Span;

use cells::Cells;
use home::Home;

/// How long a worker remembers cells, in milliseconds.
pub const REMEMBERED: u64 = 30_000;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The clock of all gates: milliseconds since some moment in this process's life.
pub fn now() -> u64 {
    at(Instant::now())
}

/// What the clock of all gates says at a moment.
pub fn at(moment: Instant) -> u64 {
    let since = moment.saturating_duration_since(*START);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// One gate.
#[derive(Debug)]
pub struct Gate {
    /// Unique in the process.
    pub id: u64,
    pub scope: Scope,
    home: Arc<Home>,
    cells: Cells,
}

impl Gate {
    fn new(plugin: &Arc<str>, name: &str, scope: &Scope) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let home = Arc::new(Home::new(plugin, name));
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            scope: scope.clone(),
            cells: Cells::new(&home),
            home,
        }
    }

    pub fn plugin(&self) -> &str {
        &self.home.plugin
    }

    pub fn name(&self) -> &str {
        &self.home.name
    }

    /// In no particular order.
    pub fn cells(&self) -> Vec<Arc<Cell>> {
        self.cells.all()
    }

    /// A cell, which is made if need be. None when there is no room.
    pub fn cell(&self, name: &str) -> Option<Arc<Cell>> {
        self.cells.get(name, now())
    }

    /// The cell of this name, for an operator: where there are many, also one that nobody has come to yet.
    /// None when there is none and can be none.
    pub fn find(&self, name: &str) -> Option<Arc<Cell>> {
        let known = self.cells.find(name);
        let may_come = || self.scope.has_identity() && self.scope.fits(name);
        known.or_else(|| may_come().then(|| self.cell(name))?)
    }

    /// There was no room for a cell: the exchange goes on without.
    pub fn count_unguarded(&self) {
        if self.home.unguarded.fetch_add(1, Relaxed) == 0 {
            let (plugin, gate) = (self.plugin(), self.name());
            tracing::warn!(
                plugin,
                gate,
                "a gate has as many cells as it may: exchanges pass without"
            );
        }
    }
}

/// A gate does not let an exchange pass.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the gate `{}` of the plugin `{}` does not let it pass", gate.name(), gate.plugin())]
pub struct Refusal {
    gate: Arc<Gate>,
    /// When to come again, in milliseconds.
    pub after: u64,
}

impl Refusal {
    pub fn new(gate: &Arc<Gate>, refused: Refused) -> Self {
        Self {
            gate: Arc::clone(gate),
            after: refused.after,
        }
    }
}

/// How a try at one endpoint failed before the request was sent to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedTry {
    Unreachable,
    ConnectTimeout,
    Reset,
    Status(u16),
    GrpcStatus(u32),
}

/// The gates of one exchange that tell endpoints apart.
pub trait Endpoints {
    /// Whether the request may be sent there. If so it is as good as sent.
    fn admit(&self, endpoint: usize) -> bool;

    /// The try there has failed, and another is made.
    fn failed(&self, how: FailedTry);
}
