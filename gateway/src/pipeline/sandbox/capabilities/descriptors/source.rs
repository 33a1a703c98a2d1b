//! One name: where its content comes from, and the last good one.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{
    super::catalog::{Content, Entry},
    definition::{Definition, Origin},
    read::{self, Flaw, Input},
};

/// One name in one definition.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) definition: Definition,
    state: Mutex<State>,
    /// How many readings or fetches have ended, well or not.
    pub(super) rounds: watch::Sender<u64>,
    pub(super) fetches: AtomicU64,
    pub(super) failures: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The last good content.
    pub(super) content: Option<Arc<Content>>,
    /// When that was last confirmed.
    pub(super) confirmed: Option<Instant>,
    /// What was wrong the last time.
    pub(super) flaw: Option<Flaw>,
    /// What the content was made of.
    pub(super) inputs: Vec<Input>,
    /// When the next fetch begins.
    pub(super) next: Option<Instant>,
}

impl Source {
    pub(super) fn new(definition: Definition) -> Self {
        Self {
            definition,
            state: Mutex::default(),
            rounds: watch::Sender::new(0),
            fetches: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    pub(super) fn is_remote(&self) -> bool {
        matches!(self.definition.origin, Origin::Reflection { .. })
    }

    /// Until a server has answered, what its name stood for before stays, unless something else is pinned.
    pub(super) fn inherit(&self, before: &Self) {
        let content = before.state().content.clone();
        let pinned = |it: &Arc<Content>| self.definition.mispinned(it.digest()).is_none();
        if self.is_remote() {
            self.state().content = content.filter(pinned);
        }
    }

    /// Reads files, if they are not those that were read before.
    pub(super) fn read(&self) {
        let unchanged = {
            let state = self.state();
            !state.inputs.is_empty() && state.inputs.iter().all(Input::is_same)
        };
        if unchanged {
            return;
        }
        let (inputs, content) = match &self.definition.origin {
            Origin::Set(path) => read::set(path),
            Origin::Proto { files, include } => read::proto(files, include),
            Origin::Reflection { .. } => return,
        };
        self.take(content);
        self.state().inputs = inputs;
    }

    /// A reading or a fetch has ended. True if the content is another than before.
    pub(super) fn take(&self, content: Result<Vec<u8>, Flaw>) -> bool {
        let content = content.map(Content::new).and_then(|schema| {
            match self.definition.mispinned(schema.digest()) {
                Some(flaw) => Err(flaw),
                None => Ok(schema),
            }
        });
        self.fetches.fetch_add(1, Relaxed);
        let mut state = self.state();
        let changed = match content {
            Ok(schema) => {
                state.confirmed = Some(Instant::now());
                state.flaw = None;
                let known = state.content.as_ref();
                let changed = known.is_none_or(|known| known.digest() != schema.digest());
                if changed {
                    state.content = Some(Arc::new(schema));
                }
                changed
            }
            Err(flaw) => {
                self.failures.fetch_add(1, Relaxed);
                state.flaw = Some(flaw);
                false
            }
        };
        drop(state);
        self.rounds.send_modify(|rounds| *rounds += 1);
        changed
    }

    pub(super) fn set_next(&self, next: Duration) {
        self.state().next = Instant::now().checked_add(next);
    }

    /// What it stands for now. None for files that never had a good content.
    pub(super) fn entry(&self) -> Option<Entry> {
        let state = self.state();
        if let Some(content) = &state.content {
            return Some(Entry::Ready(Arc::clone(content)));
        }
        let why = match &state.flaw {
            Some(flaw) => flaw.message.as_str(),
            None => "the server has not answered yet",
        };
        self.is_remote().then(|| Entry::Awaited(why.into()))
    }

    pub(super) fn inputs(&self) -> Vec<PathBuf> {
        let state = self.state();
        state
            .inputs
            .iter()
            .map(|input| input.path.clone())
            .collect()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
