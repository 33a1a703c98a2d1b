//! What `witgate.yaml` says of one key set, judged.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::Uri;

use super::discovery::Issuer;
use crate::config::{problem::Problem, raw, span::Spanned};

const REFRESH: Duration = Duration::from_secs(600);
const COOL_DOWN: Duration = Duration::from_secs(30);
const LEAST_COOL_DOWN: Duration = Duration::from_secs(1);

/// More often would be an attack on the issuer.
pub(super) const LEAST_REFRESH: Duration = Duration::from_secs(10);

/// Where a key set comes from. A set whose definition did not change survives a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Definition {
    Fetched {
        origin: Origin,
        refresh: Duration,
        cool_down: Duration,
    },
    File(PathBuf),
    /// Declared no more, while a plugin still has a handle on it: no key is right.
    Gone,
}

/// Whom a set is fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Url(Uri),
    Issuer(Box<Issuer>),
}

impl Definition {
    pub(super) fn new(
        raw: &Spanned<raw::KeySet>,
        file: &Arc<PathBuf>,
        base: &Path,
    ) -> Result<Self, Problem> {
        match (&raw.issuer, &raw.url, &raw.file) {
            (Some(issuer), None, None) => {
                let origin = Issuer::new(issuer).map_err(|what| {
                    Problem::error(file, issuer.span, what)
                        .hint("write it as tokens have it in `iss`: `https://login.example.com`")
                })?;
                Self::fetched(Origin::Issuer(Box::new(origin)), raw, file)
            }
            (None, Some(url), None) => {
                let origin = parse(url).map_err(|what| {
                    Problem::error(file, url.span, what)
                        .hint("write it as `https://login.example.com/jwks.json`")
                })?;
                Self::fetched(Origin::Url(origin), raw, file)
            }
            (None, None, Some(path)) => match unused(raw) {
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
                    .hint("write one of `issuer`, `url` and `file`"),
            ),
        }
    }

    fn fetched(
        origin: Origin,
        raw: &Spanned<raw::KeySet>,
        file: &Arc<PathBuf>,
    ) -> Result<Self, Problem> {
        Ok(Self::Fetched {
            origin,
            refresh: at_least(LEAST_REFRESH, raw.refresh, REFRESH)
                .ok_or_else(|| too_short(raw, file, "`refresh` is shorter than 10s"))?,
            cool_down: at_least(LEAST_COOL_DOWN, raw.cool_down, COOL_DOWN)
                .ok_or_else(|| too_short(raw, file, "`cool-down` is shorter than 1s"))?,
        })
    }

    /// Whom the tokens must name, if the set is an issuer's.
    pub(super) fn issuer(&self) -> Option<&str> {
        match self {
            Self::Fetched {
                origin: Origin::Issuer(issuer),
                ..
            } => Some(&issuer.name),
            _ => None,
        }
    }

    /// For people: neither user nor password nor query.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Fetched {
                origin: Origin::Url(url),
                ..
            } => shown(url),
            Self::Fetched {
                origin: Origin::Issuer(issuer),
                ..
            } => issuer.name.clone(),
            Self::File(path) => path.display().to_string(),
            Self::Gone => String::from("no longer declared"),
        }
    }
}

/// Neither user nor password nor query.
pub(super) fn shown(url: &Uri) -> String {
    format!(
        "{}://{}{}",
        url.scheme_str().unwrap_or_default(),
        url.authority()
            .and_then(|authority| authority.as_str().rsplit('@').next())
            .unwrap_or_default(),
        url.path()
    )
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

fn at_least(
    least: Duration,
    written: Option<raw::HumanDuration>,
    default: Duration,
) -> Option<Duration> {
    let duration = written.map_or(default, |written| written.0);
    (duration >= least).then_some(duration)
}

fn too_short(raw: &Spanned<raw::KeySet>, file: &Arc<PathBuf>, what: &str) -> Problem {
    Problem::error(file, raw.span, what)
        .hint("the issuer would take it for an attack; write a longer time")
}

fn unused(raw: &raw::KeySet) -> Option<&'static str> {
    let refresh = raw.refresh.map(|_| "refresh");
    refresh.or(raw.cool_down.map(|_| "cool-down"))
}
