//! What the plugins of a chain have found out about an exchange: who asks, and what they noted.

use std::{cell::RefCell, sync::Arc};

use crate::pipeline::identity::{Identity, is_kind};

/// Notes of one exchange; more are dropped.
const MOST_NOTES: usize = 8;

/// Noted by the gateway when a plugin establishes another identity than the one that was there.
const REPLACED: &str = "identity-replaced";

/// What has been found out so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    pub(super) identity: Option<Arc<Identity>>,
    /// By the call that is running; counts when that ends well.
    established: Option<Arc<Identity>>,
    /// Each kind once, in order.
    pub(super) notes: Vec<Arc<str>>,
}

impl Findings {
    /// With those of the exchange, before a call and after it.
    pub(super) fn swap(&mut self, other: &RefCell<Self>) {
        std::mem::swap(self, &mut other.borrow_mut());
    }

    /// As the call that is running sees it.
    pub(super) fn current(&self) -> Option<&Arc<Identity>> {
        self.established.as_ref().or(self.identity.as_ref())
    }

    pub(super) fn establish(&mut self, identity: Arc<Identity>) {
        self.established = Some(identity);
    }

    /// By the call that is running.
    pub(super) fn established(&self) -> Option<&Arc<Identity>> {
        self.established.as_ref()
    }

    /// After a call: who asks is known if it succeeded. What was noted stays.
    pub(super) fn settle(&mut self, succeeded: bool) {
        let Some(new) = self.established.take().filter(|_| succeeded) else {
            return;
        };
        let before = self.identity.replace(Arc::clone(&new));
        if before.is_some_and(|before| !before.is_same(&new)) {
            self.note(REPLACED);
        }
    }

    pub(super) fn note(&mut self, kind: &str) {
        let known = self.notes.iter().any(|note| **note == *kind);
        if !known && self.notes.len() < MOST_NOTES && is_kind(kind) {
            self.notes.push(kind.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::identity::IdentityFields;

    fn identity(subject: &str) -> Arc<Identity> {
        let fields = IdentityFields {
            scheme: "test".into(),
            subject: Some(subject.into()),
            claims: "{}".into(),
            ..IdentityFields::default()
        };
        Arc::new(Identity::new(fields).unwrap())
    }

    fn subject(findings: &Findings) -> Option<&str> {
        findings.current()?.subject()
    }

    #[test]
    fn a_call_that_fails_establishes_nobody() {
        let mut findings = Findings::default();
        findings.establish(identity("a"));
        assert_eq!(subject(&findings), Some("a"));
        findings.settle(false);
        assert_eq!(subject(&findings), None);
        findings.establish(identity("b"));
        findings.settle(true);
        findings.settle(false);
        assert_eq!(subject(&findings), Some("b"));
        assert!(findings.notes.is_empty());
    }

    #[test]
    fn the_last_one_counts_and_the_change_is_noted() {
        let mut findings = Findings::default();
        for one in ["a", "a", "b", "c"] {
            findings.establish(identity(one));
            findings.settle(true);
        }
        assert_eq!(subject(&findings), Some("c"));
        assert_eq!(findings.notes, [REPLACED.into()]);
    }

    #[test]
    fn notes_are_few_short_and_different() {
        let mut findings = Findings::default();
        for kind in ["a", "a", "A", "", "1a", "a b", "a-1", &"x".repeat(65)] {
            findings.note(kind);
        }
        assert_eq!(findings.notes, ["a".into(), "a-1".into()]);
        (0..20).for_each(|number| findings.note(&format!("note-{number}")));
        assert_eq!(findings.notes.len(), MOST_NOTES);
    }
}
