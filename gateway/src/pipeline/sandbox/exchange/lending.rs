//! Which instance serves an exchange, and what a plugin keeps about it there.

use std::rc::Rc;

use wasmtime::component::ResourceAny;

use super::Running;
use crate::{
    config::raw::Isolation,
    pipeline::sandbox::{
        failure::FailureKind,
        place::{Lent, Shared},
        worker::Slot,
    },
};

/// One link that the exchange has reached.
pub(in crate::pipeline::sandbox) struct Seen {
    pub(super) slot: Rc<Slot>,
    /// None of most plugins.
    pub(in crate::pipeline::sandbox) own: Option<Box<Own>>,
    /// It failed and is left out (`on-failure: open`), or it gave the answer itself.
    pub(super) left_out: bool,
    /// A gate of it did not let the exchange pass, which went on to another upstream.
    pub(super) shut: bool,
}

/// What a plugin keeps about one exchange.
#[derive(Default)]
pub(in crate::pipeline::sandbox) struct Own {
    /// The instance that is this exchange's own, or has its state.
    pub(super) instance: Option<Shared>,
    pub(super) state: Option<ResourceAny>,
    /// What is left of the state when it is lost.
    pub(in crate::pipeline::sandbox) kept: Option<Box<[u8]>>,
}

impl Seen {
    pub(in crate::pipeline::sandbox) fn own(&mut self) -> &mut Own {
        self.own.get_or_insert_default()
    }
}

impl Running {
    /// The common case: a plugin that cannot wait, an exchange that is bound to no instance, and one that is free and has
    /// the configuration.
    pub(super) fn lend_now(&self, index: usize) -> Option<(Lent, ResourceAny)> {
        let link = self.link(index);
        if link.plugin.waits || link.plugin.settings.isolation == Isolation::Exchange {
            return None;
        }
        let seen = self.seen.borrow();
        let lent = match seen.get(index) {
            Some(Seen { own: Some(_), .. }) => return None,
            Some(seen) => seen.slot.free()?,
            None => self.worker.slot(&link.plugin).free()?,
        };
        let config = lent.parsed(&link.settings)?;
        Some((lent, config))
    }

    /// The instance that serves this exchange now, and the state that it keeps in it.
    pub(super) async fn lend(
        &self,
        index: usize,
    ) -> Result<(Lent, Option<ResourceAny>), FailureKind> {
        let plugin = self.plugin(index);
        let (slot, own, state) = {
            let seen = self.seen.borrow();
            let Some(seen) = seen.get(index) else {
                return Err(FailureKind::Exhausted("the exchange is over".into()));
            };
            let own = seen.own.as_deref();
            let instance = own.and_then(|own| own.instance.clone());
            (
                Rc::clone(&seen.slot),
                instance,
                own.and_then(|own| own.state),
            )
        };
        if let Some(own) = own {
            let lent = slot.lend(plugin, &own).await?;
            if !lent.is_poisoned() {
                return Ok((lent, state));
            }
        }
        // The state, if there was one, was lost with an instance that another exchange brought down.
        let alone = plugin.settings.isolation == Isolation::Exchange;
        let lent = if alone {
            slot.fresh(plugin).await?
        } else {
            slot.warm(plugin).await?
        };
        if let Some(seen) = self.seen.borrow_mut().get_mut(index)
            && (alone || seen.own.is_some())
        {
            let own = seen.own();
            own.state = None;
            own.instance = alone.then(|| Rc::clone(lent.shared()));
        }
        Ok((lent, None))
    }
}
