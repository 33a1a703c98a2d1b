//! Reads `witgate.yaml` and the route files: which files there are, and which of them changed.
//!
//! A file that did not change keeps its very [`Arc`], so that pointer equality tells the compiler what it need not
//! look at again, and one changed file among thousands costs their stat and its own reading.

use std::{
    cmp::Ordering,
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    problem::{Problem, Severity, Texts},
    raw,
    span::Span,
};

mod folder;
mod source;
mod stamp;

pub use folder::compare_paths;
pub(super) use folder::is_route_file;
pub use source::Source;
use stamp::Stamp;

/// The folder of route files unless `witgate.yaml` names another.
const DEFAULT_FOLDER: &str = "routes.d";

/// All files of one configuration, as they were when it was loaded. It may have problems.
#[derive(Debug)]
pub struct Loaded {
    /// `witgate.yaml`
    pub gateway: Arc<Source<raw::Gateway>>,
    /// The folder of route files.
    pub folder: PathBuf,
    /// The route files in the order of their paths.
    pub routes: Vec<Arc<Source<raw::RouteFile>>>,
    /// Problems of the folder itself.
    pub folder_problems: Vec<Problem>,
    /// The texts of other files that have problems.
    pub others: Vec<(Arc<PathBuf>, Arc<str>)>,
    gateway_stamp: Option<Stamp>,
    route_stamps: Vec<Option<Stamp>>,
}

impl Loaded {
    /// Every problem, file by file.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        let routes = self.routes.iter().flat_map(|source| &source.problems);
        self.gateway
            .problems
            .iter()
            .chain(&self.folder_problems)
            .chain(routes)
    }

    /// Whether nothing keeps this configuration from being compiled.
    pub fn is_good(&self) -> bool {
        self.problems()
            .all(|problem| problem.severity != Severity::Error)
    }

    /// The folder that relative paths in the files begin at: that of `witgate.yaml`.
    pub fn base(&self) -> &Path {
        parent(&self.gateway.path)
    }
}

impl Loaded {
    /// The route file of this name in the folder.
    pub fn route_file(&self, name: &OsStr) -> Option<&Source<raw::RouteFile>> {
        let index = self.place(&self.folder.join(name)).ok()?;
        Some(&self.routes[index])
    }

    /// Where a route file is, or where it would be.
    fn place(&self, path: &Path) -> Result<usize, usize> {
        self.routes
            .binary_search_by(|source| compare_paths(&source.path, path))
    }

    /// Reads one route file again, which may be new, or gone.
    fn refresh(&mut self, name: &OsStr) {
        let path = self.folder.join(name);
        let place = self.place(&path);
        if !folder::has(&path) {
            if let Ok(index) = place {
                self.routes.remove(index);
                self.route_stamps.remove(index);
            }
            return;
        }
        // The stamp is not asked: the file may have changed within a step of the clock.
        let known = place.ok().map(|index| (&self.routes[index], None));
        let (source, stamp) = read(&path, known);
        match place {
            Ok(index) => {
                self.routes[index] = source;
                self.route_stamps[index] = stamp;
            }
            Err(index) => {
                self.routes.insert(index, source);
                self.route_stamps.insert(index, stamp);
            }
        }
    }
}

impl Texts for Loaded {
    fn text(&self, file: &Path) -> Option<&str> {
        if *file == **self.gateway.path {
            return Some(&self.gateway.text);
        }
        let found = self
            .routes
            .binary_search_by(|source| compare_paths(&source.path, file));
        if let Ok(index) = found {
            return Some(&self.routes[index].text);
        }
        let mut others = self.others.iter();
        let (_, text) = others.find(|(path, _)| ***path == *file)?;
        Some(text)
    }
}

/// Loads `witgate.yaml` at this path and the route files that belong to it. Paths in problems are as this one is:
/// relative if it is relative.
pub fn load(config: &Path, previous: Option<&Loaded>) -> Loaded {
    let known = previous.map(|previous| (&previous.gateway, previous.gateway_stamp));
    let (gateway, gateway_stamp) = read(config, known);
    let folder = routes_folder(&gateway, previous);
    let mut loaded = Loaded {
        gateway,
        folder,
        routes: Vec::new(),
        folder_problems: Vec::new(),
        others: Vec::new(),
        gateway_stamp,
        route_stamps: Vec::new(),
    };
    match folder::list(&loaded.folder) {
        Ok(files) => {
            if files.is_empty() {
                loaded.folder_problems.push(empty_folder(&loaded));
            }
            let previous = previous.filter(|previous| previous.folder == loaded.folder);
            (loaded.routes, loaded.route_stamps) = read_all(&files, previous).into_iter().unzip();
        }
        Err(error) => loaded.folder_problems.push(no_folder(&loaded, &error)),
    }
    loaded
}

