//! What one instance's store holds: the data that host functions work on.

use std::{cell::RefCell, collections::BTreeSet, net::SocketAddr, sync::Arc};

use http::HeaderValue;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use super::{
    budget::Budget,
    capabilities::{
        descriptors::Opening,
        keys::{Arrival, Keys},
    },
    fields::{Edit, Names},
    meter::Meter,
    request::RequestHead,
    response::ResponseHead,
    stats::{PluginStats, Shard},
    summary::Summary,
};

/// The data of one store. Host functions reach it through `StoreContextMut::data_mut`, and the traits that
/// `bindings` generates for the capabilities are implemented on it.
pub(super) struct State {
    /// What outlives the instance: shared by all instances of one plugin on one worker.
    pub(super) home: Arc<Home>,
    /// What the capabilities hand out as handles. Its size is bounded by `limits.handles`.
    pub(super) table: ResourceTable,
    /// What the current call may see and edit.
    pub(super) call: Call,
    pub(super) names: RefCell<Names>,
    /// What the current call asked for and would like to wait for (`keys.refresh`).
    pub(super) arrivals: Vec<Arrival>,
    /// Names of the key sets that it has opened, each once.
    pub(super) opened: BTreeSet<Arc<str>>,
    /// The descriptors that it may open now.
    pub(super) schemas: Opening,
    pub(super) meter: Meter,
    pub(super) budget: Budget,
    pub(super) wasi: Option<Box<WasiCtx>>,
}

/// What the instances of one plugin on one worker share.
pub(super) struct Home {
    pub(super) plugin: Arc<str>,
    /// The worker's number; the control thread's comes after the last.
    pub(super) worker: usize,
    pub(super) keys: Arc<Keys>,
    pub(super) stats: Arc<PluginStats>,
    pub(super) shard: Arc<Shard>,
}

/// What one call may see and edit. Between calls all of it is empty.
#[derive(Default)]
pub(super) struct Call {
    pub(super) about: Option<Arc<About>>,
    pub(super) request: Loan<RequestHead>,
    pub(super) response: Loan<ResponseHead>,
    pub(super) summary: Option<Summary>,
    /// Of the head's fields, staged until the call returns.
    pub(super) edits: Vec<Edit>,
    /// Of the trailer fields, likewise.
    pub(super) trailer_edits: Vec<Edit>,
}

/// Room for something that is there for the length of a call: swapped in and out, for it is large.
#[derive(Debug, Default)]
pub(super) struct Loan<T> {
    value: T,
    is_there: bool,
}

impl<T> Loan<T> {
    pub(super) fn get(&self) -> Option<&T> {
        self.is_there.then_some(&self.value)
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        self.is_there.then_some(&mut self.value)
    }

    /// The room, with what is about to be there.
    pub(super) fn begin(&mut self) -> &mut T {
        self.is_there = true;
        &mut self.value
    }

    /// The room, with what is there no more.
    pub(super) fn end(&mut self) -> &mut T {
        self.is_there = false;
        &mut self.value
    }
}

/// What is known of an exchange for as long as it lasts.
#[derive(Debug)]
pub(super) struct About {
    pub(super) id: HeaderValue,
    pub(super) client: SocketAddr,
    pub(super) secure: bool,
    pub(super) route: Arc<str>,
}

impl About {
    pub(super) fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }
}

impl State {
    pub(super) fn new(home: Arc<Home>, meter: Meter, handles: u32) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(handles as usize);
        Self {
            home,
            table,
            call: Call::default(),
            names: RefCell::default(),
            arrivals: Vec::new(),
            opened: BTreeSet::new(),
            schemas: Opening::default(),
            meter,
            budget: Budget::default(),
            wasi: None,
        }
    }
}
