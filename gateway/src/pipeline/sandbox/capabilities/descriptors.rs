//! `descriptors`: the Protocol Buffers schemas that the operator declared under `descriptors`.
//!
//! [`Descriptors`] reads files and asks servers, on the control side. [`Catalog`] says what each name stands for at one
//! time and never changes. A configuration is parsed with one, and keeps what it opened for as long as it lives: new
//! content makes another catalog, and with it another configuration.

mod bundled;
mod catalog;
mod declare;
mod definition;
mod read;
mod reflection;
mod schedule;
mod source;
mod status;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc};

use wasmtime::component::Resource;

use crate::{
    config::raw::Capability,
    pipeline::sandbox::{
        bindings::descriptors::{Host, HostDescriptorSet},
        state::State,
    },
};

pub use catalog::{Catalog, Entry, Schema};
pub use declare::{Descriptors, Found};
pub use status::DescriptorsStatus;

/// Of one name, whatever it comes from.
const MOST_BYTES: usize = 16 << 20;

/// A plugin's handle on one schema.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct DescriptorSet(Arc<Schema>);

/// What one instance may open, while it parses a configuration and no longer.
#[derive(Default)]
pub(in crate::pipeline::sandbox) struct Opening {
    pub(in crate::pipeline::sandbox) catalog: Option<Arc<Catalog>>,
    /// The names that it asked for, whether they were there or not.
    pub(in crate::pipeline::sandbox) asked: BTreeSet<String>,
}

impl Opening {
    pub(in crate::pipeline::sandbox) fn of(catalog: &Arc<Catalog>) -> Self {
        Self {
            catalog: Some(Arc::clone(catalog)),
            asked: BTreeSet::new(),
        }
    }
}

impl Host for State {}

impl HostDescriptorSet for State {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<DescriptorSet>, String>> {
        if let Err(message) = self.may_open(Capability::Descriptors, &name) {
            return Ok(Err(message));
        }
        let Some(catalog) = &self.schemas.catalog else {
            let message = "descriptors are opened while a configuration is parsed, not later";
            return Ok(Err(String::from(message)));
        };
        Ok(match catalog.open(&name) {
            Ok(schema) => {
                self.schemas.asked.insert(name);
                Ok(self.table.push(DescriptorSet(schema))?)
            }
            Err(message) => {
                self.schemas.asked.insert(name);
                Err(message)
            }
        })
    }

    fn digest(&mut self, this: Resource<DescriptorSet>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.0.digest().to_owned())
    }

    fn bytes(&mut self, this: Resource<DescriptorSet>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.table.get(&this)?.0.bytes().to_vec())
    }

    fn drop(&mut self, this: Resource<DescriptorSet>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
