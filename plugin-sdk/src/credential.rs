//! Where a credential stands in a request, and how it is taken out of a request that goes on without it.
//!
//! ```
//! use witgate_plugin::{credential::{Found, From, Source}, prelude::*};
//!
//! /// Counts what comes with a key.
//! #[config]
//! struct Written {
//!     /// Where the key is. Default: `{ header: x-key }`.
//!     #[serde(default)]
//!     from: From,
//! }
//!
//! struct Keyed(Source);
//!
//! #[policy]
//! impl Policy for Keyed {
//!     type Config = Written;
//!
//!     fn new(written: Written) -> Result<Self, Vec<Problem>> {
//!         let source = Source::new(written.from, || Source::header("x-key", None));
//!         source.map(Self).map_err(|problem| vec![problem.below("/from")])
//!     }
//!
//!     fn on_request(&self, request: &mut Request) -> Result<Verdict> {
//!         match self.0.find(request) {
//!             Found::Credential(key) if key.bytes() == b"open sesame" => {
//!                 self.0.strip(request)?;
//!                 Ok(Verdict::Next)
//!             }
//!             _ => Ok(Reply::new(401).into()),
//!         }
//!     }
//! }
//! # fn main() {}
//! ```

use std::ops::Range;

use crate::{Request, Result, config::Problem};

/// Where a credential is, as it is written in a route file: exactly one of `header`, `cookie` and `query`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct From {
    /// A header field.
    pub header: Option<String>,
    /// The word before the credential in that field. Default: `Bearer` for `authorization`, else none.
    pub scheme: Option<String>,
    /// A cookie.
    pub cookie: Option<String>,
    /// A parameter of the query. What stands there ends up in logs and histories; prefer the others.
    pub query: Option<String>,
}

/// One place in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Header {
        name: String,
        /// The word before the credential.
        scheme: Option<String>,
    },
    Cookie(String),
    Query(String),
}

/// What was found there.
#[derive(Debug)]
pub enum Found {
    Nothing,
    Credential(Credential),
    /// More than one: which one counts, the upstream might see otherwise.
    Several,
}

/// The end of a value: the credential, unread.
pub struct Credential {
    value: Vec<u8>,
    start: usize,
}

impl Credential {
    pub fn bytes(&self) -> &[u8] {
        &self.value[self.start..]
    }

    /// Several header fields arrive joined by `, `: with a comma, what has none is more than one.
    pub fn is_several(&self) -> bool {
        self.bytes().contains(&b',')
    }
}

impl Source {
    /// What was written, or the default. A problem's pointer is relative to `from`.
    ///
    /// # Errors
    /// When more than one place was written, or a scheme for what has none.
    pub fn new(from: From, default: impl FnOnce() -> Self) -> Result<Self, Problem> {
        let scheme = from.scheme;
        let source = match (from.header, from.cookie, from.query) {
            (None, None, None) => match default() {
                Self::Header {
                    name,
                    scheme: default,
                } => Self::Header {
                    name,
                    scheme: scheme.or(default),
                },
                _ if scheme.is_some() => return Err(no_scheme()),
                default => default,
            },
            (Some(name), None, None) => {
                let bearer = name.eq_ignore_ascii_case("authorization");
                let default = bearer.then(|| String::from("Bearer"));
                Self::Header {
                    name,
                    scheme: scheme.or(default),
                }
            }
            (None, Some(_), None) | (None, None, Some(_)) if scheme.is_some() => {
                return Err(no_scheme());
            }
            (None, Some(name), None) => Self::Cookie(name),
            (None, None, Some(name)) => Self::Query(name),
            _ => {
                let message = "write exactly one of `header`, `cookie` and `query`";
                return Err(Problem::at("", message));
            }
        };
        Ok(source)
    }

    pub fn header(name: &str, scheme: Option<&str>) -> Self {
        Self::Header {
            name: name.to_owned(),
            scheme: scheme.map(str::to_owned),
        }
    }

