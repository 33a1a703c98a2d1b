//! Verified tokens, so that a token is verified once and then only recognised.
//!
//! Sets of four places: a token's set follows from its last bytes, which are signature and as good as random; what
//! was used longest ago in the set makes room. A hit needs every byte to be equal, so a collision costs a
//! verification and never lets a forgery in. Tokens that failed are not kept: guessing wins nothing.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use witgate_jose::Key;
use witgate_plugin::Identity;

const WAYS: usize = 4;

/// Longer tokens are verified every time.
pub(crate) const LONGEST: usize = 4 << 10;

/// What all caches of this instance may hold together, in bytes. Well below the default limit of an instance's
/// memory (16 MiB), however many routes it serves.
const BUDGET: usize = 4 << 20;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    /// Those of all routes that this instance serves.
    static ALL: RefCell<Vec<Weak<RefCell<Cache>>>> = const { RefCell::new(Vec::new()) };
}

/// A token that was found good.
pub(crate) struct Verified {
    pub(crate) token: Box<[u8]>,
    /// The place of its issuer among those of the route.
    pub(crate) issuer: usize,
    /// In seconds since 1970: the span in which nothing but the key could change the judgement.
    pub(crate) not_before: u64,
    pub(crate) expires: u64,
    pub(crate) key: Rc<Key>,
    /// What goes into the header fields, in the order of their names.
    pub(crate) values: Vec<Option<Vec<u8>>>,
    pub(crate) identity: Identity,
    pub(crate) used: Cell<u64>,
}

/// Makes room, for all routes: what is remembered of tokens is verified anew when they come again.
pub(crate) fn forget_all() {
    ALL.with_borrow(|all| {
        for cache in all.iter().filter_map(Weak::upgrade) {
            cache.borrow_mut().clear_all();
        }
    });
}

impl Verified {
    fn bytes(&self) -> usize {
        let values = self.values.iter().flatten().map(Vec::len).sum::<usize>();
        size_of::<Self>() + self.token.len() + values
    }

    fn holds_at(&self, now: u64) -> bool {
        (self.not_before..self.expires).contains(&now)
    }
}

/// The verified tokens of one route.
pub(crate) struct Cache {
    /// Empty until the first token comes.
    places: Vec<Option<Verified>>,
    capacity: usize,
    clock: Cell<u64>,
}

impl Cache {
    pub(crate) fn new(capacity: usize) -> Rc<RefCell<Self>> {
        let cache = Rc::new(RefCell::new(Self {
            places: Vec::new(),
            capacity: capacity.next_multiple_of(WAYS),
            clock: Cell::new(0),
        }));
        ALL.with_borrow_mut(|all| {
            all.retain(|known| known.strong_count() > 0);
            all.push(Rc::downgrade(&cache));
        });
        cache
    }

    pub(crate) fn get(&self, token: &[u8], now: u64) -> Option<&Verified> {
        let set = self.places.get(self.set(token)?)?;
        let found = set
            .iter()
            .flatten()
            .find(|kept| equal(&kept.token, token))?;
        if !found.holds_at(now) {
            return None;
        }
        self.clock.set(self.clock.get() + 1);
        found.used.set(self.clock.get());
        Some(found)
    }

    pub(crate) fn insert(&mut self, verified: Verified, now: u64) {
        if verified.token.len() > LONGEST || !verified.holds_at(now) || self.capacity == 0 {
            return;
        }
        if self.places.is_empty() {
            self.places.resize_with(self.capacity, || None);
        }
        let Some(set) = self.set(&verified.token) else {
            return;
        };
        let oldest = set
            .clone()
            .min_by_key(|place| match &self.places[*place] {
                Some(kept) if equal(&kept.token, &verified.token) => 0,
                Some(kept) => 1 + kept.used.get(),
                None => 1,
            })
            .unwrap_or(set.start);
        self.clear(oldest);
        if HELD.get() + verified.bytes() > BUDGET {
            return;
        }
        HELD.set(HELD.get() + verified.bytes());
        self.clock.set(self.clock.get() + 1);
        verified.used.set(self.clock.get());
        self.places[oldest] = Some(verified);
    }

    pub(crate) fn retain(&mut self, remains: impl Fn(&Verified) -> bool) {
        for place in 0..self.places.len() {
            let gone = self.places[place]
                .as_ref()
                .is_some_and(|kept| !remains(kept));
            if gone {
                self.clear(place);
            }
        }
    }

    fn clear_all(&mut self) {
        self.retain(|_| false);
    }

    fn clear(&mut self, place: usize) {
        if let Some(kept) = self.places[place].take() {
            HELD.set(HELD.get() - kept.bytes());
        }
    }

    fn set(&self, token: &[u8]) -> Option<std::ops::Range<usize>> {
        let tail = token.last_chunk::<16>()?;
        let hash =
            u128::from_le_bytes(*tail).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        let sets = self.capacity / WAYS;
        let set = ((hash >> 64) as usize).checked_rem(sets)? * WAYS;
        Some(set..set + WAYS)
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.clear_all();
    }
}

/// Many bytes at a time: a component's `memcmp` takes them one by one.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let (a_blocks, a_rest) = a.as_chunks::<64>();
    let (b_blocks, b_rest) = b.as_chunks::<64>();
    let (a_words, a_last) = a_rest.as_chunks::<8>();
    let (b_words, b_last) = b_rest.as_chunks::<8>();
    let same = |a: &[[u8; 8]], b: &[[u8; 8]]| {
        let words = a.iter().zip(b);
        let differs =
            |(a, b): (&[u8; 8], &[u8; 8])| u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        words.map(differs).fold(0, |all, one| all | one) == 0
    };
    let mut blocks = a_blocks.iter().zip(b_blocks);
    a.len() == b.len()
        && blocks.all(|(a, b)| same(a.as_chunks().0, b.as_chunks().0))
        && same(a_words, b_words)
        && a_last == b_last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_anywhere_counts() {
        for len in [0, 1, 7, 8, 9, 63, 64, 65, 200] {
            let one = vec![b'a'; len];
            assert!(equal(&one, &one.clone()));
            assert!(!equal(&one, &vec![b'a'; len + 1]));
            for place in 0..len {
                let mut other = one.clone();
                other[place] ^= 1;
                assert!(!equal(&one, &other), "{len} {place}");
            }
        }
    }
}
