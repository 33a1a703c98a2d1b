//! Which endpoint gets the next request.

use std::cell::Cell;

use super::{super::gate::Endpoints, error::ErrorKind, health::Health};

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

    /// One that is well, and if that can be one that was not tried. Gates have the last word on each.
    pub fn choose(&self, among: &Choice<'_>) -> Result<usize, ErrorKind> {
        let &Choice {
            count,
            health,
            tried,
            gates,
        } = among;
        if health.is_none() && tried.is_empty() && gates.is_none() {
            return Ok(self.pick(count));
        }
        let is_well = |index| health.is_none_or(|health| health.is_well(index));
        let fails_open = health.is_some_and(Health::fails_open);
        let mut shut = false;
        for (well, fresh) in [(true, true), (true, false), (false, true), (false, false)] {
            if (!fresh && tried.is_empty()) || (!well && !fails_open) {
                continue;
            }
            for _ in 0..count {
                let index = self.pick(count);
                if is_well(index) != well || tried.contains(&index) == fresh {
                    continue;
                }
                if gates.is_none_or(|gates| gates.admit(index)) {
                    return Ok(index);
                }
                shut = true;
            }
        }
        Err(if shut {
            ErrorKind::Gated
        } else {
            ErrorKind::Unhealthy
        })
    }
}

/// What there is to choose from.
pub struct Choice<'a> {
    /// At least 1.
    pub count: usize,
    pub health: Option<&'a Health>,
    pub tried: &'a [usize],
    pub gates: Option<&'a dyn Endpoints>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::gate::FailedTry;

    #[test]
    fn goes_round() {
        let balance = RoundRobin::new(4);
        assert_eq!(
            (0..5).map(|_| balance.pick(3)).collect::<Vec<_>>(),
            [1, 2, 0, 1, 2]
        );
        assert_eq!(balance.pick(1), 0);
    }

    /// Lets all pass but these.
    struct Shut(&'static [usize]);

    impl Endpoints for Shut {
        fn admit(&self, endpoint: usize) -> bool {
            !self.0.contains(&endpoint)
        }

        fn failed(&self, _: FailedTry) {}
    }

    #[test]
    fn gates_leave_endpoints_out() {
        let balance = RoundRobin::new(0);
        let choose = |tried: &[usize], shut| {
            let among = Choice {
                count: 3,
                health: None,
                tried,
                gates: Some(&Shut(shut)),
            };
            balance.choose(&among).ok()
        };
        for _ in 0..3 {
            assert_eq!(choose(&[], &[0, 1]), Some(2));
            assert_eq!(choose(&[2], &[0]), Some(1));
            assert_eq!(choose(&[2], &[0, 1]), Some(2), "once more");
            assert_eq!(choose(&[], &[0, 1, 2]), None);
        }
        let all: std::collections::BTreeSet<_> = (0..3).map(|_| choose(&[], &[])).collect();
        assert_eq!(all.len(), 3);
    }
}