    pub fn find(&self, request: &Request) -> Found {
        match self {
            Self::Header { name, scheme } => match request.header_bytes(name) {
                Some(value) => in_field(value, scheme.as_deref()),
                None => Found::Nothing,
            },
            Self::Cookie(name) => {
                let cookies = request.header_values("cookie");
                only(cookies.iter().flat_map(|field| {
                    pairs(field, b';').filter(|(_, key, _)| *key == name.as_bytes())
                }))
            }
            Self::Query(name) => {
                let query = request.query().unwrap_or_default();
                only(pairs(query.as_bytes(), b'&').filter(|(_, key, _)| *key == name.as_bytes()))
            }
        }
    }

    /// Lets the gateway reuse what was decided by nothing but the credential: see [`Request::reuse`]. Nothing is reused of
    /// a credential in the query, and in a field that belongs to the gateway.
    pub fn reuse(&self, request: &Request, valid: Range<u64>, most: u32) {
        let field = match self {
            Self::Header { name, .. } => name,
            Self::Cookie(_) => "cookie",
            Self::Query(_) => return,
        };
        // If that is refused, all there is to lose is speed.
        let _ = request.reuse(field, valid, most);
    }

    /// Takes the credential away, and nothing else.
    ///
    /// # Errors
    /// When the gateway refuses the edit.
    pub fn strip(&self, request: &mut Request) -> Result<()> {
        match self {
            Self::Header { name, .. } => request.remove_header(name)?,
            Self::Cookie(name) => {
                let cookies = request.header_values("cookie");
                let rest = cookies
                    .iter()
                    .map(|field| without(field, b';', name))
                    .filter(|field| !field.is_empty())
                    .collect::<Vec<_>>()
                    .join(&b"; "[..]);
                if rest.is_empty() {
                    request.remove_header("cookie")?;
                } else {
                    request.set_header("cookie", rest)?;
                }
            }
            Self::Query(name) => {
                let query = request.query().unwrap_or_default();
                let rest = without(query.as_bytes(), b'&', name);
                let mut target = request.path();
                if !rest.is_empty() {
                    target.push('?');
                    target.push_str(&String::from_utf8(rest)?);
                }
                request.set_path(&target)?;
            }
        }
        Ok(())
    }
}

fn no_scheme() -> Problem {
    Problem::at("/scheme", "only a header field has a scheme; leave it out")
}

/// Never the credential.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({} bytes)", self.bytes().len())
    }
}

fn in_field(value: Vec<u8>, scheme: Option<&str>) -> Found {
    let mut start = 0;
    if let Some(scheme) = scheme {
        let Some((word, rest)) = value.split_at_checked(scheme.len()) else {
            return Found::Nothing;
        };
        if !word.eq_ignore_ascii_case(scheme.as_bytes()) || !rest.starts_with(b" ") {
            return Found::Nothing;
        }
        let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
        start = scheme.len() + spaces;
    }
    if start == value.len() {
        return Found::Nothing;
    }
    Found::Credential(Credential { value, start })
}

/// `key=value` pairs, each with the whole of its text.
fn pairs(text: &[u8], separator: u8) -> impl Iterator<Item = (&[u8], &[u8], &[u8])> {
    text.split(move |byte| *byte == separator).map(|part| {
        let part = part.trim_ascii();
        match part.iter().position(|byte| *byte == b'=') {
            Some(equals) => (part, &part[..equals], &part[equals + 1..]),
            None => (part, part, &[][..]),
        }
    })
}

fn only<'a>(mut found: impl Iterator<Item = (&'a [u8], &'a [u8], &'a [u8])>) -> Found {
    match (found.next(), found.next()) {
        (Some((_, _, value)), None) if !value.is_empty() => Found::Credential(Credential {
            value: value.to_vec(),
            start: 0,
        }),
        (Some(_), Some(_)) => Found::Several,
        _ => Found::Nothing,
    }
}

fn without(text: &[u8], separator: u8, name: &str) -> Vec<u8> {
    let glue: &[u8] = if separator == b';' { b"; " } else { b"&" };
    pairs(text, separator)
        .filter(|(_, key, _)| *key != name.as_bytes())
        .map(|(whole, _, _)| whole)
        .filter(|whole| !whole.is_empty())
        .collect::<Vec<_>>()
        .join(glue)
}
