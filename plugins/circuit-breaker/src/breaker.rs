//! From the end of an exchange to a circuit that moves.

use witgate_plugin::{
    Ending, Summary,
    config::Problem,
    gates::{Definition, FailedTry, Fallback, Gate, Pass, Position, Stance as At},
    windows::{self, Window},
};

use crate::{
    judgement::{Cause, Memory, Move, Row, Stance, Totals},
    quiet::quiet,
    settings::{Answer, Course, Prepared},
    weights::{Ended, Outcome},
};

/// The share of calls that pass as `ramp-up` begins, in percent.
pub(crate) const FIRST_SHARE: u8 = 10;

/// One route's circuits.
pub(crate) struct Breaker {
    settings: Prepared,
    gate: Gate,
    /// In the order of the judgement's.
    windows: Vec<Window>,
}

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) outcome: Outcome,
    pub(crate) slow: bool,
}

impl Breaker {
    pub(crate) fn new(settings: Prepared) -> Result<Self, Vec<Problem>> {
        let gate = Gate::open(&Definition {
            name: settings.name.clone(),
            scope: settings.scope.clone(),
            fallback: match &settings.answer {
                Answer::Unavailable => Fallback::Unavailable,
                Answer::Respond(reply) => Fallback::Reply(reply.clone()),
                Answer::Upstream(name) => Fallback::Upstream {
                    name: name.clone(),
                    pointer: String::from("/fallback/to"),
                },
            },
            quiet: Some(quiet(&settings)),
        });
        let gate = gate.map_err(|message| vec![Problem::at("", message)])?;
        let spans = settings.judgement.windows.iter();
        let windows = spans.map(|window| Window::open(&gate, window.span));
        let windows = windows.collect::<Result<_, _>>();
        Ok(Self {
            windows: windows.map_err(|message| vec![Problem::at("", message)])?,
            settings,
            gate,
        })
    }

    pub(crate) fn settings(&self) -> &Prepared {
        &self.settings
    }

    /// An exchange has ended.
    pub(crate) fn end(&self, summary: &Summary) {
        let mut ended = None;
        for pass in self.gate.passes() {
            if !pass.current || pass.stance == At::Forced {
                continue;
            }
            let call = match pass.failed {
                Some(failed) => self.tried(failed),
                None => *ended.get_or_insert_with(|| self.ended(summary)),
            };
            self.count(&pass, call);
        }
    }

    fn count(&self, pass: &Pass<'_>, call: Call) {
        let stance = match pass.stance {
            At::HalfOpen => Stance::HalfOpen,
            At::Closed | At::Ramp | At::Forced => Stance::Closed,
        };
        let judgement = &self.settings.judgement;
        let memory = Cell {
            breaker: self,
            pass,
        };
        match judgement.judge(stance, call.outcome, call.slow, &memory) {
            None => {}
            Some(Move::Open(cause)) => self.open(pass, cause),
            Some(Move::Close) => self.close(pass),
        }
    }

    fn open(&self, pass: &Pass<'_>, cause: Cause) {
        let Course {
            open,
            max_open,
            probes,
            ..
        } = self.settings.course;
        // Nothing before, unless this was a probe.
        let during = pass.opened.saturating_mul(2).clamp(open, max_open);
        let next = Position::Open { during, probes };
        pass.publish(next, cause.kind(), &cause.text());
    }

    fn close(&self, pass: &Pass<'_>) {
        let next = match self.settings.course.ramp_up {
            Some(over) => Position::Ramp {
                from: FIRST_SHARE,
                over,
            },
            None => Position::Closed,
        };
        pass.publish(next, "probe-succeeded", "the upstream is well again");
    }

    /// A try at one endpoint that was followed by another. How long it took is not known.
    fn tried(&self, failed: FailedTry) -> Call {
        let weights = &self.settings.weights;
        let complete = |status, grpc| Ended {
            ending: Ending::Complete,
            status,
            grpc,
            code: None,
            notes: &[],
        };
        let broken = |ending| Ended {
            ending,
            ..complete(None, None)
        };
        let outcome = weights.judge(match failed {
            FailedTry::Unreachable | FailedTry::Reset => broken(Ending::UpstreamFailed),
            FailedTry::ConnectTimeout => broken(Ending::Timeout),
            FailedTry::Status(status) => complete(Some(status), None),
            FailedTry::GrpcStatus(code) => complete(None, Some(code)),
        });
        Call {
            outcome,
            slow: false,
        }
    }

    /// Asks the gateway only for what can count.
    pub(crate) fn ended(&self, summary: &Summary) -> Call {
        let weights = &self.settings.weights;
        let ended = summary.outcome();
        let code = match ended.ending {
            Ending::Timeout | Ending::UpstreamFailed => summary.code(),
            Ending::Complete | Ending::ClientGone | Ending::AnsweredHere => None,
        };
        let notes = if ended.noted && weights.weigh_notes() {
            summary.notes()
        } else {
            Vec::new()
        };
        let outcome = weights.judge(Ended {
            ending: ended.ending,
            status: ended.status,
            grpc: ended.grpc_status,
            code: code.as_deref(),
            notes: &notes,
        });
        let slow = self.settings.slow.is_some_and(|limit| {
            // Not how long a stream went on, or a client took to read.
            ended.time_to_head.is_some_and(|time| time > limit)
        });
        Call { outcome, slow }
    }
}

/// What the gateway remembers of the calls that one circuit let pass.
struct Cell<'a> {
    breaker: &'a Breaker,
    pass: &'a Pass<'a>,
}

impl Memory for Cell<'_> {
    fn count_in_row(&self, failure: u32) -> Row {
        let row = windows::in_a_row(&self.breaker.gate, self.pass, failure);
        Row {
            failures: row.failures,
            successes: row.successes,
        }
    }

    fn count_in_window(&self, window: usize, failure: u32, slow: bool) -> Totals {
        let window = self.breaker.windows.get(window);
        let totals = window.map(|window| window.record(self.pass, failure, slow));
        let totals = totals.unwrap_or_default();
        Totals {
            calls: totals.calls,
            failures: totals.failures,
            slow: totals.slow,
        }
    }
}
