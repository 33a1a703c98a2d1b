//! What becomes of a change that has problems.
//!
//! At start any error refuses. Later, a file with errors keeps its last good version while the others go live; a
//! file whose errors come from another one is treated the same. When what is left is still not consistent, all
//! that ran before stays.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use super::{
    GatewayFile, Inputs, Snapshot, SnapshotCell, SourceFile, compile, compile::changed_plugins,
    unit::order,
};
use crate::{
    config::{
        problem::{Problem, Severity},
        raw::{self, RouteFile},
    },
    pipeline::limiter::Limiters,
    pipeline::sandbox::{Catalog, Kind, Name, Plugins, Shown},
};

/// What the loader found: of each file its content, or why it cannot be read.
#[derive(Debug)]
pub struct Loaded {
    pub gateway: Result<LoadedGateway, Vec<Problem>>,
    pub files: Vec<LoadedFile>,
    /// Problems of the folder. An error among these keeps everything as it is.
    pub problems: Vec<Problem>,
}

/// `witgate.yaml`, and what it names.
#[derive(Clone, Debug)]
pub struct LoadedGateway {
    pub file: GatewayFile,
    pub plugins: Arc<Plugins>,
    pub catalog: Arc<Catalog>,
    pub limiters: Arc<Limiters>,
}

/// One file of `routes.d`.
#[derive(Debug)]
pub struct LoadedFile {
    pub path: Arc<PathBuf>,
    /// The same allocation as the last time when the file did not change.
    pub raw: Result<Arc<RouteFile>, Vec<Problem>>,
}

/// What came of one reload.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Of the snapshot that is live now.
    pub generation: u64,
    /// Whether a new snapshot went live.
    pub swapped: bool,
    /// Errors and warnings, in the order of files and lines.
    pub problems: Vec<Problem>,
    /// Files of which an older version is live, or none if there was no good one yet.
    pub stale: BTreeSet<Arc<PathBuf>>,
    /// Descriptors and files whose new content some route cannot use, and why: the old one stays.
    pub refused: BTreeMap<Name, String>,
}

/// Makes snapshots live, one after the other. The control thread has it.
#[derive(Debug)]
pub struct Reloader {
    cell: SnapshotCell,
    /// What the live snapshot was compiled from.
    live: Inputs,
}

impl Reloader {
    /// # Errors
    /// Every problem of every file, when one of them is an error.
    pub fn start(loaded: Loaded) -> Result<(Self, Outcome), Vec<Problem>> {
        let mut problems = loaded.problems;
        let mut sources = Vec::new();
        for file in loaded.files {
            match file.raw {
                Ok(raw) => sources.push(SourceFile {
                    path: file.path,
                    raw,
                }),
                Err(bad) => problems.extend(bad),
            }
        }
        let gateway = loaded.gateway.map_err(|bad| problems.extend(bad));
        let Ok(gateway) = gateway else {
            return Err(problems);
        };
        sort(&mut sources);
        let live = gateway.with(sources);
        // Compiled even if a file cannot be read, so that all problems show at once.
        match compile(&live, None) {
            Ok(snapshot) if !has_errors(&problems) => {
                problems.extend(snapshot.warnings.iter().cloned());
                let outcome = Outcome {
                    generation: snapshot.generation,
                    swapped: true,
                    problems,
                    stale: BTreeSet::new(),
                    refused: BTreeMap::new(),
                };
                let cell = SnapshotCell::new(Arc::new(snapshot));
                Ok((Self { cell, live }, outcome))
            }
            Ok(_) => Err(problems),
            Err(more) => {
                problems.extend(more);
                Err(problems)
            }
        }
    }

    /// Where workers find the live snapshot.
    pub fn cell(&self) -> &SnapshotCell {
        &self.cell
    }

    /// `witgate.yaml` as it is live.
    pub fn gateway(&self) -> &Arc<raw::Gateway> {
        &self.live.gateway.raw
    }

