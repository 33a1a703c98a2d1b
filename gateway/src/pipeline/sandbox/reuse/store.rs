//! The decisions that one worker stores.
//!
//! Each configuration has its own, in sets of four places; what was used longest ago in the set makes room. A hit needs
//! every byte of the value to be equal. Only what a plugin let pass is stored: guessing wins nothing.

use std::{
    cell::Cell,
    hash::BuildHasher,
    ops::Range,
    rc::Rc,
    sync::{Arc, Weak},
    time::{SystemTime, UNIX_EPOCH},
};

use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashMap;
use http::{HeaderMap, HeaderName};

use super::{Epoch, Offer, only};
use crate::pipeline::{
    identity::Identity,
    sandbox::{fields::Edit, settings::Settings},
};

const WAYS: usize = 4;

/// Decisions of one configuration, whatever it asks for.
const MOST: u32 = 1 << 16;

/// What all decisions of one worker take together, in bytes. Beyond that none is stored.
const BUDGET: usize = 32 << 20;

/// What is carried out for requests whose field has this value.
#[derive(Debug)]
pub(in crate::pipeline::sandbox) struct Decision {
    value: Box<[u8]>,
    span: Range<u64>,
    pub(in crate::pipeline::sandbox) edits: Box<[Edit]>,
    pub(in crate::pipeline::sandbox) identity: Option<Arc<Identity>>,
    _room: Room,
}

/// One worker's decisions, by configuration.
#[derive(Debug)]
pub(in crate::pipeline::sandbox) struct Decisions {
    epoch: Epoch,
    hasher: RandomState,
    by_settings: HashMap<u64, OfSettings, FixedState>,
    held: Rc<Cell<usize>>,
}

/// The decisions of one configuration.
#[derive(Debug)]
struct OfSettings {
    settings: Weak<Settings>,
    field: HeaderName,
    most: u32,
    /// When they were made; later, none of them counts.
    epoch: u64,
    uses: u64,
    /// Empty until there is a first.
    places: Vec<Place>,
    _room: Option<Room>,
}

#[derive(Debug, Default)]
struct Place {
    hash: u64,
    used: u64,
    decision: Option<Rc<Decision>>,
}

/// A share of the budget, given back when it is dropped.
#[derive(Debug)]
struct Room {
    held: Rc<Cell<usize>>,
    bytes: usize,
}

impl Room {
    fn take(held: &Rc<Cell<usize>>, bytes: usize) -> Option<Self> {
        let all = held.get() + bytes;
        (all <= BUDGET).then(|| {
            held.set(all);
            Self {
                held: Rc::clone(held),
                bytes,
            }
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.held.set(self.held.get() - self.bytes);
    }
}

impl Decisions {
    pub(in crate::pipeline::sandbox) fn new(epoch: &Epoch) -> Self {
        Self {
            epoch: epoch.clone(),
            hasher: RandomState::default(),
            by_settings: HashMap::default(),
            held: Rc::default(),
        }
    }

    /// What was decided for a request with these fields.
    pub(in crate::pipeline::sandbox) fn find(
        &mut self,
        settings: &Settings,
        headers: &HeaderMap,
    ) -> Option<Rc<Decision>> {
        if self.by_settings.is_empty() {
            return None;
        }
        let own = self.by_settings.get_mut(&settings.id)?;
        own.follow(self.epoch.current());
        if own.places.is_empty() {
            return None;
        }
        let value = only(headers, &own.field)?.as_bytes();
        own.find(self.hasher.hash_one(value), value)
    }

    /// After a call: what it offered is stored.
    ///
    /// Its epoch is the one that [`Self::find`] saw before the call. The first offer of a configuration has none, and is
    /// only the reason to look from now on.
    pub(in crate::pipeline::sandbox) fn store(&mut self, settings: &Arc<Settings>, offer: Offer) {
        let known = self.by_settings.get_mut(&settings.id);
        match known.filter(|own| own.field == offer.field && own.most == offer.most) {
            Some(own) => {
                let hash = self.hasher.hash_one(&*offer.value);
                own.store(hash, offer, &self.held);
            }
            None => {
                self.forget_dead();
                let own = OfSettings::new(settings, &offer, self.epoch.current());
                self.by_settings.insert(settings.id, own);
            }
        }
    }

    /// Those of configurations that no route has any more.
    pub(in crate::pipeline::sandbox) fn forget_dead(&mut self) {
        self.by_settings
            .retain(|_, own| own.settings.strong_count() > 0);
    }
}

impl OfSettings {
    fn new(settings: &Arc<Settings>, offer: &Offer, epoch: u64) -> Self {
        Self {
            settings: Arc::downgrade(settings),
            field: offer.field.clone(),
            most: offer.most,
            epoch,
            uses: 0,
            places: Vec::new(),
            _room: None,
        }
    }

    fn follow(&mut self, epoch: u64) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.places.fill_with(Place::default);
        }
    }

