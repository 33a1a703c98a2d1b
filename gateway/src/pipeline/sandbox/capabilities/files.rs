//! `files`: the files that the operator declared under `files`, whose content is part of a configuration: a plugin
//! reads it while it judges one, and new content is judged before it is in use.

mod declare;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use wasmtime::component::Resource;

use super::catalog::{Content, Kind};
use crate::{
    config::raw::Capability,
    pipeline::sandbox::{
        bindings::files::{Host, HostFile},
        state::State,
    },
};

pub use declare::{Files, FilesFound};
pub use status::FileStatus;

/// A plugin's handle on one file.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct File(Arc<Content>);

impl Host for State {}

impl HostFile for State {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<File>, String>> {
        let granted = self.may_open(Capability::Files, &name);
        let opened = granted.and_then(|()| self.schemas.open(Kind::File, &name));
        Ok(match opened {
            Ok(content) => Ok(self.table.push(File(content))?),
            Err(message) => Err(message),
        })
    }

    fn digest(&mut self, this: Resource<File>) -> wasmtime::Result<String> {
        Ok(self.table.get(&this)?.0.digest().to_owned())
    }

    fn content(&mut self, this: Resource<File>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.table.get(&this)?.0.bytes().to_vec())
    }

    fn drop(&mut self, this: Resource<File>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
