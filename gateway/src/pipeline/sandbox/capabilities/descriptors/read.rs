//! Descriptors from files: which files they were made of, and what is wrong with them.

use std::{
    cell::RefCell,
    fs, io,
    io::Read,
    path::{Component, Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::SystemTime,
};

use prost_reflect::DescriptorPool;
use protox::{
    Compiler, Error,
    file::{File, FileResolver},
};

use super::{MOST_BYTES, bundled};
use crate::{
    config::{problem::Problem, span::Span},
    pipeline::sandbox::stamp::Stamp,
};

/// A file that was read, or looked for where it is not.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// None: it was not there, or may change any moment.
    stamp: Option<Stamp>,
    is_there: bool,
}

impl Input {
    /// Whether reading it again would give the same.
    pub(super) fn is_same(&self) -> bool {
        match fs::metadata(&self.path) {
            Ok(metadata) => {
                let stamp = Stamp::new(&metadata, SystemTime::now());
                self.is_there && stamp.is_some() && stamp == self.stamp
            }
            Err(_) => !self.is_there,
        }
    }
}

/// What is wrong in a file that `witgate.yaml` names, or in one that this imports.
#[derive(Clone, Debug)]
pub(super) struct Flaw {
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
    /// None: nothing can be said but that it is wrong.
    pub(super) place: Option<Place>,
    /// The content is not the one that was pinned.
    pub(super) is_of_pin: bool,
}

/// A place in a `.proto` file, with the text of that.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: Arc<PathBuf>,
    pub(super) span: Span,
    pub(super) text: Arc<str>,
}

impl Flaw {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            place: None,
            is_of_pin: false,
        }
    }

    /// At its place in the `.proto` file, or where `witgate.yaml` names the origin.
    pub(super) fn problem(&self, name: &str, file: &Arc<PathBuf>, origin: Span) -> Problem {
        let problem = match &self.place {
            Some(place) => Problem::error(&place.file, place.span, &self.message).related(
                file,
                origin,
                format!("the descriptors `{name}` are made of it"),
            ),
            None => Problem::error(
                file,
                origin,
                format!("the descriptors `{name}`: {}", self.message),
            ),
        };
        match self.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// Content, or a flaw; and in any case what was looked at.
pub(super) type Reading = (Vec<Input>, Result<Vec<u8>, Flaw>);

/// A descriptor set as `protoc` writes it.
pub(super) fn set(path: &Path) -> Reading {
    let (input, bytes) = bounded(path);
    let bytes =
        bytes.map_err(|error| Flaw::new(format!("cannot read {}: {error}", path.display())));
    (vec![input], bytes.and_then(|bytes| checked(&bytes)))
}

/// Decodes a descriptor set and puts its files in order.
pub(super) fn checked(bytes: &[u8]) -> Result<Vec<u8>, Flaw> {
    let pool = DescriptorPool::decode(bytes).map_err(|error| Flaw {
        hint: Some("write it with `protoc --include_imports --descriptor_set_out=FILE`"),
        ..Flaw::new(format!("this is no whole descriptor set: {error}"))
    })?;
    if pool.files().len() == 0 {
        return Err(Flaw::new("there is nothing in it"));
    }
    Ok(pool.encode_to_vec())
}

/// `.proto` files and what they import.
pub(super) fn proto(files: &[PathBuf], include: &[PathBuf]) -> Reading {
    let seen = Rc::new(RefCell::new(Seen::default()));
    let mut compiler = Compiler::with_file_resolver(Folders {
        include: include.to_vec(),
        seen: Rc::clone(&seen),
    });
    compiler.include_imports(true).include_source_info(true);
    let mut compiled = Ok(());
    for file in files {
        let folder = include.iter().find_map(|it| file.strip_prefix(it).ok());
        if let Err(error) = compiler.open_file(folder.unwrap_or(file)) {
            compiled = Err(flaw(&error, file, &seen.borrow()));
            break;
        }
    }
    let compiled = compiled.and_then(|()| seen.borrow().has_read(files));
    let content = compiled.and_then(|()| {
        let bytes = compiler.encode_file_descriptor_set();
        if bytes.len() > MOST_BYTES {
            return Err(Flaw::new(too_long()));
        }
        Ok(bytes)
    });
    drop(compiler);
    (seen.take().inputs, content)
}

fn too_long() -> String {
    format!("it is longer than {} MiB", MOST_BYTES >> 20)
}

/// The place is only in the text that the compiler makes for programmers: `FILE:LINE:COLUMN: WHAT`.
fn flaw(error: &Error, asked: &Path, seen: &Seen) -> Flaw {
    let message = error.to_string();
    let hint = message
        .starts_with("import '")
        .then_some("put the folder that its path begins at under `include`");
    let place = error.file().and_then(|name| {
        let (_, path, text) = seen.texts.iter().find(|(known, ..)| known == name)?;
        let debug = format!("{error:?}");
        let mut numbers = debug.strip_prefix(name)?.strip_prefix(':')?.splitn(3, ':');
        let mut next = || numbers.next()?.trim().parse().ok();
        Some(Place {
            file: Arc::new(path.clone()),
            span: Span {
                line: next().unwrap_or(1),
                column: next().unwrap_or(1),
                length: 1,
            },
            text: Arc::clone(text),
        })
    });
    let message = match &place {
        None if error.is_file_not_found() => format!("cannot read {}: {message}", asked.display()),
        _ => message,
    };
    Flaw {
        hint,
        place,
        ..Flaw::new(message)
    }
}

/// What one compilation has looked at.
#[derive(Default)]
struct Seen {
    inputs: Vec<Input>,
    /// By their names in imports.
    texts: Vec<(String, PathBuf, Arc<str>)>,
    bytes: usize,
}

/// Finds imports in folders, then among those that are bundled.
struct Folders {
    include: Vec<PathBuf>,
    seen: Rc<RefCell<Seen>>,
}

impl FileResolver for Folders {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !Path::new(name).components().all(plain) {
            return Err(Error::file_not_found(name));
        }
        for folder in &self.include {
            let path = folder.join(name);
            let (input, bytes) = bounded(&path);
            let mut seen = self.seen.borrow_mut();
            seen.inputs.push(input);
            match bytes {
                Ok(bytes) => return seen.parse(name, path, bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(Error::new(format!(
                        "cannot read {}: {error}",
                        path.display()
                    )));
                }
            }
        }
        bundled::open(name)
    }
}

