//! What is told of a cell: how it stands, how it came to that, and what it has counted.

use std::time::SystemTime;

use super::{position::Hold, row::Row, window::Totals};

/// Why a cell is moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// One of few.
    pub kind: Box<str>,
    pub text: Box<str>,
}

impl Reason {
    pub fn new(kind: &str, text: &str) -> Self {
        Self {
            kind: kind.into(),
            text: text.into(),
        }
    }
}

/// One move of a cell.
#[derive(Clone, Debug)]
pub struct Move {
    pub at: SystemTime,
    pub to: State,
    pub why: Reason,
}

/// How a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Closed,
    Open,
    HalfOpen,
    Ramp,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Closed, Self::Open, Self::HalfOpen, Self::Ramp];

    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::Ramp => "ramp",
        }
    }
}

/// A cell as it is shown.
#[derive(Clone, Debug)]
pub struct View {
    pub state: State,
    pub held: Option<Hold>,
    pub since: SystemTime,
    /// Until an open cell is half-open, or a ramp is over, in milliseconds.
    pub remaining: u64,
    pub probes: u64,
    pub refused: u64,
    pub why: Reason,
    pub row: Row,
    /// Spans in milliseconds, and what they came to.
    pub windows: Vec<(u64, Totals)>,
    pub recent: Vec<Move>,
}
