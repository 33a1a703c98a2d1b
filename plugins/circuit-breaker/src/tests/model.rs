//! The policy and the gate against a plain model that is written from the documentation alone: it remembers every
//! outcome, and counts anew each time.

use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::*;

/// Times are multiples of this, so that the steps of windows do not blur what is within them.
const UNIT: u64 = 200;

/// What may be written, in the numbers that the model needs.
#[derive(Clone, Debug)]
struct Written {
    failures: Option<u32>,
    /// Percent, span in units, minimum of calls.
    ratio: Option<(u64, u64, usize)>,
    slow: Option<(u64, u64, usize)>,
    /// In units.
    open: u64,
    doublings: u32,
    probes: usize,
    successes: usize,
    ramp_up: Option<u64>,
}

impl Written {
    fn settings(&self) -> Value {
        let millis = |units: u64| format!("{}ms", units * UNIT);
        let mut settings = json!({
            "open": millis(self.open),
            "max-open": millis(self.open << self.doublings),
            "half-open": { "probes": self.probes, "successes": self.successes },
            "weights": { "500": 0.5, "502": 1.5 },
        });
        if let Some(failures) = self.failures {
            settings["failures"] = failures.into();
        }
        let window = |(percent, span, minimum): (u64, u64, usize)| {
            let share = format!("{percent}%");
            json!({ "share": share, "window": millis(span), "minimum-calls": minimum })
        };
        if let Some(ratio) = self.ratio {
            settings["ratio"] = window(ratio);
        }
        if let Some(slow) = self.slow {
            settings["slow"] = window(slow);
        }
        if let Some(over) = self.ramp_up {
            settings["ramp-up"] = millis(over).into();
        }
        settings
    }
}

/// How a call goes.
#[derive(Clone, Copy, Debug)]
struct Went {
    /// Weight of the failure, in halves of a call; none: it says nothing.
    failure: Option<u64>,
    slow: bool,
}

