//! The judgement: when a circuit opens, and when it closes. Pure; what is counted is kept elsewhere.

use std::time::Duration;

use crate::weights::Outcome;

/// How the circuit stood when it let the call pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stance {
    /// Also while the share of calls that pass still grows.
    Closed,
    /// The call was a probe.
    HalfOpen,
}

/// Outcomes in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Weights of the failures since the last success, in thousandths.
    pub(crate) failures: u64,
    /// Since the last failure.
    pub(crate) successes: u32,
}

/// The calls in a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) calls: u64,
    /// Their weights, in thousandths.
    pub(crate) failures: u64,
    pub(crate) slow: u64,
}

/// What remembers outcomes since the circuit moved last. Each method counts a call, and returns what there is then.
pub(crate) trait Memory {
    fn count_in_row(&self, failure: u32) -> Row;
    fn count_in_window(&self, window: usize, failure: u32, slow: bool) -> Totals;
}

/// When circuits move.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    /// So much in a row opens, in thousandths.
    pub(crate) row: Option<u64>,
    /// Their order is that of the memory's windows.
    pub(crate) windows: Vec<Window>,
    /// So many probes close.
    pub(crate) successes: u32,
}

/// What is judged of the calls in one sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) span: Duration,
    pub(crate) failed: Option<Threshold>,
    pub(crate) slow: Option<Threshold>,
}

/// A share of calls that is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threshold {
    /// 1 to 100.
    pub(crate) percent: u8,
    /// With fewer calls nothing is judged.
    pub(crate) minimum_calls: u32,
}

impl Threshold {
    /// `part` is in thousandths of a call.
    fn is_reached(self, part: u64, calls: u64) -> bool {
        let (part, calls) = (u128::from(part), u128::from(calls));
        calls >= u128::from(self.minimum_calls)
            && part * 100 >= u128::from(self.percent) * calls * 1000
    }
}

/// Where a circuit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Open(Cause),
    Close,
}

/// Why a circuit opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Row(Row),
    Failed(Totals, Duration),
    Slow(Totals, Duration),
    ProbeFailed,
    ProbeSlow,
}

impl Judgement {
    /// Counts a call that has ended, and says where the circuit goes. A success never opens it, nor does what says
    /// nothing move it.
    pub(crate) fn judge(
        &self,
        stance: Stance,
        outcome: Outcome,
        slow: bool,
        memory: &impl Memory,
    ) -> Option<Move> {
        let failure = match outcome {
            Outcome::Success => 0,
            Outcome::Failure(weight) => weight,
            Outcome::Nothing => return None,
        };
        match stance {
            Stance::HalfOpen => self.judge_probe(failure, slow, memory),
            Stance::Closed => self.judge_call(failure, slow, memory).map(Move::Open),
        }
    }

    fn judge_probe(&self, failure: u32, slow: bool, memory: &impl Memory) -> Option<Move> {
        if failure > 0 {
            return Some(Move::Open(Cause::ProbeFailed));
        }
        if slow {
            return Some(Move::Open(Cause::ProbeSlow));
        }
        let enough = self.successes <= 1 || memory.count_in_row(0).successes >= self.successes;
        enough.then_some(Move::Close)
    }

    fn judge_call(&self, failure: u32, slow: bool, memory: &impl Memory) -> Option<Cause> {
        let mut cause = None;
        if let Some(limit) = self.row {
            let row = memory.count_in_row(failure);
            if failure > 0 && row.failures >= limit {
                cause = Some(Cause::Row(row));
            }
        }
        // All windows count the call, whatever the others say: the circuit may be held closed.
        for (index, window) in self.windows.iter().enumerate() {
            let totals = memory.count_in_window(index, failure, slow);
            let found = window.judge(totals, failure > 0, slow);
            cause = cause.or(found);
        }
        cause
    }
}

impl Window {
    fn judge(&self, totals: Totals, failed: bool, slow: bool) -> Option<Cause> {
        let too_much = |threshold: Option<Threshold>, part| {
            threshold.is_some_and(|threshold| threshold.is_reached(part, totals.calls))
        };
        if failed && too_much(self.failed, totals.failures) {
            return Some(Cause::Failed(totals, self.span));
        }
        let slow = slow && too_much(self.slow, totals.slow.saturating_mul(1000));
        slow.then_some(Cause::Slow(totals, self.span))
    }
}

impl Cause {
    /// For programs.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Row(_) => "failures",
            Self::Failed(..) => "ratio",
            Self::Slow(..) => "slow",
            Self::ProbeFailed => "probe-failed",
            Self::ProbeSlow => "probe-slow",
        }
    }

    /// For people.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Row(row) => format!("failures in a row: {}", calls(row.failures)),
            Self::Failed(totals, span) => format!(
                "failures in {span:?}: {} of {} calls",
                calls(totals.failures),
                totals.calls
            ),
            Self::Slow(totals, span) => {
                format!(
                    "slow calls in {span:?}: {} of {}",
                    totals.slow, totals.calls
                )
            }
            Self::ProbeFailed => String::from("a probe failed"),
            Self::ProbeSlow => String::from("a probe was slow"),
        }
    }
}

/// Thousandths as people read them: `3`, `3.5`.
pub(crate) fn calls(thousandths: u64) -> String {
    let (whole, rest) = (thousandths / 1000, thousandths % 1000);
    if rest == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{rest:03}");
    text.trim_end_matches('0').to_owned()
}
