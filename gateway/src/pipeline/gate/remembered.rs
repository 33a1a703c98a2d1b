//! The cells that one worker uses, so that it need not ask the gate for each exchange.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{Equivalent, HashMap};

use super::{Gate, REMEMBERED, cell::Cell};

/// Cells that a worker remembers.
const MOST: usize = 20_000;

/// The cells that one worker uses, so that it need not ask the gate for each exchange. Now and then it forgets them all:
/// a cell that no worker remembers, and nobody else uses, may go.
#[derive(Debug, Default)]
pub struct Remembered {
    cells: HashMap<Key, Arc<Cell>, FixedState>,
    since: u64,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    gate: u64,
    name: Box<str>,
}

/// Has the hash of a [`Key`].
#[derive(Hash)]
struct View<'a> {
    gate: u64,
    name: &'a str,
}

impl Equivalent<Key> for View<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.gate == key.gate && *self.name == *key.name
    }
}

impl Remembered {
    /// The cell of a name; none when there is no room for it.
    pub fn cell(&mut self, gate: &Gate, name: &str, now: u64) -> Option<&Arc<Cell>> {
        if now.saturating_sub(self.since) >= REMEMBERED || self.cells.len() >= MOST {
            self.cells.clear();
            self.since = now;
        }
        let view = View {
            gate: gate.id,
            name,
        };
        if !self.cells.contains_key(&view) {
            let key = Key {
                gate: gate.id,
                name: name.into(),
            };
            self.cells.insert(key, gate.cell(name)?);
        }
        self.cells.get(&view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::gate::{Gates, Scope};

    #[test]
    fn a_cell_is_asked_for_once_in_a_while() {
        let gates = Gates::default();
        let scope = Scope::parse(&[String::from("tenant")]).unwrap();
        let gate = gates.gate(&"breaker".into(), "default", &scope);
        let mut worker = Remembered::default();
        let first = Arc::clone(worker.cell(&gate, "tenant=a", 0).unwrap());
        let again = worker.cell(&gate, "tenant=a", REMEMBERED - 1);
        assert!(Arc::ptr_eq(&first, again.unwrap()));
        worker.cell(&gate, "tenant=b", 0).unwrap();
        assert_eq!((worker.cells.len(), gate.cells().len()), (2, 2));
        let again = worker.cell(&gate, "tenant=a", REMEMBERED);
        assert!(Arc::ptr_eq(&first, again.unwrap()));
        assert_eq!(worker.cells.len(), 1);
    }

    #[test]
    fn ten_thousand_tenants_have_cells_of_their_own() {
        let gates = Gates::default();
        let scope = Scope::parse(&[String::from("tenant")]).unwrap();
        let gate = gates.gate(&"breaker".into(), "default", &scope);
        let mut worker = Remembered::default();
        for round in 0..2 {
            for tenant in 0..10_000 {
                let name = format!("tenant={tenant}");
                let cell = worker.cell(&gate, &name, round).unwrap();
                assert_eq!(cell.name(), name);
            }
        }
        assert_eq!((worker.cells.len(), gate.cells().len()), (10_000, 10_000));
    }
}
