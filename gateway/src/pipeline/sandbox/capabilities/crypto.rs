//! `crypto`: signatures and digests at native speed.

use aws_lc_rs::digest;
use wasmtime::component::Resource;

use crate::pipeline::sandbox::{
    bindings::crypto::{Algorithm, Curve, Host, HostVerifyingKey},
    state::State,
};

/// A key that checks signatures.
pub struct VerifyingKey {}

type Made = Result<Resource<VerifyingKey>, String>;

impl Host for State {
    fn sha256(&mut self, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        Ok(digest::digest(&digest::SHA256, &data).as_ref().to_vec())
    }
}

impl HostVerifyingKey for State {
    fn rsa(&mut self, _n: Vec<u8>, _e: Vec<u8>) -> wasmtime::Result<Made> {
        Ok(Err(String::from("RSA keys are not supported")))
    }

    fn elliptic(&mut self, _curve: Curve, _x: Vec<u8>, _y: Vec<u8>) -> wasmtime::Result<Made> {
        Ok(Err(String::from("elliptic keys are not supported")))
    }

    fn hmac(&mut self, _secret: Vec<u8>) -> wasmtime::Result<Made> {
        Ok(Err(String::from("HMAC keys are not supported")))
    }

    fn verify(
        &mut self,
        this: Resource<VerifyingKey>,
        _algorithm: Algorithm,
        _message: Vec<u8>,
        _signature: Vec<u8>,
    ) -> wasmtime::Result<bool> {
        self.table.get(&this)?;
        Ok(false)
    }

    fn drop(&mut self, this: Resource<VerifyingKey>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
