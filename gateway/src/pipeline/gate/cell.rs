//! One cell of a gate: who passes, and who moves it.
//!
//! Exchanges pass by one load of a word while it is closed, and by a few atomic operations else. Only those who move a
//! cell, which is rare, take its lock.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

use super::{
    home::Home,
    pass::{Pass, Refused, Stance},
    position::{Hold, Position, Standing, Words, following, passes_all},
    probes::Probes,
    row::InARow,
    view::{Move, Reason, State, View},
    windows::Windows,
};

/// Moves that are remembered.
const REMEMBERED: usize = 8;
/// What a refused client is told to wait when nobody knows how long it takes, in milliseconds: for probes to end or a ramp
/// to rise, and for an operator.
const SOON: u64 = 1_000;
const LATER: u64 = 30_000;

/// One cell.
#[derive(Debug)]
pub struct Cell {
    // What an exchange comes to where all is well stands together: it is read, and hardly ever written.
    pub(super) words: Words,
    pub(super) row: InARow,
    pub(super) windows: Windows,
    name: Box<str>,
    home: Arc<Home>,
    pub(super) probes: Probes,
    /// Exchanges that came while a share of them passed.
    ramped: AtomicU64,
    /// When somebody asked for it last, on the gates' clock.
    used: AtomicU64,
    refused: AtomicU64,
    told: Mutex<Told>,
}

/// What is known of how a cell came to stand where it stands.
#[derive(Clone, Debug)]
struct Told {
    since: SystemTime,
    why: Reason,
    recent: VecDeque<Move>,
}

impl Cell {
    pub(super) fn new(home: &Arc<Home>, name: &str, now: u64) -> Self {
        Self {
            words: Words::new(Standing {
                version: 0,
                since: now,
                position: Position::Closed,
                held: None,
            }),
            row: InARow::default(),
            windows: Windows::default(),
            name: name.into(),
            home: Arc::clone(home),
            probes: Probes::default(),
            ramped: AtomicU64::new(0),
            used: AtomicU64::new(now),
            refused: AtomicU64::new(0),
            told: Mutex::new(Told {
                since: SystemTime::now(),
                why: Reason::new("start", "it has not been moved yet"),
                recent: VecDeque::new(),
            }),
        }
    }

    /// Its part of each scope, as `route=orders/tenant=acme`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lets an exchange pass, or not. The time is asked for only when it matters.
    ///
    /// # Errors
    /// When it does not pass.
    #[inline]
    pub fn enter(self: &Arc<Self>, now: impl FnOnce() -> u64) -> Result<Pass, Refused> {
        match passes_all(self.words.first()) {
            Some(version) => Ok(self.pass(version, Stance::Closed, 0)),
            None => self.enter_closely(now()),
        }
    }

    fn pass(self: &Arc<Self>, version: u64, stance: Stance, opened: u64) -> Pass {
        Pass {
            cell: Arc::clone(self),
            version,
            stance,
            opened,
            counted: false,
        }
    }

    fn enter_closely(self: &Arc<Self>, now: u64) -> Result<Pass, Refused> {
        let entered = loop {
            let standing = self.words.get();
            let entered = self.look(standing, now);
            // Else it has been moved meanwhile.
            if !matches!(entered, Ok(Stance::HalfOpen)) || self.words.get() == standing {
                let opened = match (&entered, standing.position) {
                    (Ok(Stance::HalfOpen), Position::Open { during, .. }) => during,
                    _ => 0,
                };
                break entered.map(|stance| self.pass(standing.version, stance, opened));
            }
            self.probes.give_back(standing.version);
        };
        if entered.is_err() {
            self.refused.fetch_add(1, Relaxed);
            self.home.refused.fetch_add(1, Relaxed);
        }
        entered
    }

    fn look(&self, standing: Standing, now: u64) -> Result<Stance, Refused> {
        let age = now.saturating_sub(standing.since);
        match (standing.held, standing.position) {
            (Some(Hold::Closed), _) => Ok(Stance::Forced),
            (Some(Hold::Open), _) => Err(Refused { after: LATER }),
            (None, Position::Closed) => Ok(Stance::Closed),
            (None, Position::Open { during, .. }) if age < during => Err(Refused {
                after: during - age,
            }),
            (None, Position::Open { during, probes }) => {
                let patience = during.max(SOON);
                let taken = self.probes.take(standing.version, probes, patience, now);
                let first = taken.ok_or(Refused { after: SOON })?;
                if first {
                    let why = Reason::new("time-over", "it admits probes");
                    self.tell(State::HalfOpen, &why);
                }
                Ok(Stance::HalfOpen)
            }
            (None, Position::Ramp { over, .. }) if age >= over => {
                if self.words.settle(standing) {
                    let why = Reason::new("ramp-over", "the ramp is over");
                    self.tell(State::Closed, &why);
                }
                Ok(Stance::Closed)
            }
            (None, Position::Ramp { from, over }) => {
                let number = self.ramped.fetch_add(1, Relaxed);
                if is_of_share(number, from, age, over) {
                    Ok(Stance::Ramp)
                } else {
                    Err(Refused { after: SOON })
                }
            }
        }
    }

