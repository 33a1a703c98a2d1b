//! What one instance's store holds: the data that host functions work on.

use std::{cell::RefCell, collections::BTreeSet, net::SocketAddr, sync::Arc};

use http::HeaderValue;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use super::{
    arrivals::Arrivals,
    budget::Budget,
    capabilities::{
        catalog::Opening,
        gates::{Opened, Passes},
        http_client::HttpClients,
        keys::Keys,
        kv::Memory,
        passwords::Passwords,
        secrets::Secrets,
    },
    fields::{Edit, Names},
    findings::Findings,
    grants::Grants,
    identity::Kept,
    meter::Meter,
    plugin::Limits,
    request::RequestHead,
    response::ResponseHead,
    reuse::Offer,
    stats::{PluginStats, Shard},
    summary::Summary,
};
use crate::config::raw::Capability;
use crate::pipeline::{identity::Certificate, limiter};

/// The data of one store. Host functions reach it through `StoreContextMut::data_mut`, and the traits that
/// `bindings` generates for the capabilities are implemented on it.
pub(super) struct State {
    /// What outlives the instance: shared by all instances of one plugin on one worker.
    pub(super) home: Arc<Home>,
    /// What the capabilities hand out as handles. Its size is bounded by `limits.handles`.
    pub(super) table: ResourceTable,
    pub(super) identities: Kept,
    /// What the current call may see and edit.
    pub(super) call: Call,
    pub(super) names: RefCell<Names>,
    /// What the current call asked for and did not get.
    pub(super) arrivals: Arrivals,
    /// What it has opened by name, each once.
    pub(super) opened: BTreeSet<(Capability, Arc<str>)>,
    /// The gates that it opens now.
    pub(super) gates: Opened,
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
    pub(super) grants: Grants,
    pub(super) keys: Arc<Keys>,
    pub(super) limits: Arc<limiter::Limits>,
    pub(super) passwords: Arc<Passwords>,
    pub(super) secrets: Arc<Secrets>,
    pub(super) http_clients: Arc<HttpClients>,
    pub(super) memory: Arc<Memory>,
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
    /// What let the exchange pass that has ended.
    pub(super) passes: Passes,
    /// What the exchange's plugins have found out: swapped in and out, too.
    pub(super) findings: Findings,
    /// Of the head's fields, staged until the call returns.
    pub(super) edits: Vec<Edit>,
    /// Of the trailer fields, likewise.
    pub(super) trailer_edits: Vec<Edit>,
    /// What of it the gateway may reuse.
    pub(super) offer: Option<Box<Offer>>,
    /// What the plugin kept of the exchange before its state was lost.
    pub(super) kept: Option<Box<[u8]>>,
    /// What it wants kept in the place of that.
    pub(super) keeps: Option<Box<[u8]>>,
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
    /// The client's, where the listener asks for one.
    pub(super) certificate: Option<Arc<Certificate>>,
    pub(super) route: Arc<str>,
}

impl About {
    pub(super) fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }
}

impl State {
    /// Whether the operator lets this plugin open the thing of this name; if not, why.
    pub(super) fn may_open(&self, capability: Capability, name: &str) -> Result<(), String> {
        self.home.grants.may_open(capability, name)
    }

    /// A configuration that opened a thing is judged again when its name is gone.
    pub(super) fn has_opened(&mut self, capability: Capability, name: &Arc<str>) {
        self.opened.insert((capability, Arc::clone(name)));
    }

    /// The instance is never called again: what it has handles on is given back.
    pub(super) fn abandon(&mut self) {
        self.table = ResourceTable::new();
        self.arrivals.clear();
    }

    pub(super) fn new(home: Arc<Home>, limits: &Limits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.all_handles());
        Self {
            home,
            table,
            identities: Kept::new(limits.identities, limits.memory),
            call: Call::default(),
            names: RefCell::default(),
            arrivals: Arrivals::default(),
            opened: BTreeSet::new(),
            gates: Opened::default(),
            schemas: Opening::default(),
            meter: Meter::new(limits.memory, limits.table),
            budget: Budget::default(),
            wasi: None,
        }
    }
}
