//! `keys`: the key sets that the operator declared under `key-sets`.
//!
//! [`Keys`] holds them by name and is told of every change of `witgate.yaml`. A set from a URL, or one that is found by
//! its issuer ([`discovery`]), is fetched on the control runtime ([`schedule`], [`fetch`]); workers read what is there
//! without locks ([`set`]).

mod declare;
mod definition;
mod discovery;
mod document;
mod failure;
mod fetch;
mod jwks;
mod schedule;
mod set;
mod status;
#[cfg(test)]
mod tests;
mod worth;

use std::sync::Arc;

use wasmtime::component::Resource;

use crate::{
    config::raw::Capability,
    pipeline::sandbox::{
        bindings::keys::{Host, HostKeySet},
        host::CONTROL,
        state::State,
    },
};

pub use declare::{Declared, Keys};
pub use status::KeySetStatus;

/// A plugin's handle on one key set.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct KeySet(Arc<declare::Slot>);

impl Host for State {}

impl HostKeySet for State {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<KeySet>, String>> {
        let home = Arc::clone(&self.home);
        let granted = self.may_open(Capability::Keys, &name);
        let found = granted.and_then(|()| {
            if home.worker == CONTROL {
                home.keys.find_declared(&name)
            } else {
                home.keys.find(&name)
            }
        });
        Ok(match found {
            Ok(slot) => {
                self.has_opened(Capability::Keys, &slot.name);
                Ok(self.table.push(KeySet(slot))?)
            }
            Err(message) => Err(message),
        })
    }

    fn issuer(&mut self, this: Resource<KeySet>) -> wasmtime::Result<Option<String>> {
        let set = self.table.get(&this)?.0.set();
        Ok(set.definition.issuer().map(String::from))
    }

    fn version(&mut self, this: Resource<KeySet>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&this)?.0.set().content().version)
    }

    fn jwks(&mut self, this: Resource<KeySet>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.0.set().content().jwks.text.clone())
    }

    fn refresh(&mut self, this: Resource<KeySet>) -> wasmtime::Result<bool> {
        let arrival = self.table.get(&this)?.0.set().refresh();
        let Some(arrival) = arrival else {
            return Ok(false);
        };
        self.arrivals.add(arrival)?;
        Ok(true)
    }

    fn drop(&mut self, this: Resource<KeySet>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
