//! The rules for one host and one shape of path, the first in precedence first.

use std::{ops::ControlFlow, sync::Arc};

use super::{overlap::may_overlap, precedence, rule::Rule};

#[derive(Clone, Debug, Default)]
pub(super) struct Candidates(Vec<Arc<Rule>>);

impl Candidates {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a rule of another route that this one cannot be told from.
    pub(super) fn insert(&mut self, rule: Arc<Rule>) -> Option<Arc<Rule>> {
        let place = self
            .0
            .partition_point(|other| precedence::compare(other, &rule).is_le());
        let equals = self.0[..place]
            .iter()
            .rev()
            .take_while(|other| precedence::compare(other, &rule).is_eq());
        let conflict = equals
            .filter(|other| other.route != rule.route && may_overlap(other, &rule))
            .last()
            .cloned();
        self.0.insert(place, rule);
        conflict
    }

    pub(super) fn remove(&mut self, rule: &Arc<Rule>) {
        self.0.retain(|other| !Arc::ptr_eq(other, rule));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.0.iter()
    }

    pub(super) fn visit<'t, B>(
        &'t self,
        visitor: &mut impl FnMut(&'t Rule) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.0.iter().try_for_each(|rule| visitor(rule))
    }
}
