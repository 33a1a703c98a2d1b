//! Decisions that an exchange reuses, without a call, and those that its calls leave for others.

use std::rc::Rc;

use http::HeaderMap;

use super::Running;
use crate::{
    config::raw::Isolation,
    pipeline::sandbox::{
        phase::{Phase, Phases},
        reuse::{Decision, Offer},
    },
};

/// Whether a plugin takes part in nothing but requests' heads: what else it does in an exchange may hang on the call.
fn is_reusable(phases: Phases) -> bool {
    let heads = Phases::default().with(Phase::Request).with(Phase::Tick);
    phases.union(heads) == heads
}

impl Running {
    /// What the plugin of a link has decided for a request with these fields.
    pub(super) fn reusable(&self, index: usize, headers: &HeaderMap) -> Option<Rc<Decision>> {
        let mut decisions = self.worker.decisions.borrow_mut();
        decisions.find(&self.link(index).settings, headers)
    }

    /// Carries it out, in the place of a call.
    pub(super) fn reuse(&self, index: usize, decision: &Decision, headers: &mut HeaderMap) {
        for edit in &decision.edits {
            edit.clone().apply(headers);
        }
        if let Some(identity) = &decision.identity {
            let mut findings = self.findings.borrow_mut();
            findings.establish(identity.clone());
            findings.settle(true);
        }
        if let Some(seen) = self.seen.borrow().get(index) {
            seen.slot.home.shard.reused();
        }
    }

    /// After a call that ended with `next`: later requests may reuse what it offered.
    pub(super) fn leave(&self, index: usize, offer: Offer) {
        let link = self.link(index);
        let plugin = &link.plugin;
        // With a state, or in a plugin that waits, it could rest on what is no more.
        let seen = self.seen.borrow();
        let at_once = !plugin.waits && seen.get(index).is_some_and(|seen| seen.own.is_none());
        let shares = plugin.settings.isolation != Isolation::Exchange;
        if at_once && shares && is_reusable(plugin.phases) {
            let mut decisions = self.worker.decisions.borrow_mut();
            decisions.store(&link.settings, offer);
        }
    }
}
