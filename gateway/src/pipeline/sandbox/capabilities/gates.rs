//! `gates` and `windows`: circuit breakers whose state the host keeps ([`gate`](crate::pipeline::gate)), and whose
//! judgement is the plugin's.
//!
//! While a configuration is parsed, what it opens is noted. The chain makes [doors](crate::pipeline::sandbox::doors) of that,
//! which it asks by itself; at the end of an exchange the plugin finds what let it pass in [`Call`](crate::pipeline::sandbox::state::Call).

use smallvec::SmallVec;
use wasmtime::component::Resource;

use crate::pipeline::{
    context::LocalResponse,
    gate::{
        self, FailedTry, LONGEST, MOST_PROBES, Outcome, Pass, Position, Quiet, QuietError, Reason,
        Scope, Span, now,
    },
    sandbox::{
        bindings::{
            gates::{self, Host, HostGate},
            windows::{self, Host as WindowsHost, HostWindow},
        },
        reply::local_response,
        state::State,
    },
};

const LONGEST_NAME: usize = 64;
/// Gates of one configuration.
const MOST_GATES: usize = 16;
const MOST_WINDOWS: usize = 4;
const SHORTEST_SPAN: u64 = 100;
const LONGEST_KIND: usize = 32;
const LONGEST_TEXT: usize = 200;
/// A thousand failures of the usual weight.
const HEAVIEST: u32 = 1_000_000;

/// A plugin's handle on one of the gates that its configuration opened, by their order.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Gate(usize);

/// A plugin's handle on one window of such a gate.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Window {
    gate: usize,
    span: Span,
}

/// The gates that a configuration opens.
#[derive(Debug, Default)]
pub(in crate::pipeline::sandbox) struct Opened {
    /// A configuration is being parsed.
    pub(in crate::pipeline::sandbox) open: bool,
    pub(in crate::pipeline::sandbox) gates: Vec<Definition>,
}

/// A gate as a configuration defines it.
#[derive(Clone, Debug)]
pub(in crate::pipeline::sandbox) struct Definition {
    pub(in crate::pipeline::sandbox) name: Box<str>,
    pub(in crate::pipeline::sandbox) scope: Scope,
    pub(in crate::pipeline::sandbox) fallback: Fallback,
    /// What is counted without the plugin.
    pub(in crate::pipeline::sandbox) quiet: Option<Quiet>,
    /// Its windows.
    pub(in crate::pipeline::sandbox) windows: Vec<Span>,
}

/// What a client gets that does not pass.
#[derive(Clone, Debug)]
pub(in crate::pipeline::sandbox) enum Fallback {
    Unavailable,
    Reply(Box<LocalResponse>),
    Upstream { name: Box<str>, pointer: Box<str> },
}

/// That a gate let an exchange pass.
#[derive(Debug)]
pub(in crate::pipeline::sandbox) struct Passed {
    /// By the order in which the configuration opened them.
    pub(in crate::pipeline::sandbox) gate: usize,
    pub(in crate::pipeline::sandbox) pass: Pass,
    pub(in crate::pipeline::sandbox) failed: Option<FailedTry>,
}

/// What let an exchange pass, in order.
pub(in crate::pipeline::sandbox) type Passes = SmallVec<[Passed; 1]>;

impl Opened {
    pub(in crate::pipeline::sandbox) fn begin() -> Self {
        Self {
            open: true,
            gates: Vec::new(),
        }
    }

