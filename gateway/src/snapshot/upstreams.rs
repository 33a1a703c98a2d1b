//! The upstreams of all files, by name.

use std::{collections::BTreeSet, sync::Arc};

use super::Place;
use crate::pipeline::{
    route::{CowMap, Keyed},
    upstream::Upstream,
};

/// The upstreams of all files, by name.
#[derive(Clone, Debug, Default)]
pub struct Upstreams {
    known: CowMap<KnownUpstream>,
    /// Kept apart from `known`, since the file of an upstream can change without those of its routes.
    uses: CowMap<Uses>,
    unused: BTreeSet<Arc<str>>,
    /// Those whose endpoints are checked.
    checked: BTreeSet<Arc<str>>,
}

#[derive(Clone, Debug)]
struct Uses {
    name: Arc<str>,
    routes: u32,
}

impl Keyed for Uses {
    fn key(&self) -> &str {
        &self.name
    }
}

/// An upstream, and where it comes from.
#[derive(Clone, Debug)]
pub struct KnownUpstream {
    pub upstream: Arc<Upstream>,
    pub place: Place,
    name: Arc<str>,
}

impl Keyed for KnownUpstream {
    fn key(&self) -> &str {
        &self.name
    }
}

impl KnownUpstream {
    pub(super) fn new(name: &str, upstream: Arc<Upstream>, place: Place) -> Self {
        Self {
            upstream,
            place,
            name: name.into(),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.upstream.endpoints.iter().map(|it| &*it.url)
    }
}

impl Upstreams {
    pub fn get(&self, name: &str) -> Option<&KnownUpstream> {
        self.known.get(name)
    }

    /// In no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &KnownUpstream> {
        self.known.iter()
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Those that no route forwards to, by name.
    pub(super) fn unused(&self) -> impl Iterator<Item = &KnownUpstream> {
        self.unused.iter().filter_map(|name| self.known.get(name))
    }

    /// Those whose endpoints are checked, by name.
    pub fn checked(&self) -> impl Iterator<Item = &KnownUpstream> {
        self.checked.iter().filter_map(|name| self.known.get(name))
    }

    /// `known` has a name that is free.
    pub(super) fn insert(&mut self, known: KnownUpstream) {
        let name = Arc::clone(&known.name);
        if known.upstream.health.is_some() {
            self.checked.insert(Arc::clone(&name));
        }
        self.known.insert(known);
        self.judge(&name);
    }

    /// Puts a changed one in the place of the same name.
    pub(super) fn replace(&mut self, name: &str, upstream: Arc<Upstream>) {
        if let Some(known) = self.known.get_mut(name) {
            known.upstream = upstream;
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.known.remove(name);
        self.unused.remove(name);
        self.checked.remove(name);
    }

    /// A route forwards to it now.
    pub(super) fn take_up(&mut self, name: &Arc<str>) {
        match self.uses.get_mut(name) {
            Some(uses) => uses.routes += 1,
            None => {
                let name = Arc::clone(name);
                self.uses.insert(Uses { name, routes: 1 });
            }
        }
        self.judge(name);
    }

    /// A route forwards to it no more.
    pub(super) fn let_go(&mut self, name: &Arc<str>) {
        if let Some(uses) = self.uses.get_mut(name) {
            uses.routes -= 1;
            if uses.routes == 0 {
                self.uses.remove(name);
            }
        }
        self.judge(name);
    }

    fn judge(&mut self, name: &Arc<str>) {
        if self.known.get(name).is_some() && self.uses.get(name).is_none() {
            self.unused.insert(Arc::clone(name));
        } else {
            self.unused.remove(name);
        }
    }
}
