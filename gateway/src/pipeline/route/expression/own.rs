//! A copy of every regular expression for each thread that matches it.
//!
//! Copies share the compiled program, and each has its scratch memory to itself: threads that match the same
//! expression do not meet at a lock.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use regex::bytes::{CaptureLocations, Regex};

/// Where threads find their copy: small numbers, used again once their expression is gone.
#[derive(Debug)]
pub(super) struct Slot(usize);

/// A thread's copy.
pub(super) struct Own {
    /// Kept for its address, which nobody else has for as long.
    of: Weak<Slot>,
    pub(super) regex: Regex,
    pub(super) locations: CaptureLocations,
}

static SLOTS: Mutex<Slots> = Mutex::new(Slots {
    free: Vec::new(),
    used: 0,
});

struct Slots {
    free: Vec<usize>,
    used: usize,
}

fn slots() -> std::sync::MutexGuard<'static, Slots> {
    SLOTS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    pub(super) fn take() -> Arc<Self> {
        let mut slots = slots();
        let index = slots.free.pop().unwrap_or_else(|| {
            slots.used += 1;
            slots.used - 1
        });
        Arc::new(Self(index))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        slots().free.push(self.0);
    }
}

/// A thread's copies, by slot.
#[derive(Default)]
struct Copies {
    places: Vec<Option<Own>>,
    /// Since those of expressions that are gone were last looked for.
    made: usize,
}

thread_local! {
    static COPIES: RefCell<Copies> = RefCell::default();
}

/// Runs `search` on this thread's copy of `regex`, made when first needed.
pub(super) fn with<R>(slot: &Arc<Slot>, regex: &Regex, search: impl FnOnce(&mut Own) -> R) -> R {
    COPIES.with_borrow_mut(|copies| {
        if let Some(Some(own)) = copies.places.get_mut(slot.0)
            && own.of.as_ptr() == Arc::as_ptr(slot)
        {
            return search(own);
        }
        search(copies.make(slot, regex))
    })
}

impl Copies {
    /// Looking at all places once for as many copies as there are costs each of them one look.
    #[cold]
    fn make(&mut self, slot: &Arc<Slot>, regex: &Regex) -> &mut Own {
        if self.made >= self.places.len() {
            for place in &mut self.places {
                place.take_if(|own| own.of.strong_count() == 0);
            }
            self.made = 0;
        }
        self.made += 1;
        if self.places.len() <= slot.0 {
            self.places.resize_with(slot.0 + 1, || None);
        }
        self.places[slot.0].insert(Own {
            of: Arc::downgrade(slot),
            regex: regex.clone(),
            locations: regex.capture_locations(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn copies() -> usize {
        COPIES.with_borrow(|copies| copies.places.iter().flatten().count())
    }

    #[test]
    fn every_thread_has_its_copy_and_forgets_those_that_are_gone() {
        let (a, b) = (Regex::new("a").unwrap(), Regex::new("b").unwrap());
        let (first, second) = (Slot::take(), Slot::take());
        let matches = |slot: &Arc<Slot>, regex: &Regex, text: &str| {
            with(slot, regex, |own| own.regex.is_match(text.as_bytes()))
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        assert!(matches(&first, &a, "a") && !matches(&second, &b, "a"));
                    }
                    assert_eq!(copies(), 2);
                });
            }
        });
        // As a worker sees reloads that replace the expression again and again.
        let worker = thread::spawn(move || {
            let many: Vec<_> = (0..100).map(|_| Slot::take()).collect();
            assert!(many.iter().all(|slot| matches(slot, &a, "a")));
            assert_eq!(copies(), 100);
            drop(many);
            let fewer: Vec<_> = (0..2).map(|_| Slot::take()).collect();
            for _ in 0..1_000 {
                let other = Slot::take();
                assert!(matches(&other, &b, "b"), "not the copy of another");
            }
            assert!(fewer.iter().all(|slot| matches(slot, &b, "b")));
            copies()
        });
        assert!(worker.join().unwrap() < 50, "those that are gone stay");
    }
}
