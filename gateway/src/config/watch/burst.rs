//! Events that belong together, and what they are about.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    time::{Duration, Instant},
};

/// A burst is over when nothing happened for this long.
pub(super) const QUIET: Duration = Duration::from_millis(50);
/// The same for one file that was put in its place by a rename while all was quiet: it is whole, so only others that
/// belong to it are waited for.
const QUIET_AFTER_RENAME: Duration = Duration::from_millis(2);
/// A burst that does not end is signalled all the same.
pub(super) const LONGEST: Duration = Duration::from_millis(500);

/// What may be other than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Nothing but these files of the folder of route files, by name.
    Routes(BTreeSet<OsString>),
    /// Whatever there is.
    Anything,
}

impl Changed {
    pub(super) fn route(name: OsString) -> Self {
        Self::Routes(BTreeSet::from([name]))
    }

    pub(super) fn extend(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Routes(names), Self::Routes(more)) => names.extend(more),
            _ => *self = Self::Anything,
        }
    }

    fn is_one_route(&self) -> bool {
        matches!(self, Self::Routes(names) if names.len() == 1)
    }
}

/// Events that belong together.
#[derive(Debug)]
pub(super) struct Burst {
    first: Instant,
    last: Instant,
    changed: Changed,
    /// Whether nothing happened but that one file was replaced.
    lone: bool,
}

impl Burst {
    /// `replaced` says that a rename began it, `before` when the last one was over.
    pub(super) fn new(changed: Changed, replaced: bool, before: Option<Instant>) -> Self {
        let now = Instant::now();
        let quiet = before.is_none_or(|before| now.duration_since(before) >= QUIET);
        Self {
            first: now,
            last: now,
            lone: replaced && quiet && changed.is_one_route(),
            changed,
        }
    }

    pub(super) fn extend(&mut self, changed: Changed, replaced: bool) {
        self.last = Instant::now();
        self.changed.extend(changed);
        self.lone &= replaced && self.changed.is_one_route();
    }

    pub(super) fn changed(self) -> Changed {
        self.changed
    }

    pub(super) fn is_over(&self) -> bool {
        self.patience().is_zero()
    }

    /// How long until it is over if nothing more happens.
    pub(super) fn patience(&self) -> Duration {
        let quiet = if self.lone { QUIET_AFTER_RENAME } else { QUIET };
        quiet
            .saturating_sub(self.last.elapsed())
            .min(LONGEST.saturating_sub(self.first.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lone_rename_is_quick() {
        let one = || Changed::route("a.yaml".into());
        let mut burst = Burst::new(one(), true, None);
        burst.extend(one(), true);
        assert!(burst.patience() <= QUIET_AFTER_RENAME);
        burst.extend(Changed::route("b.yaml".into()), true);
        assert!(burst.patience() > QUIET_AFTER_RENAME);
        // Another file may follow as the second of several did.
        let next = Burst::new(one(), true, Some(Instant::now()));
        assert!(next.patience() > QUIET_AFTER_RENAME);
        let written = Burst::new(one(), false, None);
        assert!(written.patience() > QUIET_AFTER_RENAME);
        let other = Burst::new(Changed::Anything, true, None);
        assert!(other.patience() > QUIET_AFTER_RENAME);
    }

    #[test]
    fn anything_stays_anything() {
        let mut changed = Changed::route("a.yaml".into());
        changed.extend(Changed::Anything);
        changed.extend(Changed::route("b.yaml".into()));
        assert_eq!(changed, Changed::Anything);
    }
}
