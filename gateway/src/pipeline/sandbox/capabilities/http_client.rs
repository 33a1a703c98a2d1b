//! `http-client`: requests to the servers that the operator declared under `http-clients`.
//!
//! A plugin starts a request and takes its answer in a later call; the request itself runs on a thread of its own
//! ([`mod@thread`]), so that a slow server costs the workers nothing. What goes out is in [`request`], what comes back is
//! bounded in [`exchange`].

mod authorization;
mod call;
mod client;
mod connect;
mod declare;
mod definition;
mod error;
mod exchange;
mod numbers;
mod pool;
mod request;
mod status;
#[cfg(test)]
mod tests;
mod thread;

use std::sync::Arc;

use wasmtime::component::Resource;

use super::named::Slot;
use crate::{
    config::raw::Capability,
    pipeline::sandbox::{
        bindings::http_client::{self as wit, Host, HostCall, HostClient},
        host::CONTROL,
        state::State,
    },
};
use error::Error;

pub use declare::HttpClients;
pub use status::HttpClientStatus;

/// A plugin's handle on one client.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Client(Arc<Slot<client::Client>>);

/// A plugin's handle on one request under way.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Call(call::Call);

impl Host for State {}

impl State {
    /// What serves; on the control thread what was declared last, since a configuration may be judged there.
    fn http_client(&self, slot: &Slot<client::Client>) -> Option<Arc<client::Client>> {
        match self.home.worker {
            CONTROL => slot.declared(),
            _ => slot.live().clone().or_else(|| slot.declared()),
        }
    }
}

impl HostClient for State {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<Client>, String>> {
        let found = self
            .may_open(Capability::HttpClient, &name)
            .and_then(|()| self.home.http_clients.find(&name));
        Ok(match found {
            Ok(slot) => {
                self.has_opened(Capability::HttpClient, &slot.name);
                Ok(self.table.push(Client(slot))?)
            }
            Err(message) => Err(message),
        })
    }

    fn url(&mut self, this: Resource<Client>) -> wasmtime::Result<String> {
        let slot = &self.table.get(&this)?.0;
        let client = self.http_client(slot);
        Ok(client.map_or_else(String::new, |client| client.url().to_owned()))
    }

    fn start(
        &mut self,
        this: Resource<Client>,
        request: wit::Request,
    ) -> wasmtime::Result<Resource<Call>> {
        let slot = &self.table.get(&this)?.0;
        let call = match self.http_client(slot) {
            Some(client) => client.start(request),
            None => call::Call::failed(Error::Gone),
        };
        Ok(self.table.push(Call(call))?)
    }

    fn drop(&mut self, this: Resource<Client>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostCall for State {
    fn take(
        &mut self,
        this: Resource<Call>,
    ) -> wasmtime::Result<Option<Result<wit::Response, wit::Error>>> {
        let call = &self.table.get(&this)?.0;
        if let Some(result) = call.take() {
            return Ok(Some(result.map_err(Into::into)));
        }
        let arrival = call.arrival();
        self.arrivals.add(arrival)?;
        Ok(None)
    }

    /// Cancels it.
    fn drop(&mut self, this: Resource<Call>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