    fn add(&mut self, definition: gates::Definition) -> Result<usize, String> {
        if !self.open {
            return Err(not_now());
        }
        let name = definition.name;
        if !is_name(&name, LONGEST_NAME) {
            return Err(format!(
                "`{name}` is no name for a gate: it begins with a letter or digit, goes on with those and `-`, and has \
                 at most {LONGEST_NAME} bytes"
            ));
        }
        if self.gates.iter().any(|gate| *gate.name == *name) {
            return Err(format!(
                "there are two gates `{name}`; give each a name of its own"
            ));
        }
        if self.gates.len() >= MOST_GATES {
            return Err(format!("a configuration has at most {MOST_GATES} gates"));
        }
        let scope = Scope::parse(&definition.scope).map_err(|error| error.to_string())?;
        let fallback = match definition.fallback {
            gates::Fallback::Unavailable => Fallback::Unavailable,
            gates::Fallback::Reply(reply) => {
                let reply = local_response(reply);
                let reply =
                    reply.map_err(|kind| format!("the answer cannot be given: it {kind}"))?;
                Fallback::Reply(Box::new(reply))
            }
            gates::Fallback::Upstream(upstream) => Fallback::Upstream {
                name: upstream.name.into(),
                pointer: upstream.pointer.into(),
            },
        };
        let quiet = definition.quiet.as_ref().map(quiet).transpose();
        self.gates.push(Definition {
            name: name.into(),
            scope,
            fallback,
            quiet: quiet.map_err(|error| error.to_string())?,
            windows: Vec::new(),
        });
        Ok(self.gates.len() - 1)
    }

    fn add_window(&mut self, gate: usize, span: u64) -> Result<Span, String> {
        let gate = match self.gates.get_mut(gate) {
            Some(gate) if self.open => gate,
            _ => return Err(not_now()),
        };
        if !(SHORTEST_SPAN..=LONGEST).contains(&span) {
            return Err(format!(
                "a window spans {SHORTEST_SPAN} ms to {LONGEST} ms (a day), not {span} ms"
            ));
        }
        if gate.windows.len() >= MOST_WINDOWS {
            return Err(format!("a gate has at most {MOST_WINDOWS} windows"));
        }
        let windows = gate.windows.iter();
        let alike = windows.filter(|(other, _)| *other == span).count();
        // At most four.
        let window = (span, alike as u8);
        gate.windows.push(window);
        Ok(window)
    }
}

fn quiet(quiet: &gates::Quiet) -> Result<Quiet, QuietError> {
    let ranges = quiet.statuses.iter();
    let ranges: Vec<_> = ranges.map(|range| (range.first, range.last)).collect();
    Quiet::new(&ranges, &quiet.grpc_statuses, quiet.time_to_head)
}

fn not_now() -> String {
    String::from("gates and windows are opened while a configuration is parsed, not later")
}

fn is_name(name: &str, longest: usize) -> bool {
    let bytes = name.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= longest
        && bytes.first().is_some_and(plain)
        && bytes.iter().all(|byte| plain(byte) || *byte == b'-')
}

impl State {
    /// The pass with this number among those of one gate.
    fn passed(&self, gate: usize, pass: u32) -> Option<&Pass> {
        let mut own = self.call.passes.iter().filter(|passed| passed.gate == gate);
        own.nth(usize::try_from(pass).ok()?)
            .map(|passed| &passed.pass)
    }
}

impl Host for State {}

impl HostGate for State {
    fn open(
        &mut self,
        definition: gates::Definition,
    ) -> wasmtime::Result<Result<Resource<Gate>, String>> {
        Ok(match self.gates.add(definition) {
            Ok(index) => Ok(self.table.push(Gate(index))?),
            Err(message) => Err(message),
        })
    }

    fn passes(&mut self, this: Resource<Gate>) -> wasmtime::Result<Vec<gates::Pass>> {
        let gate = self.table.get(&this)?.0;
        let own = self.call.passes.iter().filter(|passed| passed.gate == gate);
        Ok(own.map(shown).collect())
    }

    fn publish(
        &mut self,
        this: Resource<Gate>,
        pass: u32,
        next: gates::Position,
        reason: gates::Reason,
    ) -> wasmtime::Result<bool> {
        let gate = self.table.get(&this)?.0;
        let Some(pass) = self.passed(gate, pass) else {
            return Ok(false);
        };
        let next = position(next)?;
        Ok(pass.publish(next, why(&reason)?, now()))
    }

