//! `kv`: a memory that all instances of one plugin share, on every worker.
//!
//! It belongs to the plugin's name and lives as long as a plugin of that name is installed ([`Memories`]): reloads and
//! traps leave it alone. Claims on keys ([`claims`]) let one exchange do what many wait for.

mod claims;
mod memory;
mod shard;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use wasmtime::component::Resource;

use crate::pipeline::sandbox::{
    bindings::kv::{Host, HostClaim},
    state::State,
};

pub(in crate::pipeline::sandbox) use memory::{Memories, Memory};

const LONGEST_KEY: usize = 256;
const LONGEST_VALUE: usize = 64 * 1024;
const LONGEST_LEASE: Duration = Duration::from_secs(3600);

/// A plugin's handle on a claim: dropped with the instance at the latest.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Claim {
    _held: claims::Held,
}

impl Host for State {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        let value = self.home.memory.get(&key);
        Ok(value.map(|value| value.to_vec()))
    }

    fn set(&mut self, key: String, value: Vec<u8>, ttl_ms: u64) -> wasmtime::Result<bool> {
        if key.len() > LONGEST_KEY || value.len() > LONGEST_VALUE {
            return Ok(false);
        }
        let ttl = (ttl_ms > 0).then(|| Duration::from_millis(ttl_ms));
        self.home.memory.set(&key, &value, ttl);
        Ok(true)
    }

    fn delete(&mut self, key: String) -> wasmtime::Result<()> {
        self.home.memory.delete(&key);
        Ok(())
    }
}

impl HostClaim for State {
    fn acquire(&mut self, key: String, lease_ms: u64) -> wasmtime::Result<Option<Resource<Claim>>> {
        if key.len() > LONGEST_KEY {
            wasmtime::bail!("a key has at most {LONGEST_KEY} bytes");
        }
        let lease = Duration::from_millis(lease_ms).min(LONGEST_LEASE);
        let memory = Arc::clone(&self.home.memory);
        match memory.claims.acquire(&key, lease) {
            Ok(held) => Ok(Some(self.table.push(Claim { _held: held })?)),
            Err(taken) => {
                self.arrivals.add(taken.freed())?;
                Ok(None)
            }
        }
    }

    fn drop(&mut self, this: Resource<Claim>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