    /// Moves it, if it has not been moved since `version`.
    pub(super) fn publish(&self, version: u64, next: Position, why: Reason, now: u64) -> bool {
        let mut told = self.told();
        let standing = self.words.get();
        if standing.version != version || standing.held.is_some() {
            return false;
        }
        let next = Standing {
            version: following(version),
            since: now,
            position: next,
            held: None,
        };
        self.words.set(next);
        self.note(&mut told, next.state(now), &why);
        told.why = why;
        true
    }

    /// An operator holds it to something, or lets go of it: then it is closed, and remembers nothing.
    pub fn hold(&self, held: Option<Hold>, now: u64) {
        let mut told = self.told();
        let next = Standing {
            version: following(self.words.get().version),
            since: now,
            position: Position::Closed,
            held,
        };
        self.words.set(next);
        let text = match held {
            Some(_) => "an operator holds it",
            None => "an operator has let go of it",
        };
        let why = Reason::new("operator", text);
        self.note(&mut told, next.state(now), &why);
        told.why = why;
    }

    fn tell(&self, to: State, why: &Reason) {
        self.note(&mut self.told(), to, why);
    }

    fn note(&self, told: &mut Told, to: State, why: &Reason) {
        self.home.count(to, &why.kind);
        report(&self.home, &self.name, to, why);
        let at = SystemTime::now();
        told.since = at;
        if told.recent.len() == REMEMBERED {
            told.recent.pop_front();
        }
        let why = why.clone();
        told.recent.push_back(Move { at, to, why });
    }

    pub fn view(&self, now: u64) -> View {
        let standing = self.words.get();
        let told = self.told().clone();
        View {
            state: standing.state(now),
            held: standing.held,
            since: told.since,
            remaining: standing.remaining(now),
            probes: self.probes.in_flight(standing.version),
            refused: self.refused.load(Relaxed),
            why: told.why,
            row: self.row.get(standing.version),
            windows: self.windows.totals(standing.era(), now),
            recent: told.recent.into(),
        }
    }

    pub fn state(&self, now: u64) -> State {
        self.words.get().state(now)
    }

    pub(super) fn touch(&self, now: u64) {
        self.used.store(now, Relaxed);
    }

    /// Whether little is lost with it: nobody holds it, it is not open, and nobody has asked for it for so long, nor for
    /// as long as it counts, nor for as long as it was open.
    pub(super) fn is_idle(&self, for_: u64, now: u64) -> bool {
        let standing = self.words.get();
        let rests = matches!(standing.state(now), State::Closed | State::HalfOpen);
        let open = match standing.position {
            Position::Open { during, .. } => during,
            Position::Closed | Position::Ramp { .. } => 0,
        };
        let long = for_.max(self.windows.longest()).max(open);
        let unused = now.saturating_sub(self.used.load(Relaxed));
        standing.held.is_none() && rests && unused >= long
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    fn state(&self, now: u64) -> State {
        let age = now.saturating_sub(self.since);
        match (self.held, self.position) {
            (Some(Hold::Open), _) => State::Open,
            (Some(Hold::Closed), _) | (None, Position::Closed) => State::Closed,
            (None, Position::Open { during, .. }) if age < during => State::Open,
            (None, Position::Open { .. }) => State::HalfOpen,
            (None, Position::Ramp { over, .. }) if age < over => State::Ramp,
            (None, Position::Ramp { .. }) => State::Closed,
        }
    }

    fn remaining(&self, now: u64) -> u64 {
        let age = now.saturating_sub(self.since);
        match (self.held, self.position) {
            (None, Position::Open { during: time, .. } | Position::Ramp { over: time, .. }) => {
                time.saturating_sub(age)
            }
            _ => 0,
        }
    }
}

/// Whether one of many who come while a share of them passes is of that share: spread evenly, by the golden ratio.
fn is_of_share(number: u64, from: u8, age: u64, over: u64) -> bool {
    let from = u64::from(from);
    let percent_more = (100 - from) * age * 1000 / over.max(1);
    let share = ((from * 1000 + percent_more) << 32) / 100_000;
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32 < share
}

fn report(home: &Home, cell: &str, to: State, why: &Reason) {
    let (plugin, gate) = (&*home.plugin, &*home.name);
    let (state, reason, text) = (to.name(), &*why.kind, &*why.text);
    match to {
        State::Open => {
            tracing::warn!(plugin, gate, cell, state, reason, "a gate opens: {text}");
        }
        State::Closed | State::HalfOpen | State::Ramp => {
            tracing::info!(plugin, gate, cell, state, reason, "a gate is moved: {text}");
        }
    }
}

#[cfg(test)]
mod tests;
