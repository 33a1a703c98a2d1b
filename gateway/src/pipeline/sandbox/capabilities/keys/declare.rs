//! All key sets by name, and what becomes of them when `witgate.yaml` changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read,
    mem,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::{ArcSwap, Guard};
use tokio::runtime::Handle;

use super::{
    definition::Definition,
    jwks::{self, Jwks},
    schedule,
    set::Set,
};
use crate::{
    config::{
        problem::{Problem, closest},
        raw,
        span::Spanned,
    },
    pipeline::sandbox::reuse::Epoch,
};

/// All key sets of the gateway; one per process, shared by every worker.
#[derive(Debug, Default)]
pub struct Keys {
    slots: Mutex<Slots>,
    /// Advances with every change of any set.
    epoch: Epoch,
}

#[derive(Debug, Default)]
struct Slots {
    by_name: BTreeMap<Arc<str>, Arc<Slot>>,
    /// Names that end when what was declared last goes live.
    leaving: BTreeSet<Arc<str>>,
}

/// The place of a name. Handles point to it and follow when the name is defined anew.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: Arc<str>,
    set: ArcSwap<Set>,
}

impl Slot {
    pub(super) fn set(&self) -> Guard<Arc<Set>> {
        self.set.load()
    }

    /// No key is right any more, whoever still has a handle.
    fn end(&self, epoch: &Epoch) {
        self.set.store(Arc::new(Set::new(Definition::Gone, epoch)));
    }
}

/// What [`Keys::declare`] found, for [`Keys::commit`] or [`Keys::withdraw`].
#[derive(Debug)]
#[must_use = "commit it when the new configuration is live, else withdraw it"]
pub struct Declared {
    added: Vec<Arc<str>>,
    changed: Vec<(Arc<Slot>, Arc<Set>)>,
}