impl Went {
    fn summary(self) -> TestSummary {
        let summary = match self.failure {
            None => TestSummary::new(Ending::ClientGone, None),
            Some(0) => complete(200),
            Some(1) => complete(500),
            Some(2) => complete(503),
            Some(_) => complete(502),
        };
        summary.time_to_head(Duration::from_millis(if self.slow { 900 } else { 100 }))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Enter,
    /// Of those under way, the one at this place, counted round.
    End(usize, Went),
    /// In units.
    Wait(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Closed,
    /// Since when, and for how long.
    Open(u64, u64),
    Ramp(u64),
}

/// A circuit, from the documentation.
struct Model {
    written: Written,
    now: u64,
    place: Place,
    /// How often it moved.
    moves: u32,
    /// When, and how, since it moved last.
    ended: Vec<(u64, Went)>,
    /// Since it moved last, and not ended.
    probes: usize,
    last_probe: u64,
}

impl Model {
    fn state(&self) -> State {
        match self.place {
            Place::Open(since, period) if self.now < since + period => State::Open,
            Place::Open(..) => State::HalfOpen,
            Place::Ramp(since) if self.now < since + self.written.ramp_up.unwrap() => State::Ramp,
            Place::Closed | Place::Ramp(_) => State::Closed,
        }
    }

    /// None: chance decides.
    fn admits(&self) -> Option<bool> {
        match (self.state(), self.place) {
            (State::Open, _) => Some(false),
            (State::Ramp, _) => None,
            (State::HalfOpen, Place::Open(_, period)) => {
                let patience = period.max(1000 / UNIT);
                let waited = self.now >= self.last_probe + patience;
                Some(self.probes < self.written.probes || waited)
            }
            _ => Some(true),
        }
    }

    fn enter(&mut self) -> (u32, State) {
        let state = self.state();
        if state == State::HalfOpen {
            self.probes += 1;
            self.last_probe = self.now;
        }
        (self.moves, state)
    }

    fn end(&mut self, (moves, began): (u32, State), went: Went) {
        if moves != self.moves {
            return;
        }
        if let Some(failure) = went.failure {
            self.ended.push((self.now, went));
            let slow = went.slow && self.written.slow.is_some();
            if began == State::HalfOpen {
                if failure > 0 || slow {
                    let Place::Open(_, period) = self.place else {
                        unreachable!("a probe came through a circuit that was open")
                    };
                    let longest = self.written.open << self.written.doublings;
                    self.go(Place::Open(self.now, (2 * period).min(longest)));
                    return;
                }
                if self.successes_in_a_row() >= self.written.successes {
                    let ramp = self.written.ramp_up.map(|_| Place::Ramp(self.now));
                    self.go(ramp.unwrap_or(Place::Closed));
                    return;
                }
            } else if (failure > 0 && self.fails()) || (slow && self.drags()) {
                self.go(Place::Open(self.now, self.written.open));
                return;
            }
        }
        if began == State::HalfOpen {
            self.probes -= 1;
        }
    }

    fn go(&mut self, place: Place) {
        self.place = place;
        self.moves += 1;
        self.ended.clear();
        self.probes = 0;
    }

    fn successes_in_a_row(&self) -> usize {
        let last = self.ended.iter().rev();
        last.take_while(|(_, went)| went.failure == Some(0)).count()
    }

    fn fails(&self) -> bool {
        let alone = self.written.ratio.is_none() && self.written.slow.is_none();
        let limit = self.written.failures.or(alone.then_some(3));
        let row = self
            .ended
            .iter()
            .rev()
            .map(|(_, went)| went.failure.unwrap());
        let row: u64 = row.take_while(|failure| *failure > 0).sum();
        let in_a_row = limit.is_some_and(|limit| row >= 2 * u64::from(limit));
        let share = self.reaches(self.written.ratio, |went| went.failure.unwrap());
        in_a_row || share
    }

    fn drags(&self) -> bool {
        self.reaches(self.written.slow, |went| 2 * u64::from(went.slow))
    }

    /// `part` is in halves of a call.
    fn reaches(&self, judged: Option<(u64, u64, usize)>, part: impl Fn(&Went) -> u64) -> bool {
        judged.is_some_and(|(percent, span, minimum)| {
            let within = self.ended.iter().filter(|(at, _)| at + span > self.now);
            let within: Vec<_> = within.map(|(_, went)| part(went)).collect();
            let calls = within.len() as u64;
            let sum: u64 = within.iter().sum();
            within.len() >= minimum && 100 * sum >= 2 * percent * calls
        })
    }
}

fn written() -> impl Strategy<Value = Written> {
    // Spans whose steps are a part of the unit.
    let span = prop_oneof![Just(10_u64), Just(20)];
    let window = (
        prop_oneof![Just(1_u64), 1..=100_u64, Just(100)],
        span,
        1..8_usize,
    );
    (
        proptest::option::of(1..5_u32),
        proptest::option::of(window.clone()),
        proptest::option::of(window),
        1..12_u64,
        0..4_u32,
        1..4_usize,
        1..4_usize,
        proptest::option::of(1..10_u64),
    )
        .prop_map(
            |(failures, ratio, slow, open, doublings, probes, successes, ramp_up)| Written {
                failures,
                ratio,
                slow,
                open,
                doublings,
                probes,
                successes,
                ramp_up,
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let failure = prop_oneof![4 => Just(Some(0)), 4 => (1..4_u64).prop_map(Some), 1 => Just(None)];
    let went = (failure, any::<bool>()).prop_map(|(failure, slow)| Went { failure, slow });
    prop_oneof![
        4 => Just(Step::Enter),
        4 => (any::<usize>(), went).prop_map(|(which, went)| Step::End(which, went)),
        1 => (1..10_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_circuit_is_where_the_model_is(written in written(), steps in vec(step(), 1..120)) {
        let breaker = breaker(&written.settings());
        let mut model = Model {
            written, now: 0, place: Place::Closed, moves: 0, ended: Vec::new(), probes: 0, last_probe: 0,
        };
        let mut under_way = Vec::new();
        for step in steps {
            match step {
                Step::Wait(units) => {
                    model.now += units;
                    advance(units * UNIT);
                }
                Step::Enter => {
                    let admits = model.admits();
                    let entry = enter();
                    prop_assert!(admits.is_none_or(|admits| admits == entry.is_some()), "{admits:?}");
                    if let Some(entry) = entry {
                        under_way.push((entry, model.enter()));
                    }
                }
                Step::End(which, went) if !under_way.is_empty() => {
                    let which = which % under_way.len();
                    let (entry, began) = under_way.swap_remove(which);
                    end(&breaker, entry, &went.summary());
                    model.end(began, went);
                }
                Step::End(..) => {}
            }
            prop_assert_eq!(state(), model.state());
        }
        let moves = gates::transitions(CIRCUIT, CELL).len();
        prop_assert_eq!(moves, model.moves as usize);
    }
}