    /// The descriptors that are live.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.live.catalog
    }

    /// Makes live what can be.
    pub fn reload(&mut self, loaded: Loaded) -> Outcome {
        let previous = self.cell.load();
        let blocked = has_errors(&loaded.problems);
        let mut attempt = Attempt::new(&self.live, loaded);
        let compiled = if blocked || attempt.is_as_live() {
            None
        } else {
            attempt.compile(&previous)
        };
        let Attempt {
            inputs,
            mut problems,
            stale,
            refused,
            ..
        } = attempt;
        let swapped = compiled.is_some();
        let snapshot = compiled.map_or(previous, Arc::new);
        if swapped {
            self.live = inputs;
            self.cell.swap(Arc::clone(&snapshot));
        }
        problems.extend(snapshot.warnings.iter().cloned());
        Outcome {
            generation: snapshot.generation,
            swapped,
            problems,
            stale,
            refused,
        }
    }
}

fn has_errors(problems: &[Problem]) -> bool {
    first_error(problems).is_some()
}

fn first_error(problems: &[Problem]) -> Option<&Problem> {
    let mut problems = problems.iter();
    problems.find(|it| it.severity == Severity::Error)
}

/// One reload, while files with errors are put back to what they were. Both lists of sources are in the order of
/// their paths.
struct Attempt<'a> {
    live: &'a Inputs,
    inputs: Inputs,
    problems: Vec<Problem>,
    stale: BTreeSet<Arc<PathBuf>>,
    refused: BTreeMap<Name, String>,
}

impl<'a> Attempt<'a> {
    fn new(live: &'a Inputs, loaded: Loaded) -> Self {
        let mut problems = loaded.problems;
        let mut stale = BTreeSet::new();
        let gateway = loaded.gateway.unwrap_or_else(|found| {
            problems.extend(found);
            stale.insert(Arc::clone(&live.gateway.path));
            LoadedGateway {
                file: live.gateway.clone(),
                plugins: Arc::clone(&live.plugins),
                catalog: Arc::clone(&live.catalog),
                limiters: Arc::clone(&live.limiters),
            }
        });
        let mut sources = Vec::with_capacity(loaded.files.len());
        for LoadedFile { path, raw } in loaded.files {
            match raw {
                Ok(raw) => sources.push(SourceFile { path, raw }),
                Err(found) => {
                    problems.extend(found);
                    let good = find(&live.sources, &path);
                    sources.extend(good.map(|n| live.sources[n].clone()));
                    stale.insert(path);
                }
            }
        }
        sort(&mut sources);
        Self {
            live,
            inputs: gateway.with(sources),
            problems,
            stale,
            refused: BTreeMap::new(),
        }
    }

    /// None when nothing but the live inputs is consistent.
    fn compile(&mut self, previous: &Arc<Snapshot>) -> Option<Snapshot> {
        loop {
            let problems = match compile(&self.inputs, Some(previous)) {
                Ok(snapshot) => return Some(snapshot),
                Err(problems) => problems,
            };
            let concerned: BTreeSet<Arc<PathBuf>> = problems
                .iter()
                .flat_map(|it| [Some(&it.file), it.related.as_ref().map(|it| &it.0)])
                .flatten()
                .cloned()
                .collect();
            let reason = first_error(&problems).cloned();
            self.problems.extend(problems);
            let changed: Vec<_> = concerned
                .into_iter()
                .filter(|path| self.put_back(path))
                .collect();
            let moved = !changed.is_empty()
                || self.put_back_catalog(previous, reason.as_ref())
                || self.put_back_gateway();
            if !moved {
                self.give_up();
                return None;
            }
            if self.is_as_live() {
                return None;
            }
        }
    }

    /// Puts the live version of a file in the place of the one that was tried. False if it is there already.
    fn put_back(&mut self, path: &Arc<PathBuf>) -> bool {
        if *path == self.inputs.gateway.path {
            return self.put_back_gateway();
        }
        let good = find(&self.live.sources, path).map(|n| &self.live.sources[n]);
        let sources = &mut self.inputs.sources;
        match (good, find(sources, path)) {
            (Ok(good), Ok(n)) if Arc::ptr_eq(&good.raw, &sources[n].raw) => return false,
            (Ok(good), Ok(n)) => sources[n] = good.clone(),
            (Ok(good), Err(n)) => sources.insert(n, good.clone()),
            (Err(_), Ok(n)) => drop(sources.remove(n)),
            (Err(_), Err(_)) => return false,
        }
        self.stale.insert(Arc::clone(path));
        true
    }

