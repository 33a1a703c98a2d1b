//! What goes wrong with a plugin while it serves.

use std::{fmt, sync::Arc, time::Duration};

use super::phase::Phase;
use crate::pipeline::context::Fault;

/// A plugin did not do its work, and the exchange is answered for it (`on-failure: closed`).
#[derive(Clone, Debug, thiserror::Error)]
#[error("plugin `{plugin}` {kind} in {phase}")]
pub struct Failure {
    pub plugin: Arc<str>,
    pub phase: Phase,
    pub kind: FailureKind,
}

/// How a call failed. The texts go to the log, never to the client.
#[derive(Clone, Debug)]
pub enum FailureKind {
    /// The guest trapped; the text has its backtrace.
    Trap(Arc<str>),
    /// The call took longer than `limits.time`; the text has the guest's backtrace, unless it was waiting.
    Timeout(Arc<str>),
    /// The guest trapped after it was refused memory or table elements beyond its limits; the text has its backtrace.
    Memory(Arc<str>),
    /// The plugin itself says that it could not do its work.
    Failed(Arc<str>),
    /// The plugin answered what cannot be carried out.
    Invalid(Arc<str>),
    /// A body is longer than what the plugin may hold of it, in bytes.
    BodyTooLarge(u64),
    /// No instance could be had.
    Exhausted(Arc<str>),
    /// It waits for something that the gateway fetches for it.
    Unready(Arc<str>),
    /// Its exchange waited for so long, in one or more `again`.
    Waited(Duration),
}

impl FailureKind {
    /// The label in metrics.
    pub const fn label(&self) -> &'static str {
        LABELS[self.index()]
    }

    pub(super) const fn index(&self) -> usize {
        match self {
            Self::Trap(_) => 0,
            Self::Timeout(_) => 1,
            Self::Memory(_) => 2,
            Self::Failed(_) => 3,
            Self::Invalid(_) => 4,
            Self::BodyTooLarge(_) => 5,
            Self::Exhausted(_) => 6,
            Self::Unready(_) => 7,
            Self::Waited(_) => 8,
        }
    }
}

/// In the order of `FailureKind::index`.
pub(super) const LABELS: [&str; 9] = [
    "trap",
    "timeout",
    "memory",
    "failed",
    "invalid",
    "body-too-large",
    "exhausted",
    "unready",
    "waited",
];

impl Failure {
    /// A body that is too long is its sender's fault; all else is the plugin's.
    pub fn fault(&self) -> Fault {
        match (&self.kind, self.phase) {
            (FailureKind::BodyTooLarge(_), Phase::Response | Phase::ResponseBody) => {
                Fault::Upstream
            }
            (FailureKind::BodyTooLarge(_), _) => Fault::Client,
            _ => Fault::Plugin,
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap(what) => write!(f, "trapped ({what})"),
            Self::Timeout(what) => {
                f.write_str("took longer than its `limits.time`")?;
                in_parentheses(what, f)
            }
            Self::Memory(what) => {
                f.write_str("needed more than its `limits.memory` or `limits.table`")?;
                in_parentheses(what, f)
            }
            Self::Failed(message) => write!(f, "failed ({message})"),
            Self::Invalid(what) => write!(f, "gave an answer that cannot be carried out ({what})"),
            Self::BodyTooLarge(limit) => {
                write!(f, "may hold {limit} bytes of a body that is longer")
            }
            Self::Exhausted(what) => write!(f, "had no instance to run in ({what})"),
            Self::Waited(limit) => write!(
                f,
                "still waits after its `limits.wait` of {limit:?} for what it asked for"
            ),
            Self::Unready(what) => write!(f, "waits for its descriptors ({what})"),
        }
    }
}

fn in_parentheses(what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if what.is_empty() {
        Ok(())
    } else {
        write!(f, " ({what})")
    }
}