/// The same after nothing changed but route files of these names: no other is looked at, however many there are.
pub fn load_again(previous: Loaded, names: &BTreeSet<OsString>) -> Loaded {
    let mut loaded = previous;
    // What is wrong with the folder, only a look at the folder tells.
    let is_plain = loaded.gateway.raw.is_some() && loaded.folder_problems.is_empty();
    if is_plain {
        names.iter().for_each(|name| loaded.refresh(name));
    }
    if !is_plain || loaded.routes.is_empty() {
        let config = Arc::clone(&loaded.gateway.path);
        return load(&config, Some(&loaded));
    }
    loaded
}

/// Where route files are, even if the present `witgate.yaml` cannot be read.
fn routes_folder(gateway: &Source<raw::Gateway>, previous: Option<&Loaded>) -> PathBuf {
    match (&gateway.raw, previous) {
        (Some(raw), _) => {
            let folder = raw.routes.as_ref().map(|routes| routes.as_path());
            parent(&gateway.path).join(folder.unwrap_or(Path::new(DEFAULT_FOLDER)))
        }
        (None, Some(previous)) => previous.folder.clone(),
        (None, None) => parent(&gateway.path).join(DEFAULT_FOLDER),
    }
}

type Read<T> = (Arc<Source<T>>, Option<Stamp>);

/// Reads the route files, on all cores when there are many to read.
fn read_all(files: &[PathBuf], previous: Option<&Loaded>) -> Vec<Read<raw::RouteFile>> {
    let all = |files: &[PathBuf]| {
        let mut known = Known { previous, next: 0 };
        let one = |path: &PathBuf| read(path, known.find(path));
        files.iter().map(one).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = files.len().div_ceil(threads).max(16);
    if files.len() <= share {
        return all(files);
    }
    std::thread::scope(|scope| {
        let shares: Vec<_> = files
            .chunks(share)
            .map(|files| scope.spawn(move || all(files)))
            .collect();
        shares
            .into_iter()
            .flat_map(|share| {
                share
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

/// What was loaded before, for who asks file by file in their order.
struct Known<'a> {
    previous: Option<&'a Loaded>,
    /// Where the file is that will be asked for, if none came or went.
    next: usize,
}

impl<'a> Known<'a> {
    fn find(&mut self, path: &Path) -> Option<(&'a Arc<Source<raw::RouteFile>>, Option<Stamp>)> {
        let previous = self.previous?;
        let compare = |source: &Arc<Source<_>>| compare_paths(&source.path, path);
        let next = previous.routes.get(self.next);
        let index = match next.map(compare) {
            Some(Ordering::Equal) => self.next,
            _ => previous.routes.binary_search_by(compare).ok()?,
        };
        self.next = index + 1;
        Some((&previous.routes[index], previous.route_stamps[index]))
    }
}

/// Reads one file, unless it is what is known.
fn read<T: serde::de::DeserializeOwned>(
    path: &Path,
    known: Option<(&Arc<Source<T>>, Option<Stamp>)>,
) -> Read<T> {
    let stamp = Stamp::of(path);
    if let (Some((source, Some(before))), Some(now)) = (&known, &stamp)
        && before == now
    {
        return (Arc::clone(source), stamp);
    }
    let bytes = source::read_bytes(path);
    if let (Some((source, _)), Ok(bytes)) = (&known, &bytes)
        && source.text.as_bytes() == bytes.as_slice()
    {
        return (Arc::clone(source), stamp);
    }
    (Arc::new(Source::from_bytes(path.into(), bytes)), stamp)
}

fn parent(config: &Path) -> &Path {
    config.parent().unwrap_or(Path::new(""))
}

fn empty_folder(loaded: &Loaded) -> Problem {
    let message = format!(
        "the folder `{}` holds no route files",
        loaded.folder.display()
    );
    let (file, span) = where_folder_is_named(loaded);
    Problem::warning(&file, span, message)
        .hint("every request is answered with 404; add a file that ends in `.yaml`")
}

fn no_folder(loaded: &Loaded, error: &io::Error) -> Problem {
    let folder = loaded.folder.display();
    let message = match error.kind() {
        io::ErrorKind::NotFound => format!("there is no folder `{folder}`"),
        io::ErrorKind::NotADirectory => format!("`{folder}` is not a folder"),
        _ => format!("the folder `{folder}` cannot be read: {error}"),
    };
    let (file, span) = where_folder_is_named(loaded);
    Problem::error(&file, span, message)
        .hint("create it, or name another one as `routes` in `witgate.yaml`")
}

/// The place of `routes:` in `witgate.yaml`, or the folder itself.
fn where_folder_is_named(loaded: &Loaded) -> (Arc<PathBuf>, Span) {
    let named = loaded
        .gateway
        .raw
        .as_ref()
        .and_then(|raw| raw.routes.as_ref());
    match named {
        Some(routes) => (Arc::clone(&loaded.gateway.path), routes.span),
        None => (Arc::new(loaded.folder.clone()), Span::default()),
    }
}

#[cfg(test)]
mod tests;
