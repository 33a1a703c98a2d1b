//! One exchange on its way through a chain: which plugins it reached, and what they keep about it.

mod again;
mod at_once;
mod body_phases;
mod calls;
mod gating;
mod head_phases;
mod lending;
mod reusing;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Instant,
};

use smallvec::SmallVec;

use super::{
    body::KeepAlive,
    chain::{Chain, Link, Links},
    ending::{Ending, Left},
    failure::{Failure, FailureKind},
    findings::Findings,
    phase::Phase,
    plugin::Plugin,
    request::RequestHead,
    response::ResponseHead,
    state::About,
    summary::{self, Summary},
    worker::{Slot, Worker},
};
use crate::{
    config::raw::OnFailure,
    pipeline::{
        context::{Facts, LocalResponse},
        gate::Refusal,
        identity::Identity,
    },
};

pub use at_once::{RequestLater, ResponseLater};
pub use gating::{EndpointGates, Shut};

use gating::Gating;
use lending::Seen;

/// What `on-request` makes of a request.
#[derive(Debug)]
pub enum Flow<B> {
    /// On to the upstream, with this body.
    Next(B),
    /// A plugin answers. The response goes through the response phases like any other.
    Reply(Box<LocalResponse>),
    /// A gate does not let it pass.
    Unavailable(Refusal),
}

/// Why a head phase ends an exchange.
#[derive(Debug, thiserror::Error)]
pub enum PhaseError<E> {
    #[error(transparent)]
    Failure(#[from] Failure),
    /// A body that a plugin waited for broke off.
    #[error("the body broke off: {0}")]
    Body(E),
}

/// With what a plugin broke off a body.
#[derive(Debug)]
pub enum Interruption {
    /// This is the answer in place of what would have come.
    Reply(Box<LocalResponse>),
    Failure(Failure),
}

/// One exchange. Cheap to clone; `on-end` runs once, when `end` is called or the last clone is dropped.
#[derive(Clone)]
pub struct Exchange(pub(super) Option<Rc<Running>>);

/// What the clones of an `Exchange` share.
pub(super) struct Running {
    worker: Rc<Worker>,
    pub(super) links: Arc<Links>,
    about: Arc<About>,
    /// Only taken when a plugin of the chain has `on-end`.
    began: Option<Instant>,
    /// The links that were reached, in order.
    pub(super) seen: RefCell<SmallVec<[Seen; 4]>>,
    ended: Cell<bool>,
    gating: Gating,
    pub(super) findings: RefCell<Findings>,
    /// The heads, while body phases run.
    pub(super) request: RefCell<Option<Box<RequestHead>>>,
    pub(super) response: RefCell<Option<Box<ResponseHead>>>,
    pub(super) interruption: RefCell<Option<Interruption>>,
    /// What the response phase that was called last wants sent while the body's sender is silent.
    keep_alive: RefCell<Option<KeepAlive>>,
}

impl Exchange {
    pub(super) fn begin(worker: &Rc<Worker>, chain: &Chain, facts: &Facts) -> Self {
        let Some(links) = &chain.0 else {
            return Self(None);
        };
        let about = About {
            id: facts.id.clone(),
            client: facts.client,
            secure: facts.secure,
            certificate: facts.certificate.clone(),
            route: Arc::clone(&links.route),
        };
        Self(Some(Rc::new(Running {
            worker: Rc::clone(worker),
            about: Arc::new(about),
            began: links.phases.contains(Phase::End).then(Instant::now),
            seen: RefCell::default(),
            ended: Cell::new(false),
            gating: Gating::default(),
            findings: RefCell::default(),
            request: RefCell::default(),
            response: RefCell::default(),
            interruption: RefCell::default(),
            keep_alive: RefCell::default(),
            links: Arc::clone(links),
        })))
    }

    /// The exchange of an empty chain.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Whether the chain has no plugins.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a plugin of the chain takes part in responses.
    pub fn sees_responses(&self) -> bool {
        self.0.as_ref().is_some_and(|running| {
            let phases = &running.links.phases;
            phases.contains(Phase::Response) || phases.contains(Phase::ResponseBody)
        })
    }

    /// Why a body that plugins take part in broke off; taken once.
    pub fn interruption(&self) -> Option<Interruption> {
        self.0.as_ref()?.interruption.take()
    }

    /// Who asks, as far as the plugins that were reached have established it.
    pub fn identity(&self) -> Option<Arc<Identity>> {
        self.0.as_ref()?.findings.borrow().identity.clone()
    }

