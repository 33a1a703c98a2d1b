//! `keys`: the key sets that the operator declared.

use std::{future::Future, pin::Pin};

use wasmtime::component::Resource;

use crate::pipeline::sandbox::{
    bindings::keys::{Host, HostKeySet},
    state::State,
};

/// All key sets of the gateway, by name; one per process, shared by every worker (`State::home.keys`).
#[derive(Debug, Default)]
pub struct Keys {}

/// A plugin's handle on one key set.
pub struct KeySet {}

/// Resolves when a refresh that a call asked for has arrived or given up. `refresh` pushes it to
/// `State::arrivals` when it answers true; the chain awaits it when the plugin answers `again`.
pub type Arrival = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Host for State {}

impl HostKeySet for State {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<KeySet>, String>> {
        Ok(Err(format!("no key set is called `{name}`")))
    }

    fn version(&mut self, this: Resource<KeySet>) -> wasmtime::Result<u64> {
        self.table.get(&this)?;
        Ok(0)
    }

    fn jwks(&mut self, this: Resource<KeySet>) -> wasmtime::Result<String> {
        self.table.get(&this)?;
        Ok(String::new())
    }

    fn refresh(&mut self, this: Resource<KeySet>) -> wasmtime::Result<bool> {
        self.table.get(&this)?;
        Ok(false)
    }

    fn drop(&mut self, this: Resource<KeySet>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
