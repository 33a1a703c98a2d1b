//! One line of the file: a key's digest, and who has the key.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// SHA-256 of a key, plain or keyed.
pub(crate) type Digest = [u8; 32];

/// What a line says, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    key: String,
    pub(crate) consumer: String,
    #[serde(default)]
    pub(crate) tenant: Option<String>,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    #[serde(default)]
    pub(crate) claims: Map<String, Value>,
    #[serde(default)]
    expires: Option<String>,
}

/// How a digest was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Plain,
    /// HMAC under a secret.
    Keyed,
}

/// What is wrong with a line. It repeats nothing of the line: somebody may have put a key there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Json(String),
    Type,
    Key,
    Expires,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(what) => write!(
                f,
                "is no JSON object as {{\"key\": \"sha256:…\", \"consumer\": \"…\"}}: {what}"
            ),
            Self::Type => f.write_str(
                "has a field of the wrong type: `key`, `consumer`, `tenant` and `expires` are texts, `scopes` a list of \
                 texts, `claims` an object",
            ),
            Self::Key => f.write_str(
                "has no digest as `key`: write `sha256:` and the 64 hexadecimal digits that `printf %s KEY | sha256sum` \
                 prints, or `hmac-sha256:` and those of an HMAC",
            ),
            Self::Expires => f.write_str(
                "has an `expires` that is no time: write it as `2027-01-31T00:00:00Z`, or `2027-01-31`",
            ),
        }
    }
}

impl Line {
    pub(crate) fn parse(text: &str) -> Result<Self, Flaw> {
        serde_json::from_str(text).map_err(|error| flaw(&error))
    }

    pub(crate) fn digest(&self) -> Result<(Kind, Digest), Flaw> {
        let kinds = [("sha256:", Kind::Plain), ("hmac-sha256:", Kind::Keyed)];
        let found = kinds.into_iter().find_map(|(prefix, kind)| {
            let digits = self.key.strip_prefix(prefix)?;
            Some((kind, hex(digits)?))
        });
        found.ok_or(Flaw::Key)
    }

    /// Seconds since 1970: from then on the key is worth nothing.
    pub(crate) fn expires(&self) -> Result<Option<u64>, Flaw> {
        let Some(text) = &self.expires else {
            return Ok(None);
        };
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| {
            let midnight = format!("{text}T00:00:00Z");
            OffsetDateTime::parse(&midnight, &Rfc3339).ok()
        });
        let seconds = moment.map(OffsetDateTime::unix_timestamp);
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map(Some).ok_or(Flaw::Expires)
    }
}

/// The words of serde name fields and places, but also values.
fn flaw(error: &serde_json::Error) -> Flaw {
    let message = error.to_string();
    let what = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(what, _)| what);
    let names_a_field = ["missing field", "duplicate field"];
    match error.is_data() {
        true if names_a_field.iter().any(|it| what.starts_with(it)) => Flaw::Json(what.to_owned()),
        true if what.starts_with("unknown field") => {
            let known = "only `key`, `consumer`, `tenant`, `scopes`, `claims` and `expires` may stand there";
            Flaw::Json(known.to_owned())
        }
        true => Flaw::Type,
        false => Flaw::Json(format!("{what}, column {}", error.column())),
    }
}

fn hex(digits: &str) -> Option<Digest> {
    let mut digest = [0; 32];
    let digits = digits.as_bytes();
    if digits.len() != 2 * digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(value(pair[0])? << 4 | value(pair[1])?).ok()?;
    }
    Some(digest)
}
