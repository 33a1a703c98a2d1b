//! Between the generated types of gates and windows and those of the SDK.

use std::time::Duration;

use super::bindings::witgate::plugin::{gates, types, windows};
use crate::{
    gates::{Definition, FailedTry, Fallback, Position, Quiet, Stance, Unbound, millis},
    windows::{Row, Totals},
};

pub(crate) fn definition(definition: &Definition) -> gates::Definition {
    gates::Definition {
        name: definition.name.clone(),
        scope: definition.scope.clone(),
        fallback: match &definition.fallback {
            Fallback::Unavailable => gates::Fallback::Unavailable,
            Fallback::Reply(reply) => gates::Fallback::Reply(types::Reply {
                status: reply.status,
                headers: reply.headers.clone(),
                body: reply.body.clone(),
            }),
            Fallback::Upstream { name, pointer } => {
                gates::Fallback::Upstream(gates::NamedUpstream {
                    name: name.clone(),
                    pointer: pointer.clone(),
                })
            }
        },
        quiet: definition.quiet.as_ref().map(quiet),
    }
}

fn quiet(quiet: &Quiet) -> gates::Quiet {
    let statuses = quiet.statuses.iter();
    let statuses = statuses.map(|range| gates::StatusRange {
        first: *range.start(),
        last: *range.end(),
    });
    gates::Quiet {
        statuses: statuses.collect(),
        grpc_statuses: quiet.grpc_statuses.clone(),
        time_to_head: quiet.time_to_head.map(millis),
    }
}

pub(crate) fn position(position: Position) -> gates::Position {
    match position {
        Position::Closed => gates::Position::Closed,
        Position::Open { during, probes } => gates::Position::Open(gates::Opened {
            during: millis(during),
            probes,
        }),
        Position::Ramp { from, over } => gates::Position::Ramp(gates::Ramp {
            from,
            over: millis(over),
        }),
    }
}

pub(crate) fn reason(kind: &str, text: &str) -> gates::Reason {
    gates::Reason {
        kind: kind.to_owned(),
        text: text.to_owned(),
    }
}

pub(crate) fn pass(pass: &gates::Pass) -> Unbound {
    Unbound {
        stance: match pass.stance {
            gates::Stance::Closed => Stance::Closed,
            gates::Stance::HalfOpen => Stance::HalfOpen,
            gates::Stance::Ramp => Stance::Ramp,
            gates::Stance::Forced => Stance::Forced,
        },
        opened: Duration::from_millis(pass.opened),
        current: pass.current,
        failed: pass.failed.map(|failed| match failed {
            gates::FailedTry::Unreachable => FailedTry::Unreachable,
            gates::FailedTry::ConnectTimeout => FailedTry::ConnectTimeout,
            gates::FailedTry::Reset => FailedTry::Reset,
            gates::FailedTry::Status(status) => FailedTry::Status(status),
            gates::FailedTry::GrpcStatus(status) => FailedTry::GrpcStatus(status),
        }),
    }
}

pub(crate) fn totals(totals: windows::Totals) -> Totals {
    Totals {
        calls: totals.calls,
        failures: totals.failures,
        slow: totals.slow,
    }
}

pub(crate) fn row(row: windows::Row) -> Row {
    Row {
        failures: row.failures,
        successes: row.successes,
    }
}
