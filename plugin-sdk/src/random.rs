//! Capability `random`: from the operating system's generator, fit for keys and nonces.

use crate::backend;

/// So many random bytes, at most 64 KiB.
pub fn bytes(len: u32) -> Vec<u8> {
    backend::random_bytes(len)
}

pub fn u64() -> u64 {
    backend::random_u64()
}
