//! All files by name, and what becomes of them when one or `witgate.yaml` changes.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    mem,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use crate::{
    config::{problem::Problem, span::Spanned},
    pipeline::sandbox::{
        capabilities::catalog::{Catalog, Content, Entry, Kind, Name},
        stamp::Stamp,
    },
};

/// What is longer is no table that a plugin reads at once.
const MOST_BYTES: u64 = 4 << 20;

/// All files that plugins may name; one per process, on its control side. Workers see only [`Catalog`]s.
#[derive(Debug, Default)]
pub struct Files {
    names: Mutex<Names>,
}

#[derive(Debug, Default)]
struct Names {
    /// Of the configuration that is live.
    live: BTreeMap<Arc<str>, Arc<Mutex<Source>>>,
    /// Of the one that was read last, until it is live or refused.
    tried: BTreeMap<Arc<str>, Arc<Mutex<Source>>>,
    /// Why the newest content of a file does not serve.
    refused: BTreeMap<Arc<str>, String>,
}

/// One file.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Of the content; none: it has to be read to know that it is the same.
    stamp: Option<Stamp>,
    /// The last that could be read.
    pub(super) content: Option<Arc<Content>>,
    /// Of the last reading, if it failed.
    pub(super) error: Option<String>,
    pub(super) reads: u64,
    pub(super) failures: u64,
}

/// What one reading found.
#[derive(Debug)]
pub struct FilesFound {
    /// None: a file has no content that could be used.
    pub catalog: Option<Catalog>,
    /// Of files whose last content stays, too.
    pub problems: Vec<Problem>,
}

impl Files {
    /// Reads what `witgate.yaml` declares, where it has changed; what cannot be read stays what it was.
    ///
    /// Call it before the chains are compiled, and [`Self::commit`] or [`Self::withdraw`] afterwards.
    pub fn declare(
        &self,
        raw: &BTreeMap<String, Spanned<PathBuf>>,
        file: &Arc<PathBuf>,
        base: &Path,
    ) -> FilesFound {
        let before = self.lock().live.clone();
        let mut tried = BTreeMap::new();
        let mut entries = Some(Vec::with_capacity(raw.len()));
        let mut problems = Vec::new();
        for (name, path) in raw {
            let at = base.join(&path.value);
            let known = before.get(name.as_str()).filter(|it| lock(it).path == at);
            let source = known.cloned().unwrap_or_else(|| Source::new(at));
            let name: Arc<str> = name.as_str().into();
            let mut state = lock(&source);
            state.read();
            if let Some(error) = &state.error {
                let at = state.path.display();
                let message = format!("cannot take the file `{name}` from {at}: {error}");
                problems.push(Problem::error(file, path.span, message));
            }
            match (&mut entries, &state.content) {
                (Some(entries), Some(content)) => {
                    let entry = Entry::Ready(Arc::clone(content));
                    entries.push(((Kind::File, Arc::clone(&name)), entry));
                }
                _ => entries = None,
            }
            drop(state);
            tried.insert(name, source);
        }
        self.lock().tried = tried;
        FilesFound {
            catalog: entries.map(|entries| entries.into_iter().collect()),
            problems,
        }
    }

    /// The configuration that was read last is live; some content was refused, and why.
    pub fn commit(&self, refused: &BTreeMap<Name, String>) {
        let mut names = self.lock();
        names.live = mem::take(&mut names.tried);
        let refused = refused.iter();
        names.refused = refused
            .filter(|((kind, _), _)| *kind == Kind::File)
            .map(|((_, name), why)| (Arc::clone(name), why.clone()))
            .collect();
    }

    /// The configuration that was read last was refused: all is as before.
    pub fn withdraw(&self) {
        self.lock().tried.clear();
    }

    /// What to watch, whether it is there or not.
    pub fn files(&self) -> Vec<PathBuf> {
        let names = self.lock();
        let sources = names.live.values().chain(names.tried.values());
        sources.map(|source| lock(source).path.clone()).collect()
    }

    /// What is live, and why newer content is not.
    pub(super) fn all(&self) -> Vec<(Arc<str>, Source, Option<String>)> {
        let names = self.lock();
        let live = names.live.iter();
        live.map(|(name, source)| {
            let refused = names.refused.get(name).cloned();
            (Arc::clone(name), lock(source).clone(), refused)
        })
        .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Names> {
        lock(&self.names)
    }
}

impl Source {
    fn new(path: PathBuf) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            path,
            ..Self::default()
        }))
    }

    fn read(&mut self) {
        // Before the content, so that a change in between shows the next time.
        let metadata = fs::metadata(&self.path);
        let stamp = metadata.ok();
        let stamp = stamp.and_then(|metadata| Stamp::new(&metadata, SystemTime::now()));
        let is_same = stamp.is_some() && stamp == self.stamp && self.error.is_none();
        if is_same {
            return;
        }
        self.reads += 1;
        match read(&self.path) {
            Ok(bytes) => {
                let content = Content::new(bytes);
                if self.content.as_deref() != Some(&content) {
                    self.content = Some(Arc::new(content));
                }
                self.stamp = stamp;
                self.error = None;
            }
            Err(error) => {
                self.failures += 1;
                self.error = Some(error);
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(String::from("it is longer than 4 MiB"));
    }
    Ok(bytes)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
