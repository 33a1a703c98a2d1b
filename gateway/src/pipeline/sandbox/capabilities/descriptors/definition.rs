//! What `witgate.yaml` says of one name, judged.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::Uri;

use super::read::Flaw;

use crate::config::{
    problem::Problem,
    raw::{self, ShortOr},
    span::{Span, Spanned},
};

const REFRESH: Duration = Duration::from_secs(60);
const LEAST_REFRESH: Duration = Duration::from_secs(1);

/// Where descriptors come from. A source whose definition did not change survives a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) origin: Origin,
    /// The digest of the only content that is accepted.
    pub(super) pin: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Set(PathBuf),
    Proto {
        files: Vec<PathBuf>,
        /// In the order in which they are searched.
        include: Vec<PathBuf>,
    },
    Reflection {
        server: Uri,
        /// Empty: all that the server names.
        services: Vec<String>,
        refresh: Duration,
    },
}

/// Where in `witgate.yaml` it was written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) file: Arc<PathBuf>,
    /// What names the origin.
    pub(super) origin: Span,
    pub(super) pin: Span,
}

impl Written {
    /// Where to point to when this is wrong.
    pub(super) fn place(&self, flaw: &Flaw) -> Span {
        if flaw.is_of_pin {
            self.pin
        } else {
            self.origin
        }
    }
}

impl Definition {
    pub(super) fn new(
        raw: &Spanned<ShortOr<raw::Descriptors>>,
        file: &Arc<PathBuf>,
        base: &Path,
    ) -> Result<(Self, Written), Problem> {
        let short;
        let full = match &raw.value {
            ShortOr::Full(full) => full,
            ShortOr::Short(text) => {
                short = raw::Descriptors::from(text.clone());
                &short
            }
        };
        let (origin, span) = match (&full.set, &full.proto, &full.reflection) {
            (Some(set), None, None) => (Origin::Set(base.join(&**set)), set.span),
            (None, Some(files), None) => proto(full, files, raw.span, file, base)?,
            (None, None, Some(server)) => (reflection(full, server, file)?, server.span),
            _ => {
                let message = "descriptors come from exactly one place";
                return Err(Problem::error(file, raw.span, message)
                    .hint("write one of `set`, `proto` and `reflection`"));
            }
        };
        if let Some((key, of)) = unused(full) {
            let message = format!("`{key}` says nothing here");
            return Err(Problem::error(file, raw.span, message)
                .hint(format!("leave it out, it belongs to `{of}`")));
        }
        let written = Written {
            file: Arc::clone(file),
            origin: span,
            pin: full.pin.as_ref().map_or(raw.span, |pin| pin.span),
        };
        let pin = full.pin.as_ref().map(|pin| digest(pin, file)).transpose()?;
        Ok((Self { origin, pin }, written))
    }

    /// For people: neither user nor password nor query.
    pub(super) fn shown(&self) -> String {
        match &self.origin {
            Origin::Set(path) => path.display().to_string(),
            Origin::Proto { files, .. } => {
                let files = files.iter().map(|file| file.display().to_string());
                files.collect::<Vec<_>>().join(", ")
            }
            Origin::Reflection { server, .. } => format!(
                "reflection of {}://{}",
                server.scheme_str().unwrap_or_default(),
                server
                    .authority()
                    .and_then(|authority| authority.as_str().rsplit('@').next())
                    .unwrap_or_default()
            ),
        }
    }

    /// None if it is the content that was pinned, or none was.
    pub(super) fn mispinned(&self, digest: &str) -> Option<Flaw> {
        let pin = self.pin.as_deref().filter(|pin| *pin != digest)?;
        let what = format!("another content is pinned: this has the digest {digest}, not {pin}");
        Some(Flaw {
            is_of_pin: true,
            ..Flaw::new(what)
        })
    }
}

fn proto(
    full: &raw::Descriptors,
    files: &raw::OneOrMany<Spanned<PathBuf>>,
    span: Span,
    file: &Arc<PathBuf>,
    base: &Path,
) -> Result<(Origin, Span), Problem> {
    let Some(first) = files.0.first() else {
        return Err(Problem::error(file, span, "no `.proto` file is named")
            .hint("write `proto: bookstore.proto`"));
    };
    let paths: Vec<_> = files.0.iter().map(|path| base.join(&**path)).collect();
    let include = full.include.iter().flat_map(|include| &include.0);
    let mut include: Vec<_> = include.map(|path| base.join(&**path)).collect();
    for path in &paths {
        if !include.iter().any(|folder| path.starts_with(folder)) {
            include.extend(path.parent().map(Path::to_owned));
        }
    }
    let origin = Origin::Proto {
        files: paths,
        include,
    };
    Ok((origin, first.span))
}

