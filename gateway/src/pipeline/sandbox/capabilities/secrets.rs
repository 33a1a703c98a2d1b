//! `secrets`: the secrets that the operator declared under `secrets`, as handles that can be used and not read.
//!
//! [`Secrets`] holds them by name and reads them again on every reload. What they are good for is in [`content`]: no
//! bytes of a secret ever go into a plugin, a log, an answer or an error.

mod content;
mod declare;
mod definition;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use wasmtime::component::Resource;

use super::named::Slot;
use crate::config::raw::Capability;
use crate::pipeline::sandbox::{
    bindings::secrets::{Host, HostSecret},
    state::State,
};

pub use content::Content;
pub use declare::{Handle, Secrets};
pub use status::SecretStatus;

/// A plugin's handle on one secret.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Secret(Arc<Slot<Content>>);

impl Secret {
    /// What serves; what was declared last while no configuration has gone live yet.
    fn content(&self) -> wasmtime::Result<Arc<Content>> {
        let live = self.0.live().clone();
        live.or_else(|| self.0.declared()).ok_or_else(|| {
            wasmtime::format_err!("the secret `{}` is declared no more", self.0.name)
        })
    }
}

impl Host for State {}

impl HostSecret for State {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<Secret>, String>> {
        let found = self
            .may_open(Capability::Secrets, &name)
            .and_then(|()| self.home.secrets.open(&name));
        Ok(match found {
            Ok(slot) => {
                self.has_opened(Capability::Secrets, &slot.name);
                Ok(self.table.push(Secret(slot))?)
            }
            Err(message) => Err(message),
        })
    }

    fn hmac_sha256(&mut self, this: Resource<Secret>, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        let content = self.table.get(&this)?.content()?;
        Ok(content.hmac(&data).as_ref().to_vec())
    }

    fn hmac_sha256_all(
        &mut self,
        this: Resource<Secret>,
        data: Vec<u8>,
    ) -> wasmtime::Result<Vec<Vec<u8>>> {
        let content = self.table.get(&this)?.content()?;
        let tags = content.hmac_all(&data);
        Ok(tags.map(|tag| tag.as_ref().to_vec()).collect())
    }

    fn verify_hmac(
        &mut self,
        this: Resource<Secret>,
        data: Vec<u8>,
        tag: Vec<u8>,
    ) -> wasmtime::Result<bool> {
        let content = self.table.get(&this)?.content()?;
        Ok(content.verify_hmac(&data, &tag))
    }

    fn equals(&mut self, this: Resource<Secret>, candidate: Vec<u8>) -> wasmtime::Result<bool> {
        let content = self.table.get(&this)?.content()?;
        Ok(content.equals(&candidate))
    }

    fn seal(
        &mut self,
        this: Resource<Secret>,
        plaintext: Vec<u8>,
        context: Vec<u8>,
    ) -> wasmtime::Result<Vec<u8>> {
        let content = self.table.get(&this)?.content()?;
        let sealed = content.seal(plaintext, &context);
        sealed.ok_or_else(|| wasmtime::format_err!("this is too much to seal"))
    }

    fn unseal(
        &mut self,
        this: Resource<Secret>,
        sealed: Vec<u8>,
        context: Vec<u8>,
    ) -> wasmtime::Result<Option<Vec<u8>>> {
        let content = self.table.get(&this)?.content()?;
        Ok(content.unseal(&sealed, &context))
    }

    fn drop(&mut self, this: Resource<Secret>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
