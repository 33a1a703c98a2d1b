//! One configuration of a plugin as routes share it: its JSON, and its place in every instance's memory.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    bindings::policy::Problem,
    capabilities::{catalog::Catalog, gates::Definition},
    host::Host,
};
use crate::config::raw::Capability;

/// A configuration that a plugin has accepted. Routes with the same plugin and the same JSON share it; it dies
/// with the last chain that holds it.
#[derive(Debug)]
pub(super) struct Settings {
    /// Never given twice.
    pub(super) id: u64,
    /// Where instances keep what they parsed of it; used again after its death.
    pub(super) index: usize,
    pub(super) json: Arc<str>,
    /// What the plugin opened by name when it judged this.
    pub(super) opened: Box<[(Capability, Arc<str>)]>,
    /// The descriptors that it opened then, and opens wherever it is parsed.
    pub(super) schemas: Arc<Catalog>,
    /// The gates that it opened then, in order.
    pub(super) gates: Box<[Definition]>,
    /// What the plugin thinks odd about it.
    pub(super) warnings: Box<[Problem]>,
    shelf: Weak<Shelf>,
}

/// All living configurations of one plugin.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    inner: Mutex<Inner>,
    /// Its workers are woken when one dies, to forget what they parsed of it.
    host: Weak<Host>,
}

#[derive(Debug, Default)]
struct Inner {
    by_json: HashMap<Arc<str>, Weak<Settings>>,
    free: Vec<usize>,
    used: usize,
}

/// What is known of a configuration that the plugin has accepted, besides its text.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    pub(super) opened: Box<[(Capability, Arc<str>)]>,
    pub(super) schemas: Arc<Catalog>,
    pub(super) gates: Box<[Definition]>,
    pub(super) warnings: Box<[Problem]>,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Settings {
    /// Whether descriptors that it opened have another content now.
    pub(super) fn is_outdated(&self, catalog: &Catalog) -> bool {
        let mut opened = self.schemas.iter();
        opened.any(|(name, _)| !self.schemas.agrees(catalog, name))
    }
}

impl Shelf {
    pub(super) fn new(host: &Arc<Host>) -> Self {
        Self {
            inner: Mutex::default(),
            host: Arc::downgrade(host),
        }
    }

    /// The living configuration with this JSON.
    pub(super) fn get(&self, json: &str) -> Option<Arc<Settings>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.by_json.get(json)?.upgrade()
    }

    /// A new configuration that the plugin has accepted.
    pub(super) fn put(self: &Arc<Self>, json: &str, accepted: Accepted) -> Arc<Settings> {
        let Accepted {
            opened,
            schemas,
            gates,
            warnings,
        } = accepted;
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let index = inner.free.pop().unwrap_or(inner.used);
        inner.used = inner.used.max(index + 1);
        let settings = Arc::new(Settings {
            id: NEXT.fetch_add(1, Relaxed),
            index,
            json: Arc::from(json),
            opened,
            schemas,
            gates,
            warnings,
            shelf: Arc::downgrade(self),
        });
        inner
            .by_json
            .insert(Arc::clone(&settings.json), Arc::downgrade(&settings));
        settings
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        let Some(shelf) = self.shelf.upgrade() else {
            return;
        };
        let mut inner = shelf.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.free.push(self.index);
        let gone = |settings: &Weak<Settings>| settings.strong_count() == 0;
        if inner.by_json.get(&self.json).is_some_and(gone) {
            inner.by_json.remove(&self.json);
        }
        drop(inner);
        if let Some(host) = shelf.host.upgrade() {
            host.wake_workers();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_configurations_are_shared_and_places_used_again() {
        let shelf = Arc::new(Shelf::default());
        let first = shelf.put("1", Accepted::default());
        assert_eq!(shelf.get("1").unwrap().id, first.id);
        let second = shelf.put("2", Accepted::default());
        assert_ne!(first.index, second.index);
        let (index, id) = (first.index, first.id);
        drop(first);
        assert!(shelf.get("1").is_none());
        let third = shelf.put("3", Accepted::default());
        assert_eq!(third.index, index);
        assert_ne!(third.id, id);
    }
}
