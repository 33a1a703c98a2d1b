//! All key sets by name, and what becomes of them when `witgate.yaml` changes.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::{ArcSwap, Guard};
use tokio::runtime::Handle;

use super::{definition::Definition, jwks, schedule, set::Set};
use crate::config::{problem::Problem, raw, span::Spanned};

/// All key sets of the gateway; one per process, shared by every worker.
#[derive(Debug, Default)]
pub struct Keys {
    slots: Mutex<Slots>,
}

type Slots = BTreeMap<String, Arc<Slot>>;

/// The place of a name. Handles point to it and follow when the name is defined anew.
#[derive(Debug)]
pub(super) struct Slot(ArcSwap<Set>);

impl Slot {
    pub(super) fn set(&self) -> Guard<Arc<Set>> {
        self.0.load()
    }
}

/// What [`Keys::declare`] replaced, for [`Keys::restore`] when the rest of the configuration turns out wrong.
#[derive(Debug)]
#[must_use = "keep it until the new configuration is live"]
pub struct Declared {
    slots: Slots,
    sets: Vec<(Arc<Slot>, Arc<Set>)>,
}

impl Keys {
    /// Takes over what `witgate.yaml` declares: sets that did not change are kept, files are read again, and URLs are
    /// fetched on `control`; without it (a check, say) they are not. Call it before the chains are compiled, since
    /// plugins open the sets then. On an error nothing has changed.
    pub fn declare(
        &self,
        raw: &BTreeMap<String, Spanned<raw::KeySet>>,
        file: &Arc<PathBuf>,
        base: &Path,
        control: Option<&Handle>,
    ) -> Result<Declared, Vec<Problem>> {
        let mut slots = self.lock();
        let mut problems = Vec::new();
        let mut sets = Vec::new();
        for (name, raw) in raw {
            let known = slots.get(name).map(|slot| slot.0.load_full());
            match prepare(raw, file, base, known.as_ref()) {
                Ok(set) => sets.push((name, set)),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let before = Declared {
            slots: slots.clone(),
            sets: slots
                .values()
                .map(|slot| (Arc::clone(slot), slot.0.load_full()))
                .collect(),
        };
        for (name, set) in sets {
            if let Prepared::Fresh(set) = set {
                start(name, &set, control);
                place(&mut slots, name, set);
            }
        }
        slots.retain(|name, slot| {
            let declared = raw.contains_key(name);
            if !declared {
                slot.0.store(Arc::new(Set::new(Definition::Gone)));
            }
            declared
        });
        Ok(before)
    }

    /// As it was before.
    pub fn restore(&self, before: Declared) {
        let mut slots = self.lock();
        for slot in slots.values() {
            slot.0.store(Arc::new(Set::new(Definition::Gone)));
        }
        for (slot, set) in before.sets {
            slot.0.store(set);
        }
        *slots = before.slots;
    }

    pub(super) fn find(&self, name: &str) -> Result<Arc<Slot>, String> {
        let slots = self.lock();
        slots.get(name).cloned().ok_or_else(|| {
            let known = slots.keys().map(String::as_str).collect::<Vec<_>>();
            if known.is_empty() {
                format!(
                    "no key set is called `{name}`; declare it under `key-sets` in witgate.yaml"
                )
            } else {
                format!(
                    "no key set is called `{name}` (declared: {})",
                    known.join(", ")
                )
            }
        })
    }

    /// In the order of their names.
    pub(super) fn all(&self) -> Vec<(String, Arc<Set>)> {
        let slots = self.lock();
        slots
            .iter()
            .map(|(name, slot)| (name.clone(), slot.0.load_full()))
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Prepared {
    Kept,
    Fresh(Arc<Set>),
}

fn prepare(
    raw: &Spanned<raw::KeySet>,
    file: &Arc<PathBuf>,
    base: &Path,
    known: Option<&Arc<Set>>,
) -> Result<Prepared, Problem> {
    let definition = Definition::new(raw, file, base)?;
    let same = known.filter(|known| known.definition == definition);
    let Definition::File(path) = &definition else {
        return Ok(match same {
            Some(_) => Prepared::Kept,
            None => Prepared::Fresh(Arc::new(Set::new(definition))),
        });
    };
    let (text, keys) = read(path).map_err(|error| {
        let span = raw.file.as_ref().map_or(raw.span, |path| path.span);
        Problem::error(
            file,
            span,
            format!("cannot take keys from {}: {error}", path.display()),
        )
    })?;
    if same.is_some_and(|known| known.content().jwks == text) {
        return Ok(Prepared::Kept);
    }
    let set = Set::new(definition);
    set.publish(text, keys);
    Ok(Prepared::Fresh(Arc::new(set)))
}

fn read(path: &Path) -> Result<(String, usize), String> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| {
            let most = jwks::MOST_BYTES as u64 + 1;
            file.take(most).read_to_end(&mut bytes)
        })
        .map_err(|error| error.to_string())?;
    jwks::check(bytes)
}

fn start(name: &str, set: &Arc<Set>, control: Option<&Handle>) {
    if let (Some(control), Definition::Url { .. }) = (control, &set.definition) {
        control.spawn(schedule::keep_fresh(name.to_owned(), Arc::downgrade(set)));
    }
}

fn place(slots: &mut Slots, name: &str, set: Arc<Set>) {
    match slots.get(name) {
        Some(slot) => slot.0.store(set),
        None => {
            slots.insert(name.to_owned(), Arc::new(Slot(ArcSwap::new(set))));
        }
    }
}