impl Seen {
    /// Another file may have the same name in a folder that is searched before.
    fn has_read(&self, files: &[PathBuf]) -> Result<(), Flaw> {
        let unread = |file: &&PathBuf| self.texts.iter().all(|(_, path, _)| path != *file);
        match files.iter().find(unread) {
            None => Ok(()),
            Some(file) => Err(Flaw {
                hint: Some("put its own folder before the others under `include`"),
                ..Flaw::new(format!(
                    "another file hides {} from imports",
                    file.display()
                ))
            }),
        }
    }

    fn parse(&mut self, name: &str, path: PathBuf, bytes: Vec<u8>) -> Result<File, Error> {
        self.bytes += bytes.len();
        if self.bytes > MOST_BYTES {
            return Err(Error::new(too_long()));
        }
        let text: Arc<str> = String::from_utf8(bytes)
            .map_err(|_| Error::new(format!("{} is not UTF-8", path.display())))?
            .into();
        self.texts.push((name.to_owned(), path, Arc::clone(&text)));
        File::from_source(name, &text)
    }
}

fn bounded(path: &Path) -> (Input, io::Result<Vec<u8>>) {
    // Before the content, so that a change in between shows the next time.
    let metadata = fs::metadata(path);
    let input = Input {
        path: path.to_owned(),
        is_there: metadata.is_ok(),
        stamp: (metadata.ok()).and_then(|it| Stamp::new(&it, SystemTime::now())),
    };
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| {
        let most = MOST_BYTES as u64 + 1;
        file.take(most).read_to_end(&mut bytes)
    });
    let read = read.and_then(|length| match length > MOST_BYTES {
        true => Err(io::Error::other(too_long())),
        false => Ok(bytes),
    });
    (input, read)
}
