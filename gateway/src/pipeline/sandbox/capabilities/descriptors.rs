//! `descriptors`: the Protocol Buffers schemas that the operator declared under `descriptors`.
//!
//! [`Descriptors`] reads files and asks servers, on the control side, and makes the entries of a [`Catalog`].
//!
//! [`Catalog`]: super::catalog::Catalog

mod bundled;
mod declare;
mod definition;
mod read;
mod reflection;
mod schedule;
mod source;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use wasmtime::component::Resource;

use super::catalog::{Content, Kind};
use crate::{
    config::raw::Capability,
    pipeline::sandbox::{
        bindings::descriptors::{Host, HostDescriptorSet},
        state::State,
    },
};

pub use declare::{Descriptors, Found};
pub use status::DescriptorsStatus;

/// Of one name, whatever it comes from.
const MOST_BYTES: usize = 16 << 20;

/// A plugin's handle on one schema.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct DescriptorSet(Arc<Content>);

impl Host for State {}

impl HostDescriptorSet for State {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<DescriptorSet>, String>> {
        if let Err(message) = self.may_open(Capability::Descriptors, &name) {
            return Ok(Err(message));
        }
        Ok(match self.schemas.open(Kind::Descriptors, &name) {
            Ok(schema) => Ok(self.table.push(DescriptorSet(schema))?),
            Err(message) => Err(message),
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