impl Keys {
    /// Reads what `witgate.yaml` declares: sets that did not change are kept, files are read again, and URLs are
    /// fetched on `control`; without it (a check, say) they are not. Call it before the chains are compiled, since
    /// plugins open the sets then.
    ///
    /// Until [`Self::commit`], what serves is what served before. On an error nothing has changed.
    pub fn declare(
        &self,
        raw: &BTreeMap<String, Spanned<raw::KeySet>>,
        file: &Arc<PathBuf>,
        base: &Path,
        control: Option<&Handle>,
    ) -> Result<Declared, Vec<Problem>> {
        let mut slots = self.lock();
        let mut problems = Vec::new();
        let mut fresh = Vec::new();
        for (name, raw) in raw {
            let known = slots.by_name.get(&**name).map(|slot| slot.set.load_full());
            match prepare(raw, (file, base), known.as_ref(), &self.epoch) {
                Ok(Prepared::Fresh(set)) => fresh.push((name, set)),
                Ok(Prepared::Kept) => {}
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut declared = Declared {
            added: Vec::new(),
            changed: Vec::new(),
        };
        for (name, set) in fresh {
            start(name, &set, control);
            match slots.by_name.get(&**name) {
                Some(slot) => declared.changed.push((Arc::clone(slot), set)),
                None => declared.added.push(slots.add(name, set)),
            }
        }
        let names = slots.by_name.keys();
        slots.leaving = names
            .filter(|name| !raw.contains_key(&***name))
            .cloned()
            .collect();
        Ok(declared)
    }

    /// The configuration that declared this is live.
    pub fn commit(&self, declared: Declared) {
        for (slot, set) in declared.changed {
            slot.set.store(set);
        }
        let mut slots = self.lock();
        let leaving = mem::take(&mut slots.leaving);
        slots.remove(&leaving, &self.epoch);
        self.epoch.advance();
    }

    /// The configuration that declared this was refused: all is as before.
    pub fn withdraw(&self, declared: Declared) {
        let Declared { added, changed: _ } = declared;
        let mut slots = self.lock();
        slots.leaving.clear();
        slots.remove(&added, &self.epoch);
    }

    /// For a worker: what serves.
    pub(super) fn find(&self, name: &str) -> Result<Arc<Slot>, String> {
        let slots = self.lock();
        let found = slots.by_name.get(name).cloned();
        found.ok_or_else(|| slots.unknown(name))
    }

    /// For who judges a configuration: what was declared last.
    pub(super) fn find_declared(&self, name: &str) -> Result<Arc<Slot>, String> {
        let slots = self.lock();
        slots.declared(name).ok_or_else(|| slots.unknown(name))
    }

    pub(in crate::pipeline::sandbox) fn declares(&self, name: &str) -> bool {
        self.lock().declared(name).is_some()
    }

    /// In the order of their names.
    pub(super) fn all(&self) -> Vec<(Arc<str>, Arc<Set>)> {
        let slots = self.lock();
        let slots = slots.by_name.values();
        slots
            .map(|slot| (Arc::clone(&slot.name), slot.set.load_full()))
            .collect()
    }

    /// When decisions that may rest on keys were made.
    pub(in crate::pipeline::sandbox) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    fn add(&mut self, name: &str, set: Arc<Set>) -> Arc<str> {
        let name: Arc<str> = name.into();
        let slot = Slot {
            name: Arc::clone(&name),
            set: ArcSwap::new(set),
        };
        self.by_name.insert(Arc::clone(&name), Arc::new(slot));
        name
    }

    fn remove<'a>(&mut self, names: impl IntoIterator<Item = &'a Arc<str>>, epoch: &Epoch) {
        for name in names {
            if let Some(slot) = self.by_name.remove(name) {
                slot.end(epoch);
            }
        }
    }

    fn declared(&self, name: &str) -> Option<Arc<Slot>> {
        let slot = self.by_name.get(name)?;
        (!self.leaving.contains(name)).then(|| Arc::clone(slot))
    }

    fn unknown(&self, name: &str) -> String {
        let names = self.by_name.keys().map(|known| &**known);
        let declared = || names.clone().filter(|known| !self.leaving.contains(*known));
        let list = declared().collect::<Vec<_>>().join(", ");
        if list.is_empty() {
            return format!(
                "no key set is called `{name}`; declare it under `key-sets` in witgate.yaml"
            );
        }
        match closest(name, declared()) {
            Some(closest) => format!(
                "no key set is called `{name}`; did you mean `{closest}`? (declared: {list})"
            ),
            None => format!(
                "no key set is called `{name}`; declare it under `key-sets` in witgate.yaml (declared: {list})"
            ),
        }
    }
}

enum Prepared {
    Kept,
    Fresh(Arc<Set>),
}

fn prepare(
    raw: &Spanned<raw::KeySet>,
    (file, base): (&Arc<PathBuf>, &Path),
    known: Option<&Arc<Set>>,
    epoch: &Epoch,
) -> Result<Prepared, Problem> {
    let definition = Definition::new(raw, file, base)?;
    let same = known.filter(|known| known.definition == definition);
    let Definition::File(path) = &definition else {
        return Ok(match same {
            Some(_) => Prepared::Kept,
            None => Prepared::Fresh(Arc::new(Set::new(definition, epoch))),
        });
    };
    let jwks = read(path).map_err(|error| {
        let span = raw.file.as_ref().map_or(raw.span, |path| path.span);
        Problem::error(
            file,
            span,
            format!("cannot take keys from {}: {error}", path.display()),
        )
    })?;
    if same.is_some_and(|known| known.content().jwks == jwks) {
        return Ok(Prepared::Kept);
    }
    let set = Set::new(definition, epoch);
    set.publish(jwks);
    Ok(Prepared::Fresh(Arc::new(set)))
}

fn read(path: &Path) -> Result<Jwks, String> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| {
            let most = jwks::MOST_BYTES as u64 + 1;
            file.take(most).read_to_end(&mut bytes)
        })
        .map_err(|error| error.to_string())?;
    jwks::check(bytes).map_err(|failure| failure.to_string())
}

fn start(name: &str, set: &Arc<Set>, control: Option<&Handle>) {
    let Some(control) = control else {
        return;
    };
    match &set.definition {
        Definition::Fetched { .. } => {
            control.spawn(schedule::keep_fresh(name.to_owned(), Arc::downgrade(set)));
        }
        Definition::File(_) => set.content().jwks.announce(name),
        Definition::Gone => {}
    }
}
