//! Names of routes, with ids that stay theirs.

use std::sync::Arc;

use super::Place;
use crate::pipeline::route::{CowMap, Keyed};

/// Every name that a route has had in this process. An id is never given to another name, so series of metrics
/// that are kept by id survive a route that goes and comes back.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(CowMap<Name>);

#[derive(Clone, Debug)]
struct Name {
    name: Arc<str>,
    id: u32,
    /// None while no route has it.
    place: Option<Place>,
}

impl Keyed for Name {
    fn key(&self) -> &str {
        &self.name
    }
}

impl Names {
    /// Gives the name and its id to the route at this place.
    ///
    /// # Errors
    /// The place of the route that has the name.
    pub(super) fn claim(&mut self, name: &str, place: Place) -> Result<(Arc<str>, u32), Place> {
        if let Some(known) = self.0.get_mut(name) {
            return match &known.place {
                Some(other) => Err(other.clone()),
                None => {
                    known.place = Some(place);
                    Ok((Arc::clone(&known.name), known.id))
                }
            };
        }
        // Four billion names would not fit in memory.
        let id = self.0.len() as u32;
        let name: Arc<str> = name.into();
        self.0.insert(Name {
            name: Arc::clone(&name),
            id,
            place: Some(place),
        });
        Ok((name, id))
    }

    pub(super) fn release(&mut self, name: &str) {
        if let Some(known) = self.0.get_mut(name) {
            known.place = None;
        }
    }
}
