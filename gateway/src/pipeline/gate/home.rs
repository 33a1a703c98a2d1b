//! What the cells of one gate share.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use super::view::State;

/// Kinds of reasons that are told apart; all others count as `other`.
const MOST_KINDS: usize = 32;

/// What the cells of one gate share.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) plugin: Arc<str>,
    pub(super) name: Box<str>,
    pub(super) refused: AtomicU64,
    /// Exchanges for which there was no room for a cell.
    pub(super) unguarded: AtomicU64,
    moves: Mutex<BTreeMap<(State, Box<str>), u64>>,
}

impl Home {
    pub(super) fn new(plugin: &Arc<str>, name: &str) -> Self {
        Self {
            plugin: Arc::clone(plugin),
            name: name.into(),
            refused: AtomicU64::new(0),
            unguarded: AtomicU64::new(0),
            moves: Mutex::default(),
        }
    }

    /// Counts a move of a cell.
    pub(super) fn count(&self, to: State, kind: &str) {
        let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        let known = moves.contains_key(&(to, kind.into()));
        let kind = if known || moves.len() < MOST_KINDS {
            kind
        } else {
            "other"
        };
        *moves.entry((to, kind.into())).or_default() += 1;
    }

    pub(super) fn moves(&self) -> BTreeMap<(State, Box<str>), u64> {
        let moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        moves.clone()
    }
}
