//! From what is written to what calls are judged by. Everything that is wrong is reported at once.

use std::time::Duration;

use witgate_plugin::config::{HumanDuration, Problem};

use super::{HalfOpen, OneOrMany, Ratio, Settings, Share, Slow, fallback::Answer};
use crate::{
    judgement::{Judgement, Threshold, Window},
    weights::{ONE, Weights},
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// In a row, where nothing else is written.
const FAILURES: u32 = 3;
const MINIMUM_CALLS: u32 = 20;

/// What a route's calls are judged by.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) name: String,
    pub(crate) scope: Vec<String>,
    pub(crate) judgement: Judgement,
    pub(crate) weights: Weights,
    /// A call that takes longer is slow.
    pub(crate) slow: Option<Duration>,
    pub(crate) course: Course,
    pub(crate) answer: Answer,
}

/// How a circuit that has opened goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Course {
    pub(crate) open: Duration,
    pub(crate) max_open: Duration,
    /// At a time.
    pub(crate) probes: u32,
    pub(crate) ramp_up: Option<Duration>,
}

pub(crate) fn prepare(settings: Settings) -> Result<Prepared, Vec<Problem>> {
    let mut check = Check::default();
    let (ratio, slow) = (settings.ratio.map(|it| it.0), settings.slow.map(|it| it.0));
    let alone = ratio.is_none() && slow.is_none();
    let prepared = Prepared {
        name: check.name(settings.name),
        scope: check.scope(settings.scope),
        slow: slow.as_ref().map(|slow| check.slow_from(slow)),
        judgement: Judgement {
            row: check.row(settings.failures.or(alone.then_some(FAILURES))),
            windows: check.windows(ratio, slow),
            successes: check.successes(&settings.half_open),
        },
        course: check.course(
            &settings.half_open,
            settings.open,
            settings.max_open,
            settings.ramp_up,
        ),
        weights: Weights::new(&settings.weights, &mut check.problems),
        answer: Answer::new(settings.fallback, &mut check.problems),
    };
    if check.problems.is_empty() {
        Ok(prepared)
    } else {
        Err(check.problems)
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn report(&mut self, pointer: &str, message: impl Into<String>) {
        self.problems.push(Problem::at(pointer, message));
    }

    fn name(&mut self, written: Option<String>) -> String {
        let name = written.unwrap_or_else(|| String::from("circuit"));
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if name.starts_with('-') || name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            let message =
                "write lower-case letters, digits and `-`, at most 64, and no `-` at first";
            self.report("/name", message);
        }
        name
    }

    /// Always with a place: a tenant's calls to one upstream say nothing of another.
    fn scope(&mut self, written: OneOrMany) -> Vec<String> {
        let (written, listed) = match written {
            OneOrMany::One(one) => (vec![one], false),
            OneOrMany::Many(many) => (many, true),
        };
        for (index, part) in written.iter().enumerate() {
            let complaint = if written[..index].contains(part) {
                Some("this is there already")
            } else {
                complaint(part)
            };
            if let Some(message) = complaint {
                let place = format!("/scope/{index}");
                self.report(if listed { &place } else { "/scope" }, message);
            }
        }
        match written.iter().filter(|part| is_place(part)).count() {
            0 => [vec![String::from("upstream")], written].concat(),
            1 => written,
            _ => {
                self.report("/scope", "write one of `route`, `upstream` and `endpoint`");
                written
            }
        }
    }

    fn row(&mut self, failures: Option<u32>) -> Option<u64> {
        let failures = failures?;
        self.number("/failures", failures, 1_000_000);
        Some(u64::from(failures) * u64::from(ONE))
    }

    fn slow_from(&mut self, slow: &Slow) -> Duration {
        let least = Duration::from_millis(1);
        let default = Duration::from_millis(800);
        self.duration("/slow/longer-than", slow.longer_than, default, least, HOUR)
    }

    /// One window for both where they span the same time: then a call is counted once.
    fn windows(&mut self, ratio: Option<Ratio>, slow: Option<Slow>) -> Vec<Window> {
        let mut windows = Vec::<Window>::new();
        if let Some(ratio) = ratio {
            windows.push(Window {
                span: self.span("/ratio/window", ratio.window, Duration::from_secs(60)),
                failed: Some(self.threshold("/ratio", ratio.share, 60, ratio.minimum_calls)),
                slow: None,
            });
        }
        if let Some(slow) = slow {
            let span = self.span("/slow/window", slow.window, Duration::from_secs(30));
            let threshold = self.threshold("/slow", slow.share, 50, slow.minimum_calls);
            match windows.iter_mut().find(|window| window.span == span) {
                Some(window) => window.slow = Some(threshold),
                None => windows.push(Window {
                    span,
                    failed: None,
                    slow: Some(threshold),
                }),
            }
        }
        windows
    }

    fn threshold(
        &mut self,
        pointer: &str,
        share: Option<Share>,
        default: u8,
        minimum_calls: Option<u32>,
    ) -> Threshold {
        let minimum_calls = minimum_calls.unwrap_or(MINIMUM_CALLS);
        let place = format!("{pointer}/minimum-calls");
        self.number(&place, minimum_calls, 1_000_000_000);
        Threshold {
            percent: share.map_or(default, Share::as_percent),
            minimum_calls,
        }
    }

    fn successes(&mut self, half_open: &HalfOpen) -> u32 {
        let successes = half_open.successes.or(half_open.probes).unwrap_or(1);
        if half_open.successes.is_some() {
            self.number("/half-open/successes", successes, 1000);
        }
        successes
    }

    fn course(
        &mut self,
        half_open: &HalfOpen,
        open: Option<HumanDuration>,
        max_open: Option<HumanDuration>,
        ramp_up: Option<HumanDuration>,
    ) -> Course {
        let least = Duration::from_millis(10);
        let open = self.duration("/open", open, Duration::from_secs(60), least, DAY);
        let max_open =
            max_open.map(|most| self.duration("/max-open", Some(most), open, least, DAY));
        if max_open.is_some_and(|most| most < open) {
            let message = format!("this is less than `open`; write {open:?} at least");
            self.report("/max-open", message);
        }
        let ramp_up = ramp_up.map(|over| self.duration("/ramp-up", Some(over), HOUR, least, HOUR));
        let probes = half_open.probes.unwrap_or(1);
        self.number("/half-open/probes", probes, 1000);
        Course {
            open,
            max_open: max_open.unwrap_or(open),
            probes,
            ramp_up,
        }
    }

    fn span(
        &mut self,
        pointer: &str,
        written: Option<HumanDuration>,
        default: Duration,
    ) -> Duration {
        self.duration(pointer, written, default, Duration::from_millis(100), HOUR)
    }

    fn duration(
        &mut self,
        pointer: &str,
        written: Option<HumanDuration>,
        default: Duration,
        least: Duration,
        most: Duration,
    ) -> Duration {
        let duration = written.map_or(default, |written| written.0);
        if !(least..=most).contains(&duration) {
            let most = most.as_secs() / 3600;
            self.report(pointer, format!("write `{least:?}` to `{most}h`"));
        }
        duration
    }

    fn number(&mut self, pointer: &str, number: u32, most: u32) {
        if !(1..=most).contains(&number) {
            self.report(pointer, format!("write 1 to {most}"));
        }
    }
}

fn is_place(part: &str) -> bool {
    matches!(part, "route" | "upstream" | "endpoint")
}

fn complaint(part: &str) -> Option<&'static str> {
    let known = is_place(part) || matches!(part, "subject" | "tenant" | "consumer" | "issuer");
    match part.strip_prefix("claim:") {
        _ if known => None,
        Some(claim) if claim.starts_with('/') => None,
        Some(_) => Some("a claim is a JSON pointer (RFC 6901); write it as `claim:/org/id`"),
        None => Some(
            "there are `route`, `upstream`, `endpoint`, and of the identity `tenant`, `subject`, `consumer`, `issuer` \
             and `claim:/POINTER`",
        ),
    }
}
