//! When all that was decided before is to be decided anew.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Advances after every change of what plugins rely on and do not ask for each time: the keys of a key set, and all that
/// `witgate.yaml` declares.
#[derive(Clone, Debug, Default)]
pub(in crate::pipeline::sandbox) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    /// The change is there already: who sees the new epoch sees it too.
    pub(in crate::pipeline::sandbox) fn advance(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    pub(in crate::pipeline::sandbox) fn current(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}
