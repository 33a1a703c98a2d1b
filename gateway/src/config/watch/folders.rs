//! Which folders to watch for a set of files, and what in them is of interest.

use std::{
    collections::{HashMap, HashSet},
    ffi::{OsStr, OsString},
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::Changed;
use crate::config::load::is_route_file;

/// What is to be watched, as absolute paths.
pub(super) struct Targets {
    pub(super) config: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) extra: Vec<PathBuf>,
}

/// The folders that are watched.
pub(super) struct Folders {
    watcher: notify::Result<RecommendedWatcher>,
    targets: Targets,
    /// By their real paths: the kernel knows a folder once, however many links lead to it.
    watched: HashMap<PathBuf, Watched>,
    /// Folders as they were named, and which folder it was when they were last looked at.
    named: Vec<(PathBuf, Option<Identity>)>,
}

struct Watched {
    identity: Identity,
    interest: Interest,
    /// The kernel refused, if not.
    ok: bool,
}

/// What in a folder is of interest.
#[derive(Default)]
struct Interest {
    names: HashSet<OsString>,
    route_files: bool,
}

/// Device and inode.
type Identity = (u64, u64);

impl Folders {
    pub(super) fn new(watcher: notify::Result<RecommendedWatcher>, targets: Targets) -> Self {
        if let Err(error) = &watcher {
            tracing::warn!(%error, "files cannot be watched; changes are seen late");
        }
        Self {
            watcher,
            targets,
            watched: HashMap::new(),
            named: Vec::new(),
        }
    }

    pub(super) fn targets_mut(&mut self) -> &mut Targets {
        &mut self.targets
    }

    /// Watches what the targets need now, and nothing else.
    pub(super) fn update(&mut self) {
        let mut wanted: HashMap<PathBuf, Interest> = HashMap::new();
        self.named.clear();
        let files = [&self.targets.config, &self.targets.folder];
        for file in files.into_iter().chain(&self.targets.extra) {
            want(&mut wanted, &mut self.named, file);
            // Where a link leads, the file may be written in place.
            if let Ok(real) = fs::canonicalize(file)
                && real != *file
            {
                want(&mut wanted, &mut self.named, &real);
            }
        }
        self.named
            .push((self.targets.folder.clone(), identity(&self.targets.folder)));
        if let Ok(real) = fs::canonicalize(&self.targets.folder) {
            wanted.entry(real).or_default().route_files = true;
        }
        self.apply(wanted);
    }

    fn apply(&mut self, wanted: HashMap<PathBuf, Interest>) {
        let before = std::mem::take(&mut self.watched);
        let mut kept = HashMap::new();
        for (folder, watched) in before {
            if watched.ok
                && wanted.contains_key(&folder)
                && identity(&folder) == Some(watched.identity)
            {
                kept.insert(folder, watched);
            } else if let Ok(watcher) = &mut self.watcher {
                // It fails for folders that are gone, and their watches with them.
                let _ = watcher.unwatch(&folder);
            }
        }
        for (folder, interest) in wanted {
            if let Some(mut watched) = kept.remove(&folder) {
                watched.interest = interest;
                self.watched.insert(folder, watched);
            } else if let Some(identity) = identity(&folder) {
                let ok = self.watch(&folder);
                let watched = Watched {
                    identity,
                    interest,
                    ok,
                };
                self.watched.insert(folder, watched);
            }
        }
    }

    fn watch(&mut self, folder: &Path) -> bool {
        let Ok(watcher) = &mut self.watcher else {
            return false;
        };
        match watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "the folder cannot be watched; changes are seen late");
                false
            }
        }
    }

    /// What an event at this path may have changed that is of interest.
    pub(super) fn concern(&self, path: &Path) -> Option<Changed> {
        if self.watched.contains_key(path) {
            return Some(Changed::Anything);
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Some(Changed::Anything);
        };
        self.watched.get(folder)?.interest.covers(name)
    }

    /// Whether a folder is no longer the one that is watched for its path.
    pub(super) fn have_moved(&self) -> bool {
        self.named
            .iter()
            .any(|(folder, known)| identity(folder) != *known)
    }

    /// Whether a folder is there that no event will come from.
    pub(super) fn are_unwatched(&self) -> bool {
        self.watched.values().any(|watched| !watched.ok)
    }
}

impl Interest {
    fn covers(&self, name: &OsStr) -> Option<Changed> {
        // Kubernetes swaps the link `..data`, through which all files of a mount lead.
        if name.as_bytes().starts_with(b"..") || self.names.contains(name) {
            return Some(Changed::Anything);
        }
        (self.route_files && is_route_file(name)).then(|| Changed::route(name.into()))
    }
}

fn want(
    wanted: &mut HashMap<PathBuf, Interest>,
    named: &mut Vec<(PathBuf, Option<Identity>)>,
    file: &Path,
) {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return;
    };
    if named.iter().all(|(known, _)| known != folder) {
        named.push((folder.into(), identity(folder)));
    }
    if let Ok(real) = fs::canonicalize(folder) {
        wanted.entry(real).or_default().names.insert(name.into());
    }
}

fn identity(folder: &Path) -> Option<Identity> {
    let data = fs::metadata(folder).ok()?;
    Some((data.dev(), data.ino()))
}