fn reflection(
    full: &raw::Descriptors,
    server: &Spanned<String>,
    file: &Arc<PathBuf>,
) -> Result<Origin, Problem> {
    let wrong = |what: String| {
        Problem::error(file, server.span, what).hint("write it as `http://127.0.0.1:50051`")
    };
    let uri = server
        .parse::<Uri>()
        .map_err(|error| wrong(format!("this is no URL: {error}")))?;
    let is_root = matches!(uri.path(), "" | "/") && uri.query().is_none();
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() || !is_root {
        let message = "a server is named by an http or https URL without a path";
        return Err(wrong(message.into()));
    }
    let refresh = full.refresh.as_ref();
    if let Some(refresh) = refresh.filter(|refresh| refresh.0 < LEAST_REFRESH) {
        return Err(
            Problem::error(file, refresh.span, "`refresh` is shorter than 1s")
                .hint("the server would do little else; write a longer time"),
        );
    }
    let services = full.services.iter().flatten();
    Ok(Origin::Reflection {
        server: uri,
        services: services.map(|name| name.value.clone()).collect(),
        refresh: refresh.map_or(REFRESH, |refresh| refresh.0),
    })
}

fn digest(pin: &Spanned<String>, file: &Arc<PathBuf>) -> Result<String, Problem> {
    let digest = pin.to_ascii_lowercase();
    if digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(digest);
    }
    Err(
        Problem::error(file, pin.span, "a digest is 64 hexadecimal digits")
            .hint("`/descriptors` on the administration listener shows it"),
    )
}

/// A key that was written, and where it would say something.
fn unused(full: &raw::Descriptors) -> Option<(&'static str, &'static str)> {
    let include = full.include.as_ref().filter(|_| full.proto.is_none());
    let asks = full.reflection.is_some();
    let services = full.services.as_ref().filter(|_| !asks);
    let refresh = full.refresh.as_ref().filter(|_| !asks);
    (include.map(|_| ("include", "proto")))
        .or(services.map(|_| ("services", "reflection")))
        .or(refresh.map(|_| ("refresh", "reflection")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn defined(yaml: &str) -> Result<Definition, Problem> {
        let text = format!("listeners: []\ndescriptors:\n  d: {yaml}\n");
        let source = Source::<raw::Gateway>::new("witgate.yaml".into(), &text);
        let raw = source
            .raw
            .unwrap_or_else(|| panic!("{:?}", source.problems));
        let defined = Definition::new(&raw.descriptors["d"], &source.path, Path::new("/etc"));
        defined.map(|(definition, _)| definition)
    }

    #[test]
    fn one_word_says_where_they_come_from() {
        let origin = |yaml: &str| defined(yaml).unwrap().origin;
        assert_eq!(origin("a.pb"), Origin::Set("/etc/a.pb".into()));
        let proto = Origin::Proto {
            files: vec!["/etc/p/a.proto".into()],
            include: vec!["/etc/p".into()],
        };
        assert_eq!(origin("p/a.proto"), proto);
        assert_eq!(origin("{ proto: [p/a.proto] }"), proto);
        let Origin::Reflection { refresh, .. } = origin("http://localhost:50051") else {
            panic!("a URL")
        };
        assert_eq!(refresh, REFRESH);
    }

    #[test]
    fn imports_are_found_beside_a_file_that_no_folder_holds() {
        let yaml = "{ proto: [protos/a.proto, other/b.proto], include: protos }";
        let Origin::Proto { include, .. } = defined(yaml).unwrap().origin else {
            panic!("files")
        };
        assert_eq!(include, [Path::new("/etc/protos"), Path::new("/etc/other")]);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (yaml, says) in [
            ("{ set: a.pb, proto: a.proto }", "exactly one place"),
            ("{}", "exactly one place"),
            ("{ proto: [] }", "no `.proto` file"),
            ("{ set: a.pb, include: protos }", "`include` says nothing"),
            ("{ proto: a.proto, refresh: 60s }", "`refresh` says nothing"),
            ("{ reflection: 'http://a/b' }", "without a path"),
            ("{ reflection: 'ftp://a' }", "http or https"),
            ("{ reflection: 'http://a', refresh: 10ms }", "shorter"),
            ("{ set: a.pb, pin: abc }", "64 hexadecimal"),
        ] {
            let problem = defined(yaml).unwrap_err();
            assert!(problem.message.contains(says), "{yaml}: {problem:?}");
            assert!(problem.hint.is_some() && problem.span.line == 3, "{yaml}");
        }
    }

    #[test]
    fn a_pin_refuses_other_content() {
        let digest = "0A".repeat(32);
        let pinned = defined(&format!("{{ set: a.pb, pin: {digest:?} }}")).unwrap();
        assert!(pinned.mispinned(&digest.to_lowercase()).is_none());
        assert!(pinned.mispinned("00").is_some());
        assert!(defined("a.pb").unwrap().mispinned("00").is_none());
    }
}
