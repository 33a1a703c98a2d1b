//! All names, and what becomes of them when `witgate.yaml`, a file or a server changes.

use std::{
    collections::BTreeMap,
    mem,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{runtime::Handle, sync::Notify};

use super::{
    super::catalog::{Catalog, Entry, Kind, Name},
    definition::{Definition, Written},
    schedule,
    source::Source,
};
use crate::config::{
    problem::Problem,
    raw::{self, ShortOr},
    span::Spanned,
};

/// All descriptors of the gateway; one per process, on its control side. Workers see only [`Catalog`]s.
#[derive(Debug, Default)]
pub struct Descriptors {
    names: Mutex<Names>,
    /// A server has described itself otherwise than before.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Names {
    /// Of the configuration that is live.
    live: BTreeMap<Arc<str>, Arc<Source>>,
    /// Of the one that was read last, until it is live or refused.
    tried: BTreeMap<Arc<str>, Arc<Source>>,
    catalog: Arc<Catalog>,
    refused: BTreeMap<Arc<str>, String>,
}

impl Names {
    fn serves(&self, name: &Arc<str>) -> Option<&Entry> {
        self.catalog.get(&(Kind::Descriptors, Arc::clone(name)))
    }
}

/// What one reading found.
#[derive(Debug)]
pub struct Found {
    /// None: a name has no content that could be used.
    pub catalog: Option<Arc<Catalog>>,
    /// Of names whose last good content stays, too.
    pub problems: Vec<Problem>,
    /// The texts of `.proto` files that have problems.
    pub texts: Vec<(Arc<PathBuf>, Arc<str>)>,
}

impl Descriptors {
    /// Reads what `witgate.yaml` declares: sources whose definition did not change are kept, files are read again if
    /// they changed, and servers are asked on `control`; without it they are not (see [`Self::ask_once`]).
    ///
    /// Call it before the chains are compiled, and [`Self::commit`] or [`Self::withdraw`] afterwards.
    pub fn declare(
        &self,
        raw: &BTreeMap<String, Spanned<ShortOr<raw::Descriptors>>>,
        file: &Arc<PathBuf>,
        base: &Path,
        control: Option<&Handle>,
    ) -> Found {
        let before = self.lock().live.clone();
        let mut tried = BTreeMap::new();
        let mut entries = Some(Vec::with_capacity(raw.len()));
        let mut found = Found {
            catalog: None,
            problems: Vec::new(),
            texts: Vec::new(),
        };
        for (name, raw) in raw {
            let (source, written) = match self.source(name, raw, file, base, &before, control) {
                Ok(source) => source,
                Err(problem) => {
                    found.problems.push(problem);
                    entries = None;
                    continue;
                }
            };
            let entry = found.look(name, &source, &written);
            let name: Arc<str> = name.as_str().into();
            match (&mut entries, entry) {
                (Some(entries), Some(entry)) => {
                    entries.push(((Kind::Descriptors, Arc::clone(&name)), entry));
                }
                _ => entries = None,
            }
            tried.insert(name, source);
        }
        found.catalog = entries.map(|entries| Arc::new(entries.into_iter().collect()));
        self.lock().tried = tried;
        found
    }

    fn source(
        &self,
        name: &str,
        raw: &Spanned<ShortOr<raw::Descriptors>>,
        file: &Arc<PathBuf>,
        base: &Path,
        before: &BTreeMap<Arc<str>, Arc<Source>>,
        control: Option<&Handle>,
    ) -> Result<(Arc<Source>, Written), Problem> {
        let (definition, written) = Definition::new(raw, file, base)?;
        let known = before.get(name).filter(|it| it.definition == definition);
        if let Some(known) = known {
            known.read();
            return Ok((Arc::clone(known), written));
        }
        let source = Arc::new(Source::new(definition));
        source.read();
        if let Some(before) = before.get(name) {
            source.inherit(before);
        }
        if let (Some(control), true) = (control, source.is_remote()) {
            let changed = Arc::clone(&self.changed);
            let fresh = schedule::keep_fresh(name.to_owned(), Arc::downgrade(&source), changed);
            control.spawn(fresh);
        }
        Ok((source, written))
    }

    /// The configuration that was read last is live, with this catalog; some content was refused, and why.
    pub fn commit(&self, catalog: &Arc<Catalog>, refused: &BTreeMap<Name, String>) {
        let mut names = self.lock();
        names.live = mem::take(&mut names.tried);
        names.catalog = Arc::clone(catalog);
        let refused = refused.iter();
        names.refused = refused
            .filter(|((kind, _), _)| *kind == Kind::Descriptors)
            .map(|((_, name), why)| (Arc::clone(name), why.clone()))
            .collect();
    }

    /// The configuration that was read last was refused: all is as before.
    pub fn withdraw(&self) {
        self.lock().tried.clear();
    }

    /// What to watch: files that were read, and places where they were looked for.
    pub fn files(&self) -> Vec<PathBuf> {
        let names = self.lock();
        let sources = names.live.values().chain(names.tried.values());
        sources.flat_map(|source| source.inputs()).collect()
    }

    /// Waits until a server describes itself otherwise than before. Cancel safe.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether a server has described itself otherwise than what was tried last.
    pub fn awaits_use(&self) -> bool {
        let names = self.lock();
        let mut live = names.live.iter().filter(|(_, source)| source.is_remote());
        live.any(|(name, source)| match source.entry() {
            Some(Entry::Ready(newest)) => match names.serves(name) {
                Some(Entry::Ready(serves)) => serves.digest() != newest.digest(),
                _ => true,
            },
            _ => false,
        })
    }

    /// Waits until every server that was declared last has answered or failed once, but no longer than this.
    pub async fn first_answers(&self, longest: Duration) {
        let sources: Vec<_> = self.lock().live.values().cloned().collect();
        let answers = sources.iter().filter(|source| source.is_remote());
        let answers = answers.map(|source| async move {
            // An error means that nobody asks any more.
            let _ = source.rounds.subscribe().wait_for(|it| *it > 0).await;
        });
        let _ = tokio::time::timeout(longest, join_all(answers)).await;
    }

    /// Asks every server that was declared last, once: for who does not run the gateway, but wants to know. True if
    /// there was one, and the next declaration finds what it said.
    pub fn ask_once(&self) -> bool {
        let all: Vec<_> = self.lock().tried.values().cloned().collect();
        let servers: Vec<_> = all.iter().filter(|source| source.is_remote()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else { return false };
        runtime.block_on(join_all(
            servers.iter().map(|source| schedule::fetch_once(source)),
        ));
        let mut names = self.lock();
        names.live = mem::take(&mut names.tried);
        !servers.is_empty()
    }

    /// What is live, what it is made of, and why something else is not live.
    pub(super) fn all(&self) -> Vec<Known> {
        let names = self.lock();
        let known = |(name, source): (&Arc<str>, &Arc<Source>)| Known {
            name: Arc::clone(name),
            source: Arc::clone(source),
            live: match names.serves(name) {
                Some(Entry::Ready(schema)) => Some(schema.digest().to_owned()),
                _ => None,
            },
            refused: names.refused.get(name).cloned(),
        };
        names.live.iter().map(known).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One name, as it is now.
pub(super) struct Known {
    pub(super) name: Arc<str>,
    pub(super) source: Arc<Source>,
    /// The digest of what serves.
    pub(super) live: Option<String>,
    /// Why the newest content does not serve.
    pub(super) refused: Option<String>,
}

impl Found {
    /// What a source stands for; what is wrong with its files is a problem.
    fn look(&mut self, name: &str, source: &Source, written: &Written) -> Option<Entry> {
        let flaw = source.state().flaw.clone();
        // A server that does not answer is none of the configuration's faults.
        if let Some(flaw) = flaw.filter(|flaw| !source.is_remote() || flaw.is_of_pin) {
            let problem = flaw.problem(name, &written.file, written.place(&flaw));
            self.problems.push(problem);
            let text = flaw.place.map(|place| (place.file, place.text));
            self.texts.extend(text);
        }
        source.entry()
    }
}
