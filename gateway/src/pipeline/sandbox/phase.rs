//! The phases of an exchange, and sets of them.

use std::fmt;

/// One exported interface of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    Request,
    RequestBody,
    Response,
    ResponseBody,
    End,
    Tick,
    /// Not a phase of an exchange: a configuration is parsed.
    Configure,
}

impl Phase {
    /// All of them, in the order of their indices.
    pub const ALL: [Self; 7] = [
        Self::Request,
        Self::RequestBody,
        Self::Response,
        Self::ResponseBody,
        Self::End,
        Self::Tick,
        Self::Configure,
    ];

    /// The name of its interface; the label in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "on-request",
            Self::RequestBody => "on-request-body",
            Self::Response => "on-response",
            Self::ResponseBody => "on-response-body",
            Self::End => "on-end",
            Self::Tick => "on-tick",
            Self::Configure => "policy",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of phases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases(u8);

impl Phases {
    pub const fn contains(self, phase: Phase) -> bool {
        self.0 & (1 << phase.index()) != 0
    }

    #[must_use]
    pub const fn with(self, phase: Phase) -> Self {
        Self(self.0 | (1 << phase.index()))
    }

    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Phase> {
        Phase::ALL
            .into_iter()
            .filter(move |phase| self.contains(*phase))
    }
}
