//! Things that `witgate.yaml` declares by name, and that plugins hold by handle across reloads.
//!
//! A handle points to the place of a name ([`Slot`]) and follows when the name is defined anew. What was read last
//! is tried until the configuration that it belongs to is live ([`Named::commit`]) or refused ([`Named::withdraw`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::{ArcSwapOption, Guard};

use crate::config::problem::closest;

/// All things of one kind, by name.
#[derive(Debug)]
pub(super) struct Named<T> {
    /// One of them, in a sentence.
    kind: &'static str,
    /// The key of `witgate.yaml` that declares them.
    key: &'static str,
    slots: Mutex<Slots<T>>,
}

#[derive(Debug)]
struct Slots<T> {
    by_name: BTreeMap<Arc<str>, Arc<Slot<T>>>,
    /// Names that end when what was declared last goes live.
    leaving: BTreeSet<Arc<str>>,
}

/// The place of a name.
#[derive(Debug)]
pub(super) struct Slot<T> {
    pub(super) name: Arc<str>,
    /// None before the first commit, and when the name is declared no more.
    live: ArcSwapOption<T>,
    tried: ArcSwapOption<T>,
}

impl<T> Slot<T> {
    /// What serves.
    pub(super) fn live(&self) -> Guard<Option<Arc<T>>> {
        self.live.load()
    }

    /// For who judges a configuration: what was declared last.
    pub(super) fn declared(&self) -> Option<Arc<T>> {
        let tried = self.tried.load_full();
        tried.or_else(|| self.live.load_full())
    }
}

impl<T> Named<T> {
    pub(super) fn new(kind: &'static str, key: &'static str) -> Self {
        Self {
            kind,
            key,
            slots: Mutex::new(Slots {
                by_name: BTreeMap::new(),
                leaving: BTreeSet::new(),
            }),
        }
    }

    /// Every name that is declared, with its content; none where that is as before.
    pub(super) fn declare(&self, all: Vec<(Arc<str>, Option<Arc<T>>)>) {
        let mut slots = self.lock();
        let names: BTreeSet<_> = all.iter().map(|(name, _)| Arc::clone(name)).collect();
        for (name, content) in all {
            let slot = slots.by_name.entry(Arc::clone(&name)).or_insert_with(|| {
                Arc::new(Slot {
                    name,
                    live: ArcSwapOption::empty(),
                    tried: ArcSwapOption::empty(),
                })
            });
            slot.tried.store(content);
        }
        slots.leaving = slots
            .by_name
            .keys()
            .filter(|name| !names.contains(*name))
            .cloned()
            .collect();
    }

    /// What was declared last is live.
    pub(super) fn commit(&self) {
        let mut slots = self.lock();
        for name in mem::take(&mut slots.leaving) {
            if let Some(slot) = slots.by_name.remove(&name) {
                slot.live.store(None);
            }
        }
        for slot in slots.by_name.values() {
            if let Some(tried) = slot.tried.swap(None) {
                slot.live.store(Some(tried));
            }
        }
    }

    /// What was declared last was refused: all is as before.
    pub(super) fn withdraw(&self) {
        let mut slots = self.lock();
        slots.leaving.clear();
        slots.by_name.retain(|_, slot| {
            slot.tried.store(None);
            slot.live.load().is_some()
        });
    }

    /// The place of a name that was declared last.
    pub(super) fn find(&self, name: &str) -> Result<Arc<Slot<T>>, String> {
        let slots = self.lock();
        slots
            .declared(name)
            .cloned()
            .ok_or_else(|| self.unknown(&slots, name))
    }

    pub(super) fn declares(&self, name: &str) -> bool {
        self.lock().declared(name).is_some()
    }

    /// In the order of their names.
    pub(super) fn all(&self) -> Vec<Arc<Slot<T>>> {
        self.lock().by_name.values().cloned().collect()
    }

    fn unknown(&self, slots: &Slots<T>, name: &str) -> String {
        let Self { kind, key, .. } = self;
        let names = slots.by_name.keys().map(|known| &**known);
        let declared = || {
            names
                .clone()
                .filter(|known| !slots.leaving.contains(*known))
        };
        if let Some(closest) = closest(name, declared()) {
            return format!("no {kind} is called `{name}`; did you mean `{closest}`?");
        }
        let list = declared().collect::<Vec<_>>().join(", ");
        let list = match list.as_str() {
            "" => String::new(),
            list => format!(" (declared: {list})"),
        };
        format!("no {kind} is called `{name}`; declare it under `{key}` in witgate.yaml{list}")
    }

    fn lock(&self) -> MutexGuard<'_, Slots<T>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Slots<T> {
    fn declared(&self, name: &str) -> Option<&Arc<Slot<T>>> {
        let slot = self.by_name.get(name)?;
        (!self.leaving.contains(name)).then_some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declare(named: &Named<u32>, all: &[(&str, u32)]) {
        let all = all.iter();
        named.declare(
            all.map(|(name, it)| ((*name).into(), Some(Arc::new(*it))))
                .collect(),
        );
    }

    fn live(slot: &Slot<u32>) -> Option<u32> {
        slot.live().as_deref().copied()
    }

    #[test]
    fn a_handle_follows_what_goes_live() {
        let named = Named::new("number", "numbers");
        declare(&named, &[("one", 1), ("two", 2)]);
        let one = named.find("one").unwrap();
        assert_eq!((live(&one), one.declared().as_deref()), (None, Some(&1)));
        named.commit();
        assert_eq!(live(&one), Some(1));

        declare(&named, &[("one", 11)]);
        assert_eq!(
            (live(&one), one.declared().as_deref()),
            (Some(1), Some(&11))
        );
        assert!(!named.declares("two"));
        named.withdraw();
        assert_eq!((live(&one), named.declares("two")), (Some(1), true));

        declare(&named, &[("one", 11)]);
        named.commit();
        assert_eq!((live(&one), named.declares("two")), (Some(11), false));
        named.declare(vec![("one".into(), None)]);
        named.commit();
        assert_eq!(live(&one), Some(11), "as before");
        named.declare(Vec::new());
        named.commit();
        assert_eq!(live(&one), None);
    }

    #[test]
    fn what_was_refused_leaves_nothing_behind() {
        let named = Named::new("number", "numbers");
        declare(&named, &[("one", 1)]);
        named.withdraw();
        assert_eq!(
            named.find("one").err().unwrap(),
            "no number is called `one`; declare it under `numbers` in witgate.yaml"
        );
        declare(&named, &[("one", 1), ("three", 3)]);
        let said = named.find("tree").err().unwrap();
        assert_eq!(said, "no number is called `tree`; did you mean `three`?");
        let said = named.find("x").err().unwrap();
        assert!(said.ends_with("(declared: one, three)"), "{said}");
    }
}
