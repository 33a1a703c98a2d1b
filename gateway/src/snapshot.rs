//! Everything that requests need, compiled: one value, swapped as a whole.
//!
//! [`compile`] takes the previous snapshot and keeps what did not change, so that its work and its memory follow
//! the size of the change. A snapshot holds no live state; that is kept elsewhere, under the ids and keys found
//! here.

mod cell;
mod compile;
mod explain;
mod listing;
mod mask;
mod names;
mod probe;
mod reload;
mod route;
mod settings;
mod tests_of_routes;
mod unit;
mod upstreams;

use std::{path::PathBuf, sync::Arc};

pub use cell::SnapshotCell;
pub use compile::compile;
pub use explain::{Asked, Destination, Explanation, NoDocument, Other, PluginRun, Refusal, Winner};
pub use listing::Row;
pub use probe::Probe;
pub use reload::{Loaded, LoadedFile, LoadedGateway, Outcome, Reloader};
pub use route::{Action, Place, Route};
pub use settings::{Forwarding, Limits, Settings, Timeouts};
pub use upstreams::{KnownUpstream, Upstreams};

use crate::{
    config::{problem::Problem, raw},
    pipeline::{
        limiter::Limiters,
        route::Table,
        sandbox::{Catalog, Plugins},
    },
};
use names::Names;
use unit::Unit;

/// What is compiled.
#[derive(Clone, Debug)]
pub struct Inputs {
    pub gateway: GatewayFile,
    pub plugins: Arc<Plugins>,
    pub catalog: Arc<Catalog>,
    pub limiters: Arc<Limiters>,
    /// In any order.
    pub sources: Vec<SourceFile>,
}

/// `witgate.yaml`
#[derive(Clone, Debug)]
pub struct GatewayFile {
    pub path: Arc<PathBuf>,
    pub raw: Arc<raw::Gateway>,
}

/// One file of `routes.d`. A file whose `raw` is the same allocation as before has not changed.
#[derive(Clone, Debug)]
pub struct SourceFile {
    pub path: Arc<PathBuf>,
    pub raw: Arc<raw::RouteFile>,
}

/// Everything that requests need.
#[derive(Debug)]
pub struct Snapshot {
    /// Grows by one with every swap; the first is 1.
    pub generation: u64,
    pub table: Table<Route>,
    pub upstreams: Upstreams,
    pub plugins: Arc<Plugins>,
    pub catalog: Arc<Catalog>,
    pub limiters: Arc<Limiters>,
    pub settings: Settings,
    /// `witgate.yaml`
    gateway: Arc<raw::Gateway>,
    /// What is odd but works.
    pub warnings: Vec<Problem>,
    names: Names,
    /// In the order of their paths.
    units: Vec<Arc<Unit>>,
}

#[cfg(test)]
mod tests;
