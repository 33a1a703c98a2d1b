//! All secrets by name, and what becomes of them when `witgate.yaml` or a file changes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    content::Content,
    definition::{Definition, Places, Source},
};
use crate::{
    config::{problem::Problem, raw, span::Spanned},
    pipeline::sandbox::capabilities::named::{Named, Slot},
};

/// What a plugin keys with must not be guessed.
pub(super) const LEAST_BYTES: usize = 16;

/// All secrets of the gateway; one per process, shared by every worker.
#[derive(Debug)]
pub struct Secrets {
    named: Named<Content>,
    known: Mutex<BTreeMap<Arc<str>, Arc<Known>>>,
}

/// How one name is doing.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) definition: Mutex<Option<Definition>>,
    /// A plugin has opened it: it must not become shorter than [`LEAST_BYTES`].
    opened: AtomicBool,
    pub(super) reads: AtomicU64,
    pub(super) failures: AtomicU64,
    /// Of the last reading, if it failed and what was there before serves.
    pub(super) error: Mutex<Option<String>>,
}

/// What one reading found.
#[derive(Debug)]
#[must_use]
pub struct Read {
    pub problems: Vec<Problem>,
    /// Every secret has bytes, maybe those of before.
    pub complete: bool,
}

/// The gateway's own handle on one secret; it follows when the secret changes.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Slot<Content>>);

impl Handle {
    /// The bytes that serve; none when the secret is declared no more.
    pub fn content(&self) -> Option<Arc<Content>> {
        let live = self.0.live().clone();
        live.or_else(|| self.0.declared())
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self {
            named: Named::new("secret", "secrets"),
            known: Mutex::default(),
        }
    }
}

impl Secrets {
    /// Reads what `witgate.yaml` declares. Where bytes cannot be read, those of before stay in use. Call it before
    /// anything that opens secrets is compiled, and [`Self::commit`] or [`Self::withdraw`] afterwards.
    pub fn declare(
        &self,
        raw: &BTreeMap<String, Spanned<raw::Secret>>,
        file: &Arc<PathBuf>,
        base: &Path,
    ) -> Read {
        let mut found = Read {
            problems: Vec::new(),
            complete: true,
        };
        let mut all = Vec::with_capacity(raw.len());
        for (name, raw) in raw {
            let (definition, places) = match Definition::new(name, raw, file, base) {
                Ok(judged) => judged,
                Err(problem) => {
                    found.problems.push(problem);
                    found.complete = false;
                    continue;
                }
            };
            let name: Arc<str> = name.as_str().into();
            let before = self.named.find(&name).ok();
            let before = before.and_then(|slot| slot.live().clone());
            let known = self.known(&name);
            let content = known.read(&name, &definition, &places, file);
            let content = match content {
                Ok(content) => Some(content).filter(|it| before.as_deref() != Some(it)),
                Err(problem) => {
                    found.problems.push(*problem);
                    found.complete &= before.is_some();
                    None
                }
            };
            all.push((name, content.map(Arc::new)));
        }
        self.named.declare(all);
        found
    }

    /// What was declared last is live.
    pub fn commit(&self) {
        self.named.commit();
        self.lock().retain(|name, _| self.named.declares(name));
    }

    /// What was declared last was refused.
    pub fn withdraw(&self) {
        self.named.withdraw();
        self.lock().retain(|name, _| self.named.declares(name));
    }

    /// For the gateway's own use: an `http-clients` entry, say.
    ///
    /// # Errors
    /// What to write instead, when no secret that was declared last has this name.
    pub fn find(&self, name: &str) -> Result<Handle, String> {
        self.named.find(name).map(Handle)
    }

    /// For a plugin, who keys with it.
    pub(super) fn open(&self, name: &str) -> Result<Arc<Slot<Content>>, String> {
        let slot = self.named.find(name)?;
        let shortest = slot.declared().map_or(0, |content| content.shortest());
        if shortest < LEAST_BYTES {
            return Err(too_short(name, shortest));
        }
        let known = self.known(&slot.name);
        if !known.opened.load(Relaxed) {
            known.opened.store(true, Relaxed);
        }
        Ok(slot)
    }

    pub(in crate::pipeline::sandbox) fn declares(&self, name: &str) -> bool {
        self.named.declares(name)
    }

    /// What to watch.
    pub fn files(&self) -> Vec<PathBuf> {
        let known = self.lock();
        let definitions = known
            .values()
            .filter_map(|known| known.definition().clone());
        let sources = definitions.flat_map(|definition| definition.0);
        sources
            .filter_map(|source| match source {
                Source::File(path) => Some(path),
                Source::Env(_) => None,
            })
            .collect()
    }

    pub(super) fn all(&self) -> Vec<(Arc<Slot<Content>>, Arc<Known>)> {
        let all = self.named.all().into_iter();
        all.map(|slot| (Arc::clone(&slot), self.known(&slot.name)))
            .collect()
    }

    fn known(&self, name: &Arc<str>) -> Arc<Known> {
        let mut known = self.lock();
        Arc::clone(known.entry(Arc::clone(name)).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn read(
        &self,
        name: &str,
        definition: &Definition,
        places: &Places,
        file: &Arc<PathBuf>,
    ) -> Result<Content, Box<Problem>> {
        *self.definition() = Some(definition.clone());
        self.reads.fetch_add(1, Relaxed);
        let mut versions = Vec::with_capacity(places.len());
        for (source, place) in definition.0.iter().zip(places) {
            let version = source.read().and_then(|bytes| {
                if bytes.len() < LEAST_BYTES && self.opened.load(Relaxed) {
                    return Err(too_short(name, bytes.len()));
                }
                Ok(bytes)
            });
            match version {
                Ok(version) => versions.push(version),
                Err(error) => {
                    let message = format!("cannot take the secret `{name}` from {source}: {error}");
                    return Err(self.fail(Problem::error(file, *place, message)));
                }
            }
        }
        let content = Content::new(versions).ok_or_else(|| {
            let message = format!("no keys can be made of the secret `{name}`");
            let place = places.first().copied().unwrap_or_default();
            self.fail(Problem::error(file, place, message))
        })?;
        *self.error() = None;
        Ok(content)
    }

    fn fail(&self, problem: Problem) -> Box<Problem> {
        self.failures.fetch_add(1, Relaxed);
        *self.error() = Some(problem.message.clone());
        Box::new(problem)
    }

    pub(super) fn definition(&self) -> MutexGuard<'_, Option<Definition>> {
        self.definition
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn error(&self) -> MutexGuard<'_, Option<String>> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_short(name: &str, length: usize) -> String {
    format!(
        "the secret `{name}` has {length} bytes, too few for a key: write at least {LEAST_BYTES} random ones, as \
         `openssl rand -base64 32` makes them"
    )
}
