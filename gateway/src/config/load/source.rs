//! One file: its text, what it says, what is wrong with it.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::de::DeserializeOwned;

use crate::config::{
    document::{self, Limits},
    problem::{Problem, Severity},
    span::Span,
};

/// Bytes of the largest file that is read.
const LARGEST: u64 = 64 << 20;

/// One file: its text, what it says, what is wrong with it.
#[derive(Debug)]
pub struct Source<T> {
    pub path: Arc<PathBuf>,
    /// As it was read; empty when it could not be.
    pub text: Arc<str>,
    /// None when a problem is an error.
    pub raw: Option<Arc<T>>,
    /// In the order of the file.
    pub problems: Vec<Problem>,
}

impl<T: DeserializeOwned> Source<T> {
    /// A file of this text, wherever it comes from.
    pub fn new(path: PathBuf, text: &str) -> Self {
        let path = Arc::new(path);
        let (document, mut problems) = document::parse(text, &path, &Limits::default());
        let raw = document.and_then(|document| match document::read(&document, &path) {
            Ok(raw) => Some(raw),
            Err(found) => {
                problems.extend(found);
                None
            }
        });
        problems.sort_by_key(|problem| (problem.span.line, problem.span.column));
        let bad = problems
            .iter()
            .any(|problem| problem.severity == Severity::Error);
        Self {
            path,
            text: text.into(),
            raw: raw.filter(|_| !bad).map(Arc::new),
            problems,
        }
    }

    pub(super) fn from_bytes(path: PathBuf, bytes: io::Result<Vec<u8>>) -> Self {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return Self::unreadable(path, &error),
        };
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::new(path, text),
            Err(error) => Self::not_utf8(path, &bytes, error.valid_up_to()),
        }
    }

    fn unreadable(path: PathBuf, error: &io::Error) -> Self {
        let message = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".into(),
            io::ErrorKind::FileTooLarge => format!("the file is larger than {} MiB", LARGEST >> 20),
            _ => format!("the file cannot be read: {error}"),
        };
        let path = Arc::new(path);
        Self {
            problems: vec![Problem::error(&path, Span::default(), message)],
            path,
            text: Arc::default(),
            raw: None,
        }
    }

    fn not_utf8(path: PathBuf, bytes: &[u8], valid: usize) -> Self {
        let before = String::from_utf8_lossy(&bytes[..valid]);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let span = Span {
            line: 1 + before.bytes().filter(|byte| *byte == b'\n').count() as u32,
            column: 1 + before[line_start..].chars().count() as u32,
            length: 1,
        };
        let path = Arc::new(path);
        let message = format!("the byte 0x{:02x} is not UTF-8", bytes[valid]);
        Self {
            problems: vec![Problem::error(&path, span, message).hint("save the file as UTF-8")],
            path,
            text: String::from_utf8_lossy(bytes).into(),
            raw: None,
        }
    }
}

/// The whole file, if it is not too large; a file that grows while it is read is not either.
pub(super) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let size = file.metadata()?.len();
    if size > LARGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::with_capacity(size as usize + 1);
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}