    /// Puts back the descriptors and files that some route cannot use. Several are tried one by one, since nothing else tells
    /// which these are. False if all are as they are live.
    fn put_back_catalog(&mut self, previous: &Arc<Snapshot>, reason: Option<&Problem>) -> bool {
        let tried = Arc::clone(&self.inputs.catalog);
        let changed = tried.differences(&self.live.catalog);
        self.inputs.catalog = Arc::clone(&self.live.catalog);
        if let [name] = Vec::from_iter(&changed)[..] {
            self.refuse(name, reason);
        } else {
            for name in &changed {
                let good = Arc::clone(&self.inputs.catalog);
                self.inputs.catalog = Arc::new(good.with(name, &tried));
                if let Err(problems) = compile(&self.inputs, Some(previous)) {
                    self.inputs.catalog = good;
                    self.refuse(name, first_error(&problems));
                }
            }
        }
        !changed.is_empty()
    }

    fn refuse(&mut self, name: &Name, reason: Option<&Problem>) {
        let raw = &self.inputs.gateway.raw;
        let span = match name {
            (Kind::Descriptors, name) => raw.descriptors.get(&**name).map(|it| it.span),
            (Kind::File, name) => raw.files.get(&**name).map(|it| it.span),
        };
        let span = span.unwrap_or_default();
        let message = format!("the new content of {} breaks a route", Shown(name));
        let problem = Problem::error(&self.inputs.gateway.path, span, message)
            .hint("what was there before stays in use");
        let (problem, why) = match reason {
            Some(it) => (
                problem.related(&it.file, it.span, "here it is used"),
                format!("{}:{}: {}", it.file.display(), it.span.line, it.message),
            ),
            None => (problem, String::from("a route cannot use it")),
        };
        self.problems.push(problem);
        self.refused.insert(name.clone(), why);
    }

    fn put_back_gateway(&mut self) -> bool {
        let same = self.has_live_gateway();
        if !same {
            self.inputs.gateway = self.live.gateway.clone();
            self.inputs.plugins = Arc::clone(&self.live.plugins);
            self.inputs.catalog = Arc::clone(&self.live.catalog);
            self.inputs.limiters = Arc::clone(&self.live.limiters);
            self.stale.insert(Arc::clone(&self.live.gateway.path));
        }
        !same
    }

    /// Nothing that was changed goes live.
    fn give_up(&mut self) {
        let is_live = |tried: &&SourceFile| {
            let good = find(&self.live.sources, &tried.path);
            good.is_ok_and(|n| Arc::ptr_eq(&self.live.sources[n].raw, &tried.raw))
        };
        let tried = self.inputs.sources.iter();
        let changed = tried.filter(|tried| !is_live(tried));
        self.stale
            .extend(changed.map(|tried| Arc::clone(&tried.path)));
    }

    fn has_live_gateway(&self) -> bool {
        Arc::ptr_eq(&self.inputs.gateway.raw, &self.live.gateway.raw)
            && changed_plugins(&self.inputs.plugins, &self.live.plugins).is_empty()
    }

    /// Whether there is nothing to compile.
    fn is_as_live(&self) -> bool {
        let same = |(tried, live): (&SourceFile, &SourceFile)| {
            Arc::ptr_eq(&tried.raw, &live.raw) && order(&tried.path, &live.path).is_eq()
        };
        let (tried, live) = (&self.inputs.sources, &self.live.sources);
        self.has_live_gateway()
            && (self.inputs.catalog.differences(&self.live.catalog)).is_empty()
            && tried.len() == live.len()
            && tried.iter().zip(live).all(same)
    }
}

impl LoadedGateway {
    fn with(self, sources: Vec<SourceFile>) -> Inputs {
        Inputs {
            gateway: self.file,
            plugins: self.plugins,
            catalog: self.catalog,
            limiters: self.limiters,
            sources,
        }
    }
}

fn sort(sources: &mut [SourceFile]) {
    sources.sort_by(|a, b| order(&a.path, &b.path));
}

/// Where a file is among sorted ones, or would be.
fn find(sources: &[SourceFile], path: &Arc<PathBuf>) -> Result<usize, usize> {
    sources.binary_search_by(|source| order(&source.path, path))
}