    fn find(&mut self, hash: u64, value: &[u8]) -> Option<Rc<Decision>> {
        let set = self.set(hash)?;
        self.uses += 1;
        let uses = self.uses;
        let mut places = self.places[set].iter_mut();
        places.find_map(|place| {
            let decision = place.decision.as_ref().filter(|_| place.hash == hash)?;
            if *decision.value != *value || !decision.span.contains(&now()) {
                return None;
            }
            place.used = uses;
            Some(Rc::clone(decision))
        })
    }

    fn store(&mut self, hash: u64, offer: Offer, held: &Rc<Cell<usize>>) {
        if self.places.is_empty() {
            let count = (self.most.min(MOST) as usize).next_multiple_of(WAYS);
            let Some(room) = Room::take(held, count * size_of::<Place>()) else {
                return;
            };
            self._room = Some(room);
            self.places.resize_with(count, Place::default);
        }
        let Some(set) = self.set(hash) else {
            return;
        };
        let age = |place: &Place| match &place.decision {
            Some(decision) if *decision.value == *offer.value => 0,
            Some(_) => 2 + place.used,
            None => 1,
        };
        let Some(place) = self.places[set].iter_mut().min_by_key(|place| age(place)) else {
            return;
        };
        *place = Place::default();
        if let Some(room) = Room::take(held, offer.weight()) {
            self.uses += 1;
            *place = Place {
                hash,
                used: self.uses,
                decision: Some(Rc::new(Decision {
                    value: offer.value,
                    span: offer.span,
                    edits: offer.edits,
                    identity: offer.identity,
                    _room: room,
                })),
            };
        }
    }

    fn set(&self, hash: u64) -> Option<Range<usize>> {
        let sets = (self.places.len() / WAYS) as u128;
        // The upper half of the product: as good as a remainder, and cheaper.
        let set = ((u128::from(hash) * sets) >> 64) as usize * WAYS;
        (sets > 0).then_some(set..set + WAYS)
    }
}

impl Offer {
    /// In bytes, roughly. Plugins that keep the identity too share it.
    fn weight(&self) -> usize {
        let identity = self.identity.as_ref().map_or(0, |who| who.weight());
        let edits: usize = self.edits.iter().map(Edit::weight).sum();
        size_of::<Decision>() + self.value.len() + identity + edits
    }
}

/// In seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::sandbox::settings::{Accepted, Shelf};

    fn offer(value: &str, most: u32) -> Offer {
        Offer {
            field: HeaderName::from_static("x-token"),
            value: value.as_bytes().into(),
            span: 0..u64::MAX,
            most,
            edits: Box::default(),
            identity: None,
        }
    }

    fn bearing(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-token", value.parse().unwrap());
        headers
    }

    #[test]
    fn a_worker_stores_no_more_than_it_may() {
        let shelf = Arc::new(Shelf::default());
        let settings = shelf.put("1", Accepted::default());
        let mut decisions = Decisions::new(&Epoch::default());
        let values: Vec<_> = (0..50).map(|number| format!("token-{number}")).collect();
        decisions.store(&settings, offer("first", 8));
        for value in &values {
            decisions.store(&settings, offer(value, 8));
            assert!(decisions.find(&settings, &bearing(value)).is_some());
        }
        let known = |decisions: &mut Decisions| {
            let found = |value: &&String| decisions.find(&settings, &bearing(value)).is_some();
            values.iter().filter(found).count()
        };
        assert!((4..=8).contains(&known(&mut decisions)));
        decisions.epoch.advance();
        assert_eq!(known(&mut decisions), 0);
        decisions.store(&settings, offer("again", 8));
        assert!(decisions.find(&settings, &bearing("again")).is_some());
        drop((settings, shelf));
        decisions.forget_dead();
        assert_eq!(decisions.held.get(), 0);
    }

    #[test]
    fn room_is_bounded_and_given_back() {
        let held = Rc::default();
        let all = Room::take(&held, BUDGET);
        assert!(all.is_some() && Room::take(&held, 1).is_none());
        drop(all);
        assert!(Room::take(&held, 1).is_some());
    }

    #[test]
    fn configurations_do_not_share_decisions() {
        let shelf = Arc::new(Shelf::default());
        let [one, two] = ["1", "2"].map(|json| shelf.put(json, Accepted::default()));
        let mut decisions = Decisions::new(&Epoch::default());
        for _ in 0..2 {
            decisions.store(&one, offer("a", 8));
            decisions.store(&two, offer("b", 8));
        }
        assert!(decisions.find(&one, &bearing("a")).is_some());
        assert!(decisions.find(&two, &bearing("a")).is_none());
    }
}