    fn drop(&mut self, this: Resource<Gate>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl WindowsHost for State {
    fn in_a_row(
        &mut self,
        gate: Resource<Gate>,
        pass: u32,
        failure: u32,
    ) -> wasmtime::Result<windows::Row> {
        let gate = self.table.get(&gate)?.0;
        let row = self.passed(gate, pass);
        let row = row.map(|pass| pass.record_in_a_row(failure.min(HEAVIEST)));
        let row = row.unwrap_or_default();
        Ok(windows::Row {
            failures: row.failures,
            successes: row.successes,
        })
    }
}

impl HostWindow for State {
    fn open(
        &mut self,
        gate: Resource<Gate>,
        span: u64,
    ) -> wasmtime::Result<Result<Resource<Window>, String>> {
        let gate = self.table.get(&gate)?.0;
        Ok(match self.gates.add_window(gate, span) {
            Ok(span) => Ok(self.table.push(Window { gate, span })?),
            Err(message) => Err(message),
        })
    }

    fn record(
        &mut self,
        this: Resource<Window>,
        pass: u32,
        failure: u32,
        slow: bool,
    ) -> wasmtime::Result<windows::Totals> {
        let &Window { gate, span } = self.table.get(&this)?;
        let outcome = Outcome {
            failure: failure.min(HEAVIEST),
            slow,
        };
        let totals = self.passed(gate, pass);
        let totals = totals.map(|pass| pass.record(span, outcome, now()));
        let totals = totals.unwrap_or_default();
        Ok(windows::Totals {
            calls: totals.calls,
            failures: totals.failures,
            slow: totals.slow,
        })
    }

    fn drop(&mut self, this: Resource<Window>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

fn shown(passed: &Passed) -> gates::Pass {
    gates::Pass {
        stance: match passed.pass.stance {
            gate::Stance::Closed => gates::Stance::Closed,
            gate::Stance::HalfOpen => gates::Stance::HalfOpen,
            gate::Stance::Ramp => gates::Stance::Ramp,
            gate::Stance::Forced => gates::Stance::Forced,
        },
        opened: passed.pass.opened,
        current: passed.pass.is_current(),
        failed: passed.failed.map(|failed| match failed {
            FailedTry::Unreachable => gates::FailedTry::Unreachable,
            FailedTry::ConnectTimeout => gates::FailedTry::ConnectTimeout,
            FailedTry::Reset => gates::FailedTry::Reset,
            FailedTry::Status(status) => gates::FailedTry::Status(status),
            FailedTry::GrpcStatus(status) => gates::FailedTry::GrpcStatus(status),
        }),
    }
}

/// What is out of its range is a mistake of the plugin's, and traps.
fn position(next: gates::Position) -> wasmtime::Result<Position> {
    let within = |name: &str, number: u64, least: u64, most: u64| {
        let fits = (least..=most).contains(&number);
        wasmtime::ensure!(
            fits,
            "`{name}` of a position is {least} to {most}, not {number}"
        );
        Ok(())
    };
    Ok(match next {
        gates::Position::Closed => Position::Closed,
        gates::Position::Open(opened) => {
            within("during", opened.during, 1, LONGEST)?;
            within("probes", opened.probes.into(), 1, MOST_PROBES.into())?;
            Position::Open {
                during: opened.during,
                probes: opened.probes,
            }
        }
        gates::Position::Ramp(ramp) => {
            within("from", ramp.from.into(), 1, 100)?;
            within("over", ramp.over, 1, LONGEST)?;
            Position::Ramp {
                from: ramp.from,
                over: ramp.over,
            }
        }
    })
}

fn why(reason: &gates::Reason) -> wasmtime::Result<Reason> {
    let kind = &reason.kind;
    wasmtime::ensure!(
        is_name(kind, LONGEST_KIND),
        "`{kind}` is no kind of a reason: `[a-z][a-z0-9-]*`, at most {LONGEST_KIND} bytes"
    );
    let text = &reason.text;
    let end = (0..=LONGEST_TEXT.min(text.len())).rev();
    let end = end.into_iter().find(|end| text.is_char_boundary(*end));
    let text: String = text[..end.unwrap_or(0)]
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    Ok(Reason::new(kind, &text))
}
