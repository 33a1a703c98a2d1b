//! What was noted of a route's exchanges, counted by kind.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

/// Kinds that are told apart; the rest is counted as [`OTHER`].
const MOST_KINDS: usize = 32;

/// What counts the kinds that are too many.
const OTHER: &str = "other";

type Counts = BTreeMap<Arc<str>, u64>;

/// One worker's counts of one route. Most routes have none; nobody but a scrape ever waits for the lock.
#[derive(Debug, Default)]
pub struct Notes(OnceLock<Box<Mutex<Counts>>>);

impl Notes {
    pub fn count(&self, kind: &Arc<str>) {
        let mut counts = lock(self.0.get_or_init(Box::default));
        if let Some(count) = counts.get_mut(kind) {
            *count += 1;
        } else if counts.len() < MOST_KINDS {
            counts.insert(Arc::clone(kind), 1);
        } else {
            *counts.entry(OTHER.into()).or_default() += 1;
        }
    }

    /// Adds the counts up.
    pub fn add_to(&self, sums: &mut Counts) {
        let Some(counts) = self.0.get() else {
            return;
        };
        for (kind, count) in &*lock(counts) {
            *sums.entry(Arc::clone(kind)).or_default() += count;
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_bounded_and_none_is_lost() {
        let (notes, mut sums) = (Notes::default(), Counts::new());
        for number in 0..100 {
            notes.count(&format!("kind-{}", number % 50).into());
        }
        notes.add_to(&mut sums);
        notes.add_to(&mut sums);
        assert_eq!(sums.len(), MOST_KINDS + 1);
        assert_eq!(sums["kind-0"], 4);
        assert_eq!(sums.values().sum::<u64>(), 200);
    }
}
