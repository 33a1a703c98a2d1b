//! A snapshot as one worker holds it.

use std::{rc::Rc, sync::Arc};

use tokio::sync::mpsc::UnboundedSender;

use crate::{
    pipeline::{
        identity::IdentityHeaders,
        protocol::{Forwarding, Limits, Settings as ConnectionSettings},
    },
    snapshot::{Settings, Snapshot},
};

/// A snapshot, and what a worker derives from it. Exchanges share it by `Rc`: counting references across
/// cores would cost each request a contended cache line.
pub struct Pinned {
    /// Taken only by `drop`.
    snapshot: Option<Arc<Snapshot>>,
    pub forwarding: Forwarding,
    pub limits: Limits,
    /// None when upstreams are told nothing of who asks.
    pub identity: Option<Rc<IdentityHeaders>>,
    retired: UnboundedSender<Arc<Snapshot>>,
}

impl Pinned {
    pub(super) fn new(snapshot: Arc<Snapshot>, retired: UnboundedSender<Arc<Snapshot>>) -> Self {
        let limits = &snapshot.settings.limits;
        let bound = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let limits = Limits {
            header_bytes: bound(limits.header_bytes),
            header_count: limits.header_count,
            uri_length: bound(limits.uri_length),
        };
        let told = &snapshot.settings.forwarding;
        let forwarding = Forwarding::new(&told.trusted_proxies, told.forwarded, &told.via);
        let identity = &snapshot.settings.identity;
        let identity = (!identity.is_empty()).then(|| Rc::new(identity.clone()));
        Self {
            snapshot: Some(snapshot),
            forwarding,
            limits,
            identity,
            retired,
        }
    }

    pub fn snapshot(&self) -> &Arc<Snapshot> {
        self.snapshot.as_ref().expect("only `drop` takes it")
    }

    pub fn settings(&self) -> &Settings {
        &self.snapshot().settings
    }

    /// What new connections are served with.
    pub fn connection(&self) -> ConnectionSettings {
        ConnectionSettings {
            limits: self.limits,
            streams: self.settings().limits.streams,
        }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Some(snapshot) = self.snapshot.take() {
            // When nobody receives any more the process is about to end.
            let _ = self.retired.send(snapshot);
        }
    }
}
