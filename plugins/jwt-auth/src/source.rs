//! Where the token comes from, and how it is taken out of a request that goes on without it.

use witgate_plugin::{Request, Result, config::Problem};

use crate::settings::From;

/// One place in a request.
pub(crate) enum Source {
    Header {
        name: String,
        scheme: Option<String>,
    },
    Cookie(String),
    Query(String),
}

/// What was found there.
pub(crate) enum Found {
    Nothing,
    Token(Token),
    /// More than one token: which one counts, the upstream might see otherwise.
    Several,
}

/// The end of a value: the token, unread.
pub(crate) struct Token {
    value: Vec<u8>,
    start: usize,
}

impl Token {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.value[self.start..]
    }

    /// Several header fields arrive joined by `, `, and no token has a comma.
    pub(crate) fn is_several(&self) -> bool {
        self.bytes().contains(&b',')
    }
}

impl Source {
    pub(crate) fn new(from: From) -> Result<Self, Problem> {
        let scheme = from.scheme;
        let source = match (from.header, from.cookie, from.query) {
            (None, None, None) => Self::Header {
                name: String::from("authorization"),
                scheme: Some(scheme.unwrap_or_else(|| String::from("Bearer"))),
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
                let message = "only a header field has a scheme; leave it out";
                return Err(Problem::at("/from/scheme", message));
            }
            (None, Some(name), None) => Self::Cookie(name),
            (None, None, Some(name)) => Self::Query(name),
            _ => {
                let message = "write exactly one of `header`, `cookie` and `query`";
                return Err(Problem::at("/from", message));
            }
        };
        Ok(source)
    }

    pub(crate) fn find(&self, request: &Request) -> Found {
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

    /// Takes the token away, and nothing else.
    pub(crate) fn strip(&self, request: &mut Request) -> Result<()> {
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
    Found::Token(Token { value, start })
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
        (Some((_, _, value)), None) if !value.is_empty() => Found::Token(Token {
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
