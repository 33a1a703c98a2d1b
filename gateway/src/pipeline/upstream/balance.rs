//! Which endpoint gets the next request.

use std::cell::Cell;

/// Round robin; each worker goes round for itself.
#[derive(Debug)]
pub struct RoundRobin {
    next: Cell<usize>,
}

impl RoundRobin {
    /// `start` keeps workers from all beginning at the first endpoint.
    pub fn new(start: usize) -> Self {
        Self {
            next: Cell::new(start),
        }
    }

    /// An index below `endpoints`, which is at least 1.
    pub fn pick(&self, endpoints: usize) -> usize {
        if endpoints == 1 {
            return 0;
        }
        let picked = self.next.get() % endpoints;
        self.next.set(picked + 1);
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_round() {
        let balance = RoundRobin::new(4);
        assert_eq!(
            (0..5).map(|_| balance.pick(3)).collect::<Vec<_>>(),
            [1, 2, 0, 1, 2]
        );
        assert_eq!(balance.pick(1), 0);
    }
}
