//! Capability `gates`: circuit breakers whose state the gateway keeps, and whose judgement is the plugin's.
//!
//! A [`Gate`] has one cell for each value of its scope (each route, each tenant …). Cells outlive instances and reloads
//! and are shared by all workers. The gateway asks them before it calls [`Policy::on_request`](crate::Policy::on_request), and
//! refuses what does not pass without a call: a plugin that has only [`on_end`](crate::Policy::on_end) costs nothing on the
//! request's way. There it judges the outcome, and moves the cell with [`Pass::publish`].
//!
//! What a cell remembers of outcomes is counted by [`windows`](crate::windows). Plain successes, which are most of them,
//! the gateway can count by itself: see [`Quiet`].

use std::{ops::RangeInclusive, time::Duration};

use crate::{Reply, backend};

/// What a client gets that does not pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fallback {
    /// 503 with `retry-after` and a problem document whose code is `circuit-open`; for gRPC calls `UNAVAILABLE` with a
    /// `google.rpc.RetryInfo` and `grpc-retry-pushback-ms`.
    #[default]
    Unavailable,
    /// This answer.
    Reply(Reply),
    /// The exchange goes on, to another upstream.
    Upstream {
        name: String,
        /// Where the configuration names it: a JSON pointer (RFC 6901), for the message when there is no such
        /// upstream.
        pointer: String,
    },
}

/// What a gate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// `[a-z0-9][a-z0-9-]*`, at most 64 bytes, and of one gate only in a configuration. The state belongs to plugin,
    /// name and scope: routes whose configurations agree in these share it.
    pub name: String,
    /// What tells cells apart, each once and at least one of them: `route`, `upstream`, `endpoint`, and of the
    /// identity that a plugin before this one established `subject`, `tenant`, `consumer`, `issuer`,
    /// `claim:/json/pointer`. Exchanges without such an identity share a cell.
    ///
    /// With `endpoint` the cells are asked when an endpoint is chosen: one that is open is left out, and only if all
    /// are open is the exchange refused.
    pub scope: Vec<String>,
    pub fallback: Fallback,
    /// What the gateway counts by itself. None: `on_end` hears of every exchange that passed.
    pub quiet: Option<Quiet>,
}

/// Outcomes that are successes and nothing else, whatever is remembered: the policy would count them with the failure 0
/// and not as slow, and leave the cell where it is. By default there are none.
///
/// When an exchange with such an outcome ends, and the cell remembers nothing bad, the gateway counts it in the row of the
/// cell and in each window of the gate, and does not call [`on_end`](crate::Policy::on_end): a circuit on which all is well
/// costs no call. `on_end` is called as ever
/// - where the cell was not closed when it let the exchange pass, or has been moved or held since,
/// - while the row has failures, and for as long after a failure or a slow call was counted as the longest window of the
///   gate spans,
/// - where something was noted of the exchange, a try at another endpoint failed, or the policy keeps a state for it,
/// - where a gate without `quiet` let the exchange pass to the same policy.
///
/// If something bad is counted at the very same time, `on_end` may be called for an outcome that is counted already: then
/// [`Window::record`](crate::windows::Window::record) and [`in_a_row`](crate::windows::in_a_row) only return what there is.
///
/// In [tests](crate::testing::gates) `on_end` runs whenever the test calls it, whatever this says; what the policy has
/// declared stands in [`definition`](crate::testing::gates::definition).
///
/// ```no_run
/// use std::time::Duration;
/// use witgate_plugin::gates::{Definition, Fallback, Gate, Quiet};
///
/// // A policy for which 5xx, every gRPC status but OK and NOT_FOUND, and what takes longer than a second is bad.
/// let gate = Gate::open(&Definition {
///     name: String::from("circuit"),
///     scope: vec![String::from("upstream")],
///     fallback: Fallback::Unavailable,
///     quiet: Some(Quiet {
///         statuses: vec![100..=499],
///         grpc_statuses: vec![0, 5],
///         time_to_head: Some(Duration::from_secs(1)),
///     }),
/// });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quiet {
    /// Of answers that went out whole and are no gRPC call's: 100 to 999, at most 450 ranges.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// Of gRPC calls that did, whatever the HTTP status: 0 to 16, each once.
    pub grpc_statuses: Vec<u32>,
    /// From the first byte of the request's head to the head of the response at most so long, 1 ms to a day, in whole
    /// milliseconds: a part of one is cut off. None: any time.
    pub time_to_head: Option<Duration>,
}

