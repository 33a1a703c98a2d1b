//! `keys`: the key sets that the operator declared under `key-sets`.
//!
//! [`Keys`] holds them by name and is told of every change of `witgate.yaml`. A set from a URL is fetched on the
//! control runtime ([`schedule`], [`fetch`]); workers read what is there without locks ([`set`]).

mod declare;
mod definition;
mod fetch;
mod jwks;
mod schedule;
mod set;
mod status;
#[cfg(test)]
mod tests;

use std::{future::Future, pin::Pin, sync::Arc};

use wasmtime::component::Resource;

use crate::pipeline::sandbox::{
    bindings::keys::{Host, HostKeySet},
    host::CONTROL,
    state::State,
};

pub use declare::{Declared, Keys};
pub use status::KeySetStatus;

/// A plugin's handle on one key set.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct KeySet(Arc<declare::Slot>);

/// Resolves when a refresh that a call asked for has arrived or given up. `refresh` pushes it to
/// `State::arrivals` when it answers true; the chain awaits it when the plugin answers `again`.
pub(in crate::pipeline::sandbox) type Arrival = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Host for State {}

impl HostKeySet for State {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<KeySet>, String>> {
        let home = Arc::clone(&self.home);
        let found = if home.worker == CONTROL {
            home.keys.find_declared(&name)
        } else {
            home.keys.find(&name)
        };
        Ok(match found {
            Ok(slot) => {
                if !self.opened.contains(&slot.name) {
                    self.opened.insert(Arc::clone(&slot.name));
                }
                Ok(self.table.push(KeySet(slot))?)
            }
            Err(message) => Err(message),
        })
    }

    fn version(&mut self, this: Resource<KeySet>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&this)?.0.set().content().version)
    }

    fn jwks(&mut self, this: Resource<KeySet>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.0.set().content().jwks.text.clone())
    }

    fn refresh(&mut self, this: Resource<KeySet>) -> wasmtime::Result<bool> {
        let arrival = self.table.get(&this)?.0.set().refresh();
        let asked = arrival.is_some();
        self.arrivals.extend(arrival);
        Ok(asked)
    }

    fn drop(&mut self, this: Resource<KeySet>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
