//! The end of an exchange: `on-end`, and the end of what plugins kept about it.

use std::{rc::Rc, sync::Arc};

use futures_util::FutureExt;
use smallvec::SmallVec;
use wasmtime::component::{Resource, ResourceAny};

use super::{
    capabilities::gates::Passes,
    chain::Links,
    exchange::report,
    failure::FailureKind,
    findings::Findings,
    phase::Phase,
    place::{Lent, Shared},
    state::About,
    summary::Summary,
    worker::Slot,
};
use crate::config::raw::Isolation;

/// An exchange that is over, with plugins still to be told.
pub(super) struct Ending {
    pub(super) links: Arc<Links>,
    pub(super) about: Arc<About>,
    pub(super) left: SmallVec<[Left; 2]>,
    pub(super) summary: Summary,
    pub(super) findings: Findings,
}

/// One plugin that has `on-end` or keeps a state.
pub(super) struct Left {
    pub(super) index: usize,
    pub(super) slot: Rc<Slot>,
    pub(super) instance: Option<Shared>,
    pub(super) state: Option<ResourceAny>,
    /// What let the exchange pass to it.
    pub(super) passes: Passes,
}

impl Ending {
    /// Tells those plugins that cannot wait, at once, in the place where the exchange ended; what remains has to
    /// be told by a task.
    pub(super) fn tell_now(mut self) -> Option<Self> {
        let left = std::mem::take(&mut self.left);
        for one in left {
            if self.links.links[one.index].plugin.waits {
                self.left.push(one);
            } else {
                let told = self.tell_one(one).now_or_never();
                debug_assert!(told.is_some(), "a guest that cannot wait returns at once");
            }
        }
        (!self.left.is_empty()).then_some(self)
    }

    /// Tells all.
    pub(super) async fn tell(mut self) {
        for one in std::mem::take(&mut self.left) {
            self.tell_one(one).await;
        }
    }

    async fn tell_one(&self, mut left: Left) {
        if let Err(kind) = self.call(&mut left).await {
            report(&left.slot, &self.about, Phase::End, &kind);
        }
    }

    async fn call(&self, left: &mut Left) -> Result<(), FailureKind> {
        let plugin = &self.links.links[left.index].plugin;
        let own = match &left.instance {
            Some(own) => Some(left.slot.lend(plugin, own).await?),
            None => None,
        };
        let has_phase = plugin.phases.contains(Phase::End);
        let (mut lent, state) = match own {
            Some(lent) if !lent.is_poisoned() => (lent, left.state),
            // There is nobody to be told, or the state was lost with its instance.
            _ if !has_phase => return Ok(()),
            _ => {
                let alone = plugin.settings.isolation == Isolation::Exchange;
                let slot = &left.slot;
                let lent = if alone {
                    slot.fresh(plugin).await
                } else {
                    slot.warm(plugin).await
                };
                (lent?, None)
            }
        };
        let told = if has_phase {
            let passes = std::mem::take(&mut left.passes);
            self.on_end((left.index, passes), &mut lent, state).await
        } else {
            Ok(())
        };
        let dropped = match state {
            Some(state) => lent.discard(state).await,
            None => Ok(()),
        };
        told.and(dropped)
    }

    async fn on_end(
        &self,
        (index, passes): (usize, Passes),
        lent: &mut Lent,
        state: Option<ResourceAny>,
    ) -> Result<(), FailureKind> {
        let config = lent
            .configuration(&self.links.links[index].settings)
            .await?;
        let Some(function) = lent.exports.end else {
            return Ok(());
        };
        let call = &mut lent.store.data_mut().call;
        call.about = Some(Arc::clone(&self.about));
        call.summary = Some(self.summary.clone());
        call.passes = passes;
        call.findings.clone_from(&self.findings);
        let params = (config, state, Resource::new_borrow(0));
        let returned = lent.call(Phase::End, function, params).await;
        let call = &mut lent.store.data_mut().call;
        call.about = None;
        call.summary = None;
        // Permits are given back once the plugin has judged.
        call.passes.clear();
        call.findings = Findings::default();
        returned
    }
}
