//! `crypto`: signatures and digests at native speed.

mod verify;

use aws_lc_rs::digest;
use wasmtime::component::Resource;

use crate::pipeline::sandbox::{
    bindings::crypto::{Algorithm, Curve, Host, HostVerifyingKey},
    state::State,
};

#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub use verify::VerifyingKey;

type Made = Result<Resource<VerifyingKey>, String>;

impl Host for State {
    fn sha256(&mut self, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        Ok(digest::digest(&digest::SHA256, &data).as_ref().to_vec())
    }
}

impl State {
    fn keep(&mut self, key: Result<VerifyingKey, String>) -> wasmtime::Result<Made> {
        Ok(match key {
            Ok(key) => Ok(self.table.push(key)?),
            Err(message) => Err(message),
        })
    }
}

impl HostVerifyingKey for State {
    fn rsa(&mut self, n: Vec<u8>, e: Vec<u8>) -> wasmtime::Result<Made> {
        self.keep(VerifyingKey::rsa(&n, &e))
    }

    fn elliptic(&mut self, curve: Curve, x: Vec<u8>, y: Vec<u8>) -> wasmtime::Result<Made> {
        self.keep(VerifyingKey::elliptic(curve, &x, &y))
    }

    fn hmac(&mut self, secret: Vec<u8>) -> wasmtime::Result<Made> {
        self.keep(VerifyingKey::hmac(secret))
    }

    fn verify(
        &mut self,
        this: Resource<VerifyingKey>,
        algorithm: Algorithm,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<bool> {
        let key = self.table.get_mut(&this)?;
        Ok(key.verify(algorithm, &message, &signature))
    }

    fn drop(&mut self, this: Resource<VerifyingKey>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
