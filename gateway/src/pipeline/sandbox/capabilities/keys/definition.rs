//! What `witgate.yaml` says of one key set, judged.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::Uri;

use crate::config::{problem::Problem, raw, span::Spanned};

const REFRESH: Duration = Duration::from_secs(600);
const COOL_DOWN: Duration = Duration::from_secs(30);

/// More often would be an attack on the issuer.
pub(super) const LEAST_REFRESH: Duration = Duration::from_secs(10);

/// Where a key set comes from. A set whose definition did not change survives a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Definition {
    Url {
        url: Uri,
        refresh: Duration,
        cool_down: Duration,
    },
    File(PathBuf),
    /// Declared no more, while a plugin still has a handle on it: no key is right.
    Gone,
}

impl Definition {
    pub(super) fn new(
        raw: &Spanned<raw::KeySet>,
        file: &Arc<PathBuf>,
        base: &Path,
    ) -> Result<Self, Problem> {
        match (&raw.url, &raw.file) {
            (Some(url), None) => Ok(Self::Url {
                url: parse(url).map_err(|what| {
                    Problem::error(file, url.span, what)
                        .hint("write it as `https://login.example.com/jwks.json`")
                })?,
                refresh: interval(raw, file)?,
                cool_down: raw.cool_down.map_or(COOL_DOWN, |cool_down| cool_down.0),
            }),
            (None, Some(path)) => match unused(raw) {
                Some(key) => Err(Problem::error(
                    file,
                    raw.span,
                    format!("a file is never fetched, so `{key}` says nothing here"),
                )
                .hint("leave it out: the file is read again when it changes")),
                None => Ok(Self::File(base.join(&**path))),
            },
            _ => Err(
                Problem::error(file, raw.span, "a key set comes from exactly one place")
                    .hint("write either `url` or `file`"),
            ),
        }
    }

    /// For people: neither user nor password nor query.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Url { url, .. } => format!(
                "{}://{}{}",
                url.scheme_str().unwrap_or_default(),
                url.authority()
                    .and_then(|authority| authority.as_str().rsplit('@').next())
                    .unwrap_or_default(),
                url.path()
            ),
            Self::File(path) => path.display().to_string(),
            Self::Gone => String::from("no longer declared"),
        }
    }
}

fn parse(url: &str) -> Result<Uri, String> {
    let url = url
        .parse::<Uri>()
        .map_err(|error| format!("this is no URL: {error}"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
        return Err(String::from(
            "a key set is fetched from an http or https URL",
        ));
    }
    Ok(url)
}

fn interval(raw: &Spanned<raw::KeySet>, file: &Arc<PathBuf>) -> Result<Duration, Problem> {
    let refresh = raw.refresh.map_or(REFRESH, |refresh| refresh.0);
    if refresh < LEAST_REFRESH {
        return Err(
            Problem::error(file, raw.span, "`refresh` is shorter than 10s")
                .hint("a key that is missing is asked for at once anyway"),
        );
    }
    Ok(refresh)
}

fn unused(raw: &raw::KeySet) -> Option<&'static str> {
    let refresh = raw.refresh.map(|_| "refresh");
    refresh.or(raw.cool_down.map(|_| "cool-down"))
}
