//! What a call asked for and did not get, so that an exchange can wait for it (`again`).

use std::{future::Future, mem, pin::Pin};

/// Resolves when something that a call asked for is here, or will never be. The chain awaits it when the plugin
/// answers `again`; it holds nothing of the instance.
pub(super) type Arrival = Pin<Box<dyn Future<Output = ()> + Send>>;

/// More at once nobody waits for; a guest that asks without end would fill the host's memory.
const MOST: usize = 256;

/// What the current call would like to wait for.
#[derive(Default)]
pub(super) struct Arrivals(Vec<Arrival>);

impl Arrivals {
    /// An error is a trap in the guest.
    pub(super) fn add(
        &mut self,
        arrival: impl Future<Output = ()> + Send + 'static,
    ) -> wasmtime::Result<()> {
        if self.0.len() == MOST {
            wasmtime::bail!("one call can wait for {MOST} things at most");
        }
        self.0.push(Box::pin(arrival));
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn take(&mut self) -> Vec<Arrival> {
        mem::take(&mut self.0)
    }
}
