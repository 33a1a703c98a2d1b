//! An exchange at the gates of its chain: before each plugin, and when an endpoint is chosen. No call of a plugin is
//! needed for it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use smallvec::SmallVec;

use super::{Exchange, Running};
use crate::pipeline::{
    context::LocalResponse,
    gate::{self, Endpoints, FailedTry, Refusal, Refused, now},
    sandbox::{
        capabilities::gates::{Passed, Passes},
        doors::{Door, Otherwise},
        phase::Phase,
        summary::{Ending, Summary},
    },
};

/// What becomes of an exchange that a gate does not let pass.
#[derive(Debug)]
pub enum Shut {
    /// It is told to come again.
    Unavailable(Refusal),
    /// This is its answer.
    Reply(Box<LocalResponse>),
    /// It goes to another upstream: which one of the route's.
    Upstream(usize),
}

impl Shut {
    fn new(door: &Door, refused: Refused) -> Self {
        match &door.otherwise {
            Otherwise::Unavailable => Self::Unavailable(door.refusal(refused)),
            Otherwise::Reply(reply) => Self::Reply(reply.clone()),
            Otherwise::Upstream(upstream) => Self::Upstream(*upstream),
        }
    }
}

/// What gates have said to one exchange.
#[derive(Debug, Default)]
pub(super) struct Gating {
    /// By link, in order. They give their permits back when they are dropped.
    passed: RefCell<SmallVec<[(usize, Passed); 1]>>,
    /// The upstream that it goes to instead.
    diverted: Cell<Option<usize>>,
    /// By the gates of endpoints: by which one, and for how long at least.
    refused: Cell<Option<(usize, usize, Refused)>>,
}

impl Gating {
    /// What let the exchange pass before a link.
    pub(super) fn take(&self, link: usize) -> Passes {
        let (mut own, mut others) = (Passes::new(), SmallVec::new());
        for (other, passed) in self.passed.take() {
            if other == link {
                own.push(passed);
            } else {
                others.push((other, passed));
            }
        }
        self.passed.replace(others);
        own
    }

    /// Gives all permits back that are left.
    pub(super) fn clear(&self) {
        self.passed.take();
    }
}

impl Running {
    /// Asks the gates of a link that do not tell endpoints apart. Those that let the exchange pass before another refused
    /// it are as if it had not come to them.
    pub(super) fn pass_gates(&self, link: usize) -> Result<(), Shut> {
        let before = self.gating.passed.borrow().len();
        let doors = self.link(link).doors.iter();
        for door in doors.filter(|door| !door.is_of_endpoints()) {
            if let Err(refused) = self.pass_gate(link, door, None) {
                self.gating.passed.borrow_mut().truncate(before);
                return Err(Shut::new(door, refused));
            }
        }
        Ok(())
    }

    fn pass_gate(&self, link: usize, door: &Door, endpoint: Option<usize>) -> Result<(), Refused> {
        let findings = self.findings.borrow();
        let cell = door.cell(endpoint, findings.identity.as_deref(), |gate, name| {
            let now = self.began.map_or_else(now, gate::at);
            self.worker.gate_cell(gate, name, now)
        });
        let Some(cell) = cell else {
            return Ok(());
        };
        let passed = Passed {
            gate: door.number,
            pass: cell.enter(now)?,
            failed: None,
        };
        self.gating.passed.borrow_mut().push((link, passed));
        Ok(())
    }

    /// A gate sends the exchange to another upstream, without the plugin. The first to do so has its way.
    pub(super) fn divert(&self, link: usize, upstream: usize) {
        self.reach(link);
        if let Some(seen) = self.seen.borrow_mut().get_mut(link) {
            (seen.left_out, seen.shut) = (true, true);
        }
        self.go_to(upstream);
    }

    fn go_to(&self, upstream: usize) {
        let earlier = self.gating.diverted.get();
        self.gating.diverted.set(earlier.or(Some(upstream)));
    }

    /// Whether a plugin need not hear of the end: it never heard of the exchange, and none of its gates let it pass; or
    /// its gates have counted the outcome by themselves.
    pub(super) fn is_unconcerned(&self, index: usize, summary: &Summary) -> bool {
        let link = self.link(index);
        if link.doors.is_empty() {
            return false;
        }
        let whole = summary.ending == Ending::Complete && self.findings.borrow().notes.is_empty();
        let mut all = self.gating.passed.borrow_mut();
        let mut own = all.iter_mut().filter(|(other, _)| *other == index);
        let count = |passed: &mut Passed| {
            let door = link.doors.get(passed.gate);
            whole && door.is_some_and(|door| door.count(passed, summary))
        };
        match own.next() {
            None => !link.plugin.phases.contains(Phase::Request),
            Some((_, first)) => count(first) && own.all(|(_, passed)| count(passed)),
        }
    }
}

impl Exchange {
    /// The upstream that a gate sends it to, if not to the route's own.
    pub fn diverted(&self) -> Option<usize> {
        self.0.as_ref()?.gating.diverted.get()
    }

    /// The gates that tell endpoints apart, if there are some.
    pub fn endpoint_gates(&self) -> Option<EndpointGates> {
        let running = self.0.as_ref()?;
        let has_some = running.links.has_endpoint_doors && self.diverted().is_none();
        has_some.then(|| EndpointGates(Rc::clone(running)))
    }

    /// What the gates say that shut all endpoints.
    pub fn shut(&self) -> Option<Shut> {
        let running = self.0.as_ref()?;
        let (link, door, refused) = running.gating.refused.get()?;
        let shut = Shut::new(running.link(link).doors.get(door)?, refused);
        if let Shut::Upstream(upstream) = shut {
            running.go_to(upstream);
        }
        Some(shut)
    }
}

/// The gates of one exchange that tell endpoints apart.
pub struct EndpointGates(Rc<Running>);

impl Endpoints for EndpointGates {
    fn admit(&self, endpoint: usize) -> bool {
        let running = &*self.0;
        let before = running.gating.passed.borrow().len();
        for (index, link) in running.links.links.iter().enumerate() {
            let left_out = running.seen.borrow().get(index).is_none_or(|it| it.shut);
            let doors = link.doors.iter().enumerate();
            for (number, door) in doors.filter(|(_, door)| !left_out && door.is_of_endpoints()) {
                if let Err(refused) = running.pass_gate(index, door, Some(endpoint)) {
                    running.gating.passed.borrow_mut().truncate(before);
                    running.gating.refuse(index, number, refused);
                    return false;
                }
            }
        }
        true
    }

    fn failed(&self, how: FailedTry) {
        let links = &self.0.links.links;
        let of_endpoint = |link: usize, gate: usize| {
            let mut doors = links[link].doors.iter();
            doors.any(|door| door.number == gate && door.is_of_endpoints())
        };
        for (link, passed) in self.0.gating.passed.borrow_mut().iter_mut() {
            if of_endpoint(*link, passed.gate) {
                passed.failed.get_or_insert(how);
            }
        }
    }
}

impl Gating {
    /// The one that opens first tells the client when to come again.
    fn refuse(&self, link: usize, door: usize, refused: Refused) {
        let earlier = self.refused.get();
        if earlier.is_none_or(|(.., earlier)| refused.after < earlier.after) {
            self.refused.set(Some((link, door, refused)));
        }
    }
}
