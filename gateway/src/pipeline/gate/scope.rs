//! What tells the cells of a gate apart, and the names that they have by it.

use std::{borrow::Cow, fmt, fmt::Write};

use aws_lc_rs::digest::{SHA256, digest};

use super::super::identity::{Field, Identity};

/// Bytes of a value in the name of a cell. Of a longer one the beginning is there, and a digest.
const LONGEST_VALUE: usize = 128;
const BEGINNING: usize = 32;
/// Parts of a scope.
const MOST_PARTS: usize = 8;

/// What tells cells apart, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(Box<[Labelled]>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Labelled {
    part: Part,
    /// As in the names of cells.
    label: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Route,
    Upstream,
    Endpoint,
    Identity(Field),
}

/// It is no scope.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    #[error("a scope needs at least one part, as `route`")]
    Empty,
    #[error("a scope has at most {MOST_PARTS} parts")]
    Long,
    #[error(
        "`{0}` is no part of a scope; write `route`, `upstream`, `endpoint`, `subject`, `tenant`, `consumer`, `issuer` \
        or `claim:` with a JSON pointer"
    )]
    Part(String),
    #[error("the scope has `{0}` twice")]
    Twice(String),
}

impl Scope {
    /// # Errors
    /// When a part is none, or there twice.
    pub fn parse(parts: &[String]) -> Result<Self, ScopeError> {
        if parts.is_empty() {
            return Err(ScopeError::Empty);
        }
        if parts.len() > MOST_PARTS {
            return Err(ScopeError::Long);
        }
        let mut parsed: Vec<Labelled> = Vec::with_capacity(parts.len());
        for text in parts {
            let part = match text.as_str() {
                "route" => Part::Route,
                "upstream" => Part::Upstream,
                "endpoint" => Part::Endpoint,
                // These are no one's.
                "scheme" | "scopes" => return Err(ScopeError::Part(text.clone())),
                field => match field.parse() {
                    Ok(field) => Part::Identity(field),
                    Err(_) => return Err(ScopeError::Part(text.clone())),
                },
            };
            if parsed.iter().any(|other| other.part == part) {
                return Err(ScopeError::Twice(text.clone()));
            }
            let mut label = String::new();
            write_value(text, &mut label);
            let label = label.into();
            parsed.push(Labelled { part, label });
        }
        Ok(Self(parsed.into()))
    }

    /// Whether the cells are asked when an endpoint is chosen.
    pub fn has_endpoint(&self) -> bool {
        self.0.iter().any(|it| it.part == Part::Endpoint)
    }

    /// Whether a route without an upstream has such cells.
    pub fn needs_upstream(&self) -> bool {
        self.has_endpoint() || self.0.iter().any(|it| it.part == Part::Upstream)
    }

    /// Whether who asks tells cells apart: then there may be many.
    pub fn has_identity(&self) -> bool {
        let identity = |it: &Labelled| matches!(it.part, Part::Identity(_));
        self.0.iter().any(identity)
    }

    /// Writes the name of a cell.
    pub fn write_name(&self, values: &Values<'_>, name: &mut String) {
        for Labelled { part, label } in &self.0 {
            let value = match part {
                Part::Route => Cow::Borrowed(values.route),
                Part::Upstream => Cow::Borrowed(values.upstream),
                Part::Endpoint => Cow::Borrowed(values.endpoint),
                Part::Identity(field) => {
                    let identity = values.identity;
                    let value = identity.and_then(|identity| identity.field(field));
                    value.unwrap_or_default()
                }
            };
            if !name.is_empty() {
                name.push('/');
            }
            name.push_str(label);
            name.push('=');
            write_value(&value, name);
        }
    }

    /// Whether a text could be the name of a cell.
    pub(super) fn fits(&self, name: &str) -> bool {
        let mut given = name.split('/');
        let mut fits = |it: &Labelled| {
            let given = given.next().and_then(|given| given.split_once('='));
            given.is_some_and(|(label, _)| *label == *it.label)
        };
        self.0.iter().all(&mut fits) && given.next().is_none()
    }
}

/// What the parts of a scope are for one exchange.
#[derive(Clone, Copy, Debug, Default)]
pub struct Values<'a> {
    pub route: &'a str,
    pub upstream: &'a str,
    pub endpoint: &'a str,
    pub identity: Option<&'a Identity>,
}

/// What separates names from values and parts from each other does not stand in them.
fn write_value(value: &str, name: &mut String) {
    let clean = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@,;+!*()'&$".contains(&byte);
    let long = value.len() > LONGEST_VALUE;
    let shown = if long {
        let end = (0..=BEGINNING)
            .rev()
            .find(|end| value.is_char_boundary(*end));
        &value[..end.unwrap_or(0)]
    } else {
        value
    };
    if shown.bytes().all(clean) {
        name.push_str(shown);
    } else {
        for byte in shown.bytes() {
            if clean(byte) {
                name.push(char::from(byte));
            } else {
                // Writing to a string does not fail.
                let _ = write!(name, "%{byte:02X}");
            }
        }
    }
    if long {
        name.push('~');
        for byte in digest(&SHA256, value.as_bytes()).as_ref() {
            let _ = write!(name, "{byte:02x}");
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route => f.write_str("route"),
            Self::Upstream => f.write_str("upstream"),
            Self::Endpoint => f.write_str("endpoint"),
            Self::Identity(field) => field.fmt(f),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Labelled { part, .. }) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{part}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(parts: &[&str]) -> Result<Scope, String> {
        let parts: Vec<_> = parts.iter().map(|part| (*part).to_owned()).collect();
        Scope::parse(&parts).map_err(|error| error.to_string())
    }

    fn name(parts: &[&str], values: Values<'_>) -> String {
        let mut name = String::new();
        scope(parts).unwrap().write_name(&values, &mut name);
        name
    }

    #[test]
    fn a_cell_is_named_after_its_scope() {
        let values = Values {
            route: "a b",
            upstream: "orders",
            endpoint: "http://127.0.0.1:9001",
            identity: None,
        };
        assert_eq!(name(&["route"], values), "route=a%20b");
        let name = name(&["upstream", "endpoint", "claim:/org"], values);
        assert_eq!(
            name,
            "upstream=orders/endpoint=http:%2F%2F127.0.0.1:9001/claim:%2Forg="
        );
        let scope = scope(&["upstream", "endpoint", "claim:/org"]).unwrap();
        assert!(scope.fits(&name) && scope.has_endpoint() && scope.has_identity());
        assert!(!scope.fits("upstream=orders") && !scope.fits(&format!("{name}/route=x")));
    }

    #[test]
    fn a_long_value_is_cut_and_still_tells_cells_apart() {
        let long = "\u{e9}".repeat(100);
        let longer = format!("{long}x");
        let named = |route| {
            name(
                &["route"],
                Values {
                    route,
                    ..Values::default()
                },
            )
        };
        assert_ne!(named(&long), named(&longer));
        assert!(named(&long).len() < 200);
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        assert!(scope(&[]).unwrap_err().contains("at least one part"));
        assert!(scope(&["rout"]).unwrap_err().contains("`rout` is no part"));
        assert!(
            scope(&["route", "tenant", "route"])
                .unwrap_err()
                .contains("`route` twice")
        );
        assert!(scope(&["scopes"]).is_err() && scope(&["claim:x"]).is_err());
        assert!(scope(&["claim:/a"; 9]).unwrap_err().contains("at most 8"));
    }
}