    /// What was noted, each kind once, in order.
    pub fn notes(&self) -> Vec<Arc<str>> {
        let running = self.0.as_ref();
        running.map_or_else(Vec::new, |running| running.findings.borrow().notes.clone())
    }

    /// Notes what the gateway itself has found. Nothing is noted on a route without plugins.
    pub fn note(&self, kind: &'static str) {
        if let Some(running) = &self.0 {
            running.findings.borrow_mut().note(kind);
        }
    }

    /// Tells the plugins that the exchange is over. Only the first call counts. `complete` fills in the upstream and the
    /// endpoint, when there is somebody to be told: their names are shared with other workers.
    pub fn end(&self, summary: Summary, complete: impl FnOnce(&mut Summary)) {
        if let Some(running) = &self.0 {
            running.end(summary, complete);
        }
    }
}

impl Running {
    pub(super) fn link(&self, index: usize) -> &Link {
        &self.links.links[index]
    }

    fn plugin(&self, index: usize) -> &Arc<Plugin> {
        &self.link(index).plugin
    }

    /// The chain has come to this link.
    fn reach(&self, index: usize) {
        let seen = Seen {
            slot: self.worker.slot(self.plugin(index)),
            own: None,
            left_out: false,
            shut: false,
        };
        self.seen.borrow_mut().push(seen);
    }

    /// What comes after the end concerns no plugin.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    fn reached(&self) -> usize {
        self.seen.borrow().len()
    }

    /// Whether the plugin still takes part.
    pub(super) fn takes_part(&self, index: usize, phase: Phase) -> bool {
        self.plugin(index).phases.contains(phase)
            && self
                .seen
                .borrow()
                .get(index)
                .is_some_and(|seen| !seen.left_out)
    }

    pub(super) fn leave_out(&self, index: usize) {
        if let Some(seen) = self.seen.borrow_mut().get_mut(index) {
            seen.left_out = true;
        }
    }

    /// Counts and logs a failure; it is an error unless the operator chose `on-failure: open`.
    pub(super) fn failed(
        &self,
        index: usize,
        phase: Phase,
        kind: FailureKind,
    ) -> Result<(), Failure> {
        let plugin = self.plugin(index);
        if let Some(seen) = self.seen.borrow().get(index) {
            report(&seen.slot, &self.about, phase, &kind);
        }
        self.leave_out(index);
        match plugin.settings.on_failure {
            OnFailure::Open => Ok(()),
            OnFailure::Closed => Err(Failure {
                plugin: Arc::clone(&plugin.name),
                phase,
                kind,
            }),
        }
    }

    /// Whether a plugin has to be told of the end, or keeps something until then.
    fn is_left(&self, index: usize, seen: &Seen, summary: &Summary) -> bool {
        match &seen.own {
            Some(own) if own.state.is_some() => true,
            _ if seen.shut || !self.plugin(index).phases.contains(Phase::End) => false,
            Some(_) => true,
            None => !self.is_unconcerned(index, summary),
        }
    }

    fn end(&self, mut summary: Summary, complete: impl FnOnce(&mut Summary)) {
        if self.ended.replace(true) {
            return;
        }
        let mut left = SmallVec::new();
        for (index, seen) in self.seen.borrow_mut().drain(..).enumerate() {
            if self.is_left(index, &seen, &summary) {
                let own = seen.own.map(|own| *own).unwrap_or_default();
                left.push(Left {
                    index,
                    slot: seen.slot,
                    instance: own.instance,
                    state: own.state,
                    passes: self.gating.take(index),
                });
            }
        }
        self.gating.clear();
        if left.is_empty() {
            return;
        }
        complete(&mut summary);
        let ending = Ending {
            links: Arc::clone(&self.links),
            about: Arc::clone(&self.about),
            left,
            summary,
            findings: self.findings.borrow().clone(),
        };
        if let Some(later) = ending.tell_now() {
            self.worker.postpone(later);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended.get() {
            let duration = self.began.map(|began| began.elapsed()).unwrap_or_default();
            let summary = Summary {
                duration,
                ..Summary::new(summary::Ending::ClientGone)
            };
            self.end(summary, |_| ());
        }
    }
}

/// Every failure is counted once and logged once.
pub(super) fn report(slot: &Slot, about: &About, phase: Phase, kind: &FailureKind) {
    slot.home.shard.failed(phase, kind);
    tracing::error!(
        plugin = &*slot.home.plugin,
        phase = phase.name(),
        route = &*about.route,
        exchange = about.id(),
        kind = kind.label(),
        "plugin {kind}"
    );
}
