//! What all plugins of the process share.

use std::{
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};

use tokio::sync::Notify;
use wasmtime::{Engine, component::Component};

use super::{
    capabilities::{
        descriptors::Descriptors, files::Files, http_client::HttpClients, keys::Keys, kv::Memories,
        passwords::Passwords, secrets::Secrets,
    },
    compile::{Cache, ContentHash},
    compilers::Compilers,
    engine,
    stats::Registry,
};
use crate::{
    config::raw::Capability,
    pipeline::{gate::Gates, limiter::Limits},
};

/// The control thread's number among the workers, whose own begin at 1.
pub(super) const CONTROL: usize = 0;

/// The engine, the cache of compiled components, the key sets and the numbers. One per process.
pub struct Host {
    pub(super) engine: Engine,
    clock: OnceLock<()>,
    cache: Cache,
    compilers: Compilers,
    pub(super) registry: Registry,
    pub(super) keys: Arc<Keys>,
    pub(super) secrets: Arc<Secrets>,
    pub(super) http_clients: Arc<HttpClients>,
    pub(super) memories: Memories,
    pub(super) limits: Arc<Limits>,
    descriptors: Descriptors,
    files: Files,
    pub(super) passwords: Arc<Passwords>,
    /// The gates of all plugins.
    pub(super) gates: Gates,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    free_slots: Vec<usize>,
    slots: usize,
    /// One per worker: there may be something to free.
    workers: Vec<Weak<Notify>>,
}

/// The engine cannot be made on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the plugin engine cannot be made: {0}")]
pub struct HostError(String);

impl Host {
    /// `cache`: the folder in which compiled components are kept, if any.
    pub fn new(cache: Option<&Path>, keys: Arc<Keys>) -> Result<Arc<Self>, HostError> {
        let engine = engine::engine().map_err(|error| HostError(format!("{error:#}")))?;
        Ok(Arc::new(Self {
            engine,
            clock: OnceLock::new(),
            cache: Cache::new(cache),
            compilers: Compilers::default(),
            registry: Registry::default(),
            keys,
            secrets: Arc::default(),
            http_clients: Arc::default(),
            memories: Memories::default(),
            limits: Arc::default(),
            descriptors: Descriptors::default(),
            files: Files::default(),
            passwords: Arc::default(),
            gates: Gates::default(),
            shared: Mutex::default(),
        }))
    }

    /// Appends the numbers of all plugins, key sets and descriptors in the text format of Prometheus.
    pub fn render(&self, out: &mut String) {
        self.registry.render(out);
        self.keys.render(out);
        self.descriptors.render(out);
        self.secrets.render(out);
        self.files.render(out);
        self.passwords.render(out);
        self.http_clients.render(out);
        self.memories.render(out);
        self.gates.render(out);
    }

    /// The gates of all plugins.
    pub fn gates(&self) -> &Gates {
        &self.gates
    }

    /// The key sets that plugins may name.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// A configuration went live: what plugins decided before it is not reused.
    pub fn forget_decisions(&self) {
        self.keys.epoch().advance();
    }

    /// The HTTP clients that plugins may name.
    pub fn http_clients(&self) -> &HttpClients {
        &self.http_clients
    }

    /// The files that plugins may name.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The secrets that plugins and the gateway may use.
    pub fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }

    /// Whether the thing that a plugin once opened still has its name.
    pub(super) fn declares(&self, capability: Capability, name: &str) -> bool {
        match capability {
            Capability::Keys => self.keys.declares(name),
            Capability::Secrets => self.secrets.declares(name),
            Capability::HttpClient => self.http_clients.declares(name),
            Capability::Limits => self.limits.declared().get(name).is_some(),
            _ => true,
        }
    }

    /// The rate limits that routes and plugins may name.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// The descriptors that plugins may name.
    pub fn descriptors(&self) -> &Descriptors {
        &self.descriptors
    }

    /// Starts the clock that bounds calls, once there is something to call: a thousand wake-ups a second are not free.
    pub(super) fn start_clock(&self) -> wasmtime::Result<()> {
        if self.clock.get().is_none() {
            engine::tick(&self.engine)?;
            // Only the control thread loads plugins.
            let _ = self.clock.set(());
        }
        Ok(())
    }

    /// A component as machine code. Once there are workers, compiling leaves them most of the cores.
    pub(super) fn component(
        &self,
        bytes: &[u8],
        hash: &ContentHash,
    ) -> wasmtime::Result<Component> {
        let component = || self.cache.component(&self.engine, bytes, hash);
        if self.lock().workers.is_empty() {
            component()
        } else {
            self.compilers.beside(component)
        }
    }

    /// Makes a worker known, and gives it its number.
    pub(super) fn add_worker(&self, wake: &Arc<Notify>) -> usize {
        let mut shared = self.lock();
        shared.workers.push(Arc::downgrade(wake));
        shared.workers.len()
    }

    /// Tells every worker that a plugin or a configuration may have died.
    pub(super) fn wake_workers(&self) {
        for worker in self.lock().workers.iter().filter_map(Weak::upgrade) {
            worker.notify_one();
        }
    }

    pub(super) fn take_slot(&self) -> usize {
        let mut shared = self.lock();
        shared.free_slots.pop().unwrap_or_else(|| {
            shared.slots += 1;
            shared.slots - 1
        })
    }

    pub(super) fn give_back_slot(&self, slot: usize) {
        self.lock().free_slots.push(slot);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}