/// Where a cell can be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Every exchange passes.
    Closed,
    /// None passes until the time is over; then it is half-open.
    Open {
        /// 1 ms to a day.
        during: Duration,
        /// How many exchanges may be on their way at once when it is half-open, 1 to 1000. One that is on its way for
        /// longer than `during` (or a second, if that is longer) is not waited for: another may go.
        probes: u32,
    },
    /// A growing share passes; once the time is over, all of them.
    Ramp {
        /// The share that passes at first, in percent: 1 to 100.
        from: u8,
        /// 1 ms to a day.
        over: Duration,
    },
}

/// How a cell stood when it let an exchange pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    Closed,
    /// The exchange was a probe.
    HalfOpen,
    Ramp,
    /// An operator holds the cell closed.
    Forced,
}

/// How a try at one endpoint failed before the request was sent to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedTry {
    /// No connection.
    Unreachable,
    /// None in time.
    ConnectTimeout,
    /// The connection broke, or the stream was reset.
    Reset,
    /// An answer with this status.
    Status(u16),
    /// An answer with this gRPC status.
    GrpcStatus(u32),
}

/// One gate, opened in [`Policy::new`](crate::Policy::new) and nowhere else.
pub struct Gate(pub(crate) backend::Gate);

impl Gate {
    /// Fails when the definition is none.
    pub fn open(definition: &Definition) -> Result<Self, String> {
        backend::Gate::open(&backend::definition(definition)).map(Self)
    }

    /// The cells that let the exchange that has ended pass, in order: usually one; none if it did not come so far;
    /// with the scope `endpoint` one for each try. Empty outside of [`on_end`](crate::Policy::on_end).
    pub fn passes(&self) -> Vec<Pass<'_>> {
        let passes = self.0.passes().into_iter().zip(0..);
        passes
            .map(|(pass, index)| backend::pass(&pass).bound(self, index))
            .collect()
    }
}

/// That a cell let this exchange pass.
#[derive(Clone, Copy)]
pub struct Pass<'g> {
    pub stance: Stance,
    /// For a probe: how long the cell stayed open before, as [`publish`](Self::publish) was told. Else zero.
    pub opened: Duration,
    /// Nobody has moved the cell since. Else the outcome says nothing of how it stands now, and neither counts nor
    /// moves it.
    pub current: bool,
    /// With the scope `endpoint`: how the try there failed, after which another was made. None: what the summary says
    /// is the outcome.
    pub failed: Option<FailedTry>,
    gate: &'g Gate,
    pub(crate) index: u32,
}

impl Pass<'_> {
    /// Moves the cell, if nobody has moved it since it let this exchange pass. True if it was moved; of callers at the
    /// same time one is told so.
    ///
    /// `kind` says why for programs and is a label of the metrics: `[a-z][a-z0-9-]*`, at most 32 bytes, and few of
    /// them. `text` says it for people, in at most 200 bytes.
    pub fn publish(&self, next: Position, kind: &str, text: &str) -> bool {
        let reason = backend::reason(kind, text);
        let next = backend::position(next);
        self.gate.0.publish(self.index, next, &reason)
    }
}

/// What a pass says, before it is known of which gate.
#[derive(Clone, Copy)]
pub(crate) struct Unbound {
    pub(crate) stance: Stance,
    pub(crate) opened: Duration,
    pub(crate) current: bool,
    pub(crate) failed: Option<FailedTry>,
}

impl Unbound {
    fn bound(self, gate: &Gate, index: u32) -> Pass<'_> {
        Pass {
            stance: self.stance,
            opened: self.opened,
            current: self.current,
            failed: self.failed,
            gate,
            index,
        }
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
