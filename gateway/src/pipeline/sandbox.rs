//! Policies as sandboxed components.
//!
//! Control thread: a [`Host`] per process, [`Plugins::load`] and [`Chain::compile`] per reload.

mod admission;
mod bindings;
mod block_on;
mod capabilities;
mod chain;
mod compile;
mod engine;
mod exports;
mod failure;
mod fields;
mod host;
mod instance;
mod link;
mod meter;
mod phase;
mod plugin;
mod plugins;
mod request;
mod response;
mod settings;
mod state;
mod stats;
mod summary;
mod wasi;

pub use self::{
    capabilities::keys::Keys,
    chain::Chain,
    failure::{Failure, FailureKind},
    host::{Host, HostError},
    phase::{Phase, Phases},
    plugin::Plugin,
    plugins::Plugins,
    summary::{Ending, Summary},
};
