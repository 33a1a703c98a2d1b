//! What `witgate.yaml` says of one secret, judged; and how its bytes are read.

use std::{
    env, fmt, fs,
    io::Read,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use zeroize::Zeroizing;

use crate::config::{
    problem::Problem,
    raw::{self, SecretSource},
    span::{Span, Spanned},
};

/// What is longer is no secret, but the wrong file.
const MOST_BYTES: usize = 64 << 10;

/// More that are right at once are no rotation.
const MOST_VERSIONS: usize = 8;

/// Where one version comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    File(PathBuf),
    Env(String),
}

/// Where a secret comes from, the newest version first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Definition(pub(super) Vec<Source>);

/// The place of each version in `witgate.yaml`.
pub(super) type Places = Vec<Span>;

impl Definition {
    pub(super) fn new(
        name: &str,
        raw: &Spanned<raw::Secret>,
        file: &Arc<PathBuf>,
        base: &Path,
    ) -> Result<(Self, Places), Problem> {
        let all = &raw.0;
        if all.is_empty() || all.len() > MOST_VERSIONS {
            let message = format!("the secret `{name}` has {} versions", all.len());
            return Err(Problem::error(file, raw.span, message)
                .hint(format!("write 1 to {MOST_VERSIONS}, the newest first")));
        }
        let mut sources = Vec::with_capacity(all.len());
        for source in all {
            sources.push(Source::new(source, file, base)?);
        }
        Ok((Self(sources), all.iter().map(|it| it.span).collect()))
    }
}

impl Source {
    fn new(raw: &Spanned<SecretSource>, file: &Arc<PathBuf>, base: &Path) -> Result<Self, Problem> {
        match &raw.value {
            SecretSource::Written => Err(Problem::error(
                file,
                raw.span,
                "a secret does not stand in the configuration itself",
            )
            .hint("name where it stands: `{ file: PATH }` or `{ env: NAME }`")),
            SecretSource::Elsewhere(it) => match (&it.file, &it.env) {
                (Some(path), None) => Ok(Self::File(base.join(&**path))),
                (None, Some(name)) if is_variable(name) => Ok(Self::Env(name.value.clone())),
                (None, Some(name)) => Err(Problem::error(
                    file,
                    name.span,
                    "this cannot be the name of an environment variable",
                )
                .hint("write a name such as `COOKIE_KEY`, and the secret into that variable")),
                _ => Err(
                    Problem::error(file, raw.span, "a secret comes from exactly one place")
                        .hint("write either `file` or `env`; a list for several versions"),
                ),
            },
        }
    }

    /// The bytes without the end of the line, at least one.
    pub(super) fn read(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        let mut bytes = Zeroizing::new(Vec::new());
        match self {
            Self::File(path) => {
                let file = fs::File::open(path).map_err(|error| error.to_string())?;
                let metadata = file.metadata().map_err(|error| error.to_string())?;
                // Room at once: growing would leave copies behind.
                let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
                bytes.reserve_exact(length.min(MOST_BYTES) + 2);
                file.take(MOST_BYTES as u64 + 1)
                    .read_to_end(&mut bytes)
                    .map_err(|error| error.to_string())?;
            }
            Self::Env(name) => {
                let value = env::var_os(name).ok_or("the variable is not set")?;
                *bytes = value.into_vec();
            }
        }
        if bytes.len() > MOST_BYTES {
            return Err(String::from("it is longer than 64 KiB"));
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        if bytes.is_empty() {
            return Err(String::from("it is empty"));
        }
        Ok(bytes)
    }
}

/// Portable names, and what shells take besides.
fn is_variable(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.len() <= 255 && name.chars().all(is_letter)
}

/// For people: where it stands, never what it is.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Env(name) => write!(f, "${name}"),
        }
    }
}
