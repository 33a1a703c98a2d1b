//! The few bytes of an exchange that outlive the instance with its state (`keep` and `kept` of `wit/types.wit`).

use wasmtime::{
    StoreContextMut,
    component::{LinkerInstance, Resource, ResourceAny, WasmList},
};

use super::{
    exchange::Running,
    request::Request,
    response::Response,
    state::{Call, State},
};

/// Bytes that are kept of one exchange for one plugin.
const MOST: usize = 4096;

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn link(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    link_of::<Request>(types, "request")?;
    link_of::<Response>(types, "response")
}

fn link_of<T: 'static>(types: &mut LinkerInstance<'_, State>, of: &str) -> wasmtime::Result<()> {
    types.func_wrap(
        &format!("[method]{of}.keep"),
        |mut store: Store<'_>, (_, bytes): (Resource<T>, WasmList<u8>)| {
            let bytes = bytes.as_le_slice(&store);
            let bytes = if bytes.len() > MOST { &[] } else { bytes };
            let keeps = Box::from(bytes);
            store.data_mut().call.keeps = Some(keeps);
            Ok(())
        },
    )?;
    types.func_wrap(
        &format!("[method]{of}.kept"),
        |store: Store<'_>, (_,): (Resource<T>,)| {
            let kept = store.data().call.kept.as_deref().map(<[u8]>::to_vec);
            Ok((kept,))
        },
    )
}

impl Running {
    /// Before a call: what was kept, if the state is lost.
    pub(super) fn recall(&self, index: usize, state: Option<&ResourceAny>, call: &mut Call) {
        if state.is_none()
            && let Some(seen) = self.seen.borrow().get(index)
            && let Some(own) = &seen.own
        {
            call.kept.clone_from(&own.kept);
        }
    }

    /// After a call: what is to be kept from now on, if it succeeded.
    pub(super) fn remember(&self, index: usize, call: &mut Call, succeeded: bool) {
        call.kept = None;
        if let Some(keeps) = call.keeps.take()
            && succeeded
            && let Some(seen) = self.seen.borrow_mut().get_mut(index)
        {
            seen.own().kept = Some(keeps).filter(|keeps| !keeps.is_empty());
        }
    }
}
