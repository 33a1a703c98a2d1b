//! `random`: bytes from the operating system's generator.

use aws_lc_rs::rand;

use crate::pipeline::sandbox::{bindings::random::Host, state::State};

/// What one call may ask for.
const MOST: u32 = 64 * 1024;

impl Host for State {
    fn bytes(&mut self, len: u32) -> wasmtime::Result<Vec<u8>> {
        wasmtime::ensure!(
            len <= MOST,
            "`random.bytes` gives at most {MOST} bytes at once"
        );
        let mut bytes = vec![0; len as usize];
        fill(&mut bytes)?;
        Ok(bytes)
    }

    fn u64(&mut self) -> wasmtime::Result<u64> {
        number()
    }
}

pub(in crate::pipeline::sandbox) fn number() -> wasmtime::Result<u64> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

pub(in crate::pipeline::sandbox) fn fill(bytes: &mut [u8]) -> wasmtime::Result<()> {
    rand::fill(bytes).map_err(|_| wasmtime::format_err!("no randomness to be had"))
}
