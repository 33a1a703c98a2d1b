//! Policies as sandboxed components.
//!
//! Control thread: a [`Host`] per process, [`Plugins::load`] and [`Chain::compile`] per reload.
//!
//! Worker: a [`Sandbox`], with [`Sandbox::maintain`] beside the connections. Per exchange [`Sandbox::begin`], then
//! [`Exchange::on_request_now`], [`Exchange::on_response_now`] (for every response, also the gateway's own) and
//! [`Exchange::end`]. For a route without plugins each of them is one test of an empty chain.

mod admission;
mod arrivals;
mod bind;
mod bindings;
mod block_on;
mod body;
mod budget;
mod capabilities;
mod chain;
mod compile;
mod compilers;
mod doors;
mod ending;
mod engine;
mod exchange;
mod exports;
mod failure;
mod fields;
mod findings;
mod grants;
mod host;
mod identity;
mod instance;
mod keepsake;
mod link;
mod meter;
mod phase;
mod place;
mod plugin;
mod plugins;
mod reply;
mod request;
mod response;
mod reuse;
mod settings;
mod stamp;
mod state;
mod stats;
mod summary;
mod tick;
mod wasi;
mod worker;

pub use self::{
    body::{Break, ChainBody},
    capabilities::{
        catalog::{Catalog, Content, Entry, Kind, Name, Shown},
        descriptors::{Descriptors, DescriptorsStatus, Found},
        files::{FileStatus, Files, FilesFound},
        http_client::{HttpClientStatus, HttpClients},
        keys::{Declared, KeySetStatus, Keys},
        secrets::{Content as SecretContent, Handle as SecretHandle, SecretStatus, Secrets},
    },
    chain::{Asked, Chain, Insight, Installed},
    doors::Site,
    exchange::{
        EndpointGates, Exchange, Flow, Interruption, PhaseError, RequestLater, ResponseLater, Shut,
    },
    failure::{Failure, FailureKind},
    grants::{Grants, check_grants, declared_names},
    host::{Host, HostError},
    phase::{Phase, Phases},
    plugin::Plugin,
    plugins::Plugins,
    request::AsRequest,
    response::AsResponse,
    summary::{Ending, Summary},
    tick::Ticker,
};

use std::{rc::Rc, sync::Arc};

use crate::pipeline::context::Facts;

/// One worker's instances of all plugins.
#[derive(Clone)]
pub struct Sandbox(Rc<worker::Worker>);

impl Sandbox {
    pub fn new(host: &Arc<Host>) -> Self {
        Self(worker::Worker::new(host))
    }

    /// An exchange enters a chain. The caller keeps the snapshot of the chain alive for as long as it lasts.
    pub fn begin(&self, chain: &Chain, facts: &Facts) -> Exchange {
        Exchange::begin(&self.0, chain, facts)
    }

    /// Frees the instances of plugins that are gone, and ends exchanges for plugins that wait. Never returns: each
    /// worker runs it as a task.
    pub async fn maintain(self) {
        self.0.maintain().await;
    }
}

#[cfg(test)]
mod tests;
