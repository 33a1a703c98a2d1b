//! Paths as routes describe them, and what requests' paths give for their variables.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use smallvec::SmallVec;

use super::{expression::Expression, path::canonical, report::Invalid};

/// Which paths a rule is for.
#[derive(Clone, Debug, PartialEq)]
pub enum PathPattern {
    /// This path.
    Exact(Arc<str>),
    /// Paths that the expression matches as a whole.
    Regex(Expression),
    /// Paths that begin with these segments, and end as `tail` says.
    Segments {
        segments: Box<[Segment]>,
        tail: Tail,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Segment {
    Literal(Box<str>),
    /// Any segment that is not empty.
    Variable(Box<str>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Tail {
    /// Nothing follows: a template.
    End,
    /// A slash and anything follows; it has this name.
    Rest(Box<str>),
    /// Nothing, or a slash and anything follows.
    Prefix,
}

/// Where a part of a path that an action needs is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Segment(u16),
    /// From this segment on.
    From(u16),
    Group(u16),
    /// What follows so many bytes.
    After(u16),
}

/// The parts of one request's path that its route's action needs, in the action's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures(SmallVec<[(u32, u32); 4]>);

impl PathPattern {
    /// Every path.
    pub fn any() -> Self {
        Self::Segments {
            segments: Box::default(),
            tail: Tail::Prefix,
        }
    }

    /// What is written under `path`: a whole path, or a template.
    pub fn path(text: &str) -> Result<Self, Invalid> {
        if !text.contains(['{', '}']) || !text.starts_with('/') {
            return canonical(text).map(|path| Self::Exact(path.into()));
        }
        let mut segments = Vec::new();
        let mut tail = Tail::End;
        let mut names = BTreeSet::new();
        for part in text[1..].split('/') {
            if let Tail::Rest(name) = tail {
                return Err(Invalid::new(
                    format!("`{{{name}...}}` is not the last segment"),
                    "only the last segment can stand for all that remain",
                ));
            }
            let Some(name) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) else {
                segments.push(literal(part)?);
                continue;
            };
            let (name, rest) = match name.strip_suffix("...") {
                Some(name) => (name, true),
                None => (name, false),
            };
            check_name(name)?;
            if !names.insert(name) {
                return Err(Invalid::new(
                    format!("the variable `{name}` stands twice in `{text}`"),
                    "give each variable its own name",
                ));
            }
            if rest {
                tail = Tail::Rest(name.into());
            } else {
                segments.push(Segment::Variable(name.into()));
            }
        }
        Ok(Self::Segments {
            segments: segments.into(),
            tail,
        })
    }

    /// What is written under `prefix`. A slash at the end means nothing.
    pub fn prefix(text: &str) -> Result<Self, Invalid> {
        if text.contains(['{', '}']) {
            return Err(Invalid::new(
                format!("the prefix `{text}` holds a brace; prefixes have no variables"),
                "write a template under `path`: `/orders/{id}/{rest...}`",
            ));
        }
        let path = canonical(text)?;
        let segments = match path.strip_suffix('/').unwrap_or(&path) {
            "" => Box::default(),
            path => path[1..]
                .split('/')
                .map(|part| Segment::Literal(part.into()))
                .collect(),
        };
        Ok(Self::Segments {
            segments,
            tail: Tail::Prefix,
        })
    }

    /// What is written under `regex`.
    pub fn regex(text: &str) -> Result<Self, Invalid> {
        Expression::new(text).map(Self::Regex)
    }

    /// The plain meaning, for explaining and testing: the table finds rules without asking each.
    pub fn matches(&self, path: &str) -> bool {
        let (segments, tail) = match self {
            Self::Exact(exact) => return path == &**exact,
            Self::Regex(expression) => return expression.is_match(path.as_bytes()),
            Self::Segments { segments, tail } => (segments, tail),
        };
        let Some(path) = path.strip_prefix('/') else {
            return false;
        };
        let mut parts = path.split('/');
        let begins = segments.iter().all(|segment| match segment {
            Segment::Literal(literal) => parts.next() == Some(literal),
            Segment::Variable(_) => parts.next().is_some_and(|part| !part.is_empty()),
        });
        begins
            && match tail {
                Tail::End => parts.next().is_none(),
                Tail::Rest(_) => parts.next().is_some(),
                Tail::Prefix => true,
            }
    }

    pub fn variables(&self) -> Vec<&str> {
        match self {
            Self::Exact(_) => Vec::new(),
            Self::Regex(expression) => expression.groups().collect(),
            Self::Segments { segments, tail } => {
                let mut names: Vec<&str> = segments
                    .iter()
                    .filter_map(|segment| match segment {
                        Segment::Variable(name) => Some(&**name),
                        Segment::Literal(_) => None,
                    })
                    .collect();
                if let Tail::Rest(name) = tail {
                    names.push(name);
                }
                names
            }
        }
    }

    /// What the variables stand for in a path that matches.
    pub fn values(&self, path: &str) -> BTreeMap<String, String> {
        let value = |name: &str| {
            let captures = Captures::of(path, self, &[self.variable(name)?]);
            Some((name.to_owned(), captures.get(path, 0).to_owned()))
        };
        self.variables().into_iter().filter_map(value).collect()
    }

    /// Where the variable `name` is found; none if there is none.
    pub fn variable(&self, name: &str) -> Option<Source> {
        match self {
            Self::Exact(_) => None,
            Self::Regex(expression) => expression.group(name).and_then(number).map(Source::Group),
            Self::Segments { segments, tail } => segments
                .iter()
                .position(|segment| matches!(segment, Segment::Variable(n) if **n == *name))
                .and_then(number)
                .map(Source::Segment)
                .or_else(|| match tail {
                    Tail::Rest(rest) if **rest == *name => number(segments.len()).map(Source::From),
                    _ => None,
                }),
        }
    }

    /// Where what follows a prefix is found; none if this is no prefix.
    pub fn after_prefix(&self) -> Option<Source> {
        let Self::Segments {
            segments,
            tail: Tail::Prefix,
        } = self
        else {
            return None;
        };
        let length = segments.iter().map(|segment| match segment {
            Segment::Literal(text) | Segment::Variable(text) => text.len() + 1,
        });
        number(length.sum()).map(Source::After)
    }
}

fn number(n: usize) -> Option<u16> {
    n.try_into().ok()
}

fn literal(part: &str) -> Result<Segment, Invalid> {
    if part.contains(['{', '}']) {
        return Err(Invalid::new(
            format!("`{part}` mixes a variable with other text"),
            "a variable is a whole segment, `{id}`; for less than a segment use `regex`",
        ));
    }
    canonical(&format!("/{part}")).map(|path| Segment::Literal(path[1..].into()))
}

/// Names of variables, in templates and in what rewrites make of them.
pub(super) fn check_name(name: &str) -> Result<(), Invalid> {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(letters)
    {
        return Ok(());
    }
    Err(Invalid::new(
        format!("`{name}` is not a name for a variable"),
        "letters, digits, `_` and `-`, beginning with a letter: `{order-id}`; `{rest...}` for all that remains",
    ))
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (segments, tail) = match self {
            Self::Exact(path) => return f.write_str(path),
            Self::Regex(expression) => return write!(f, "~ {}", expression.text()),
            Self::Segments { segments, tail } => (segments, tail),
        };
        for segment in segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Variable(name) => write!(f, "/{{{name}}}")?,
            }
        }
        match tail {
            Tail::End => Ok(()),
            Tail::Rest(name) => write!(f, "/{{{name}...}}"),
            Tail::Prefix => f.write_str("/*"),
        }
    }
}

impl Captures {
    /// `path` is one that `pattern` matches.
    pub(super) fn of(path: &str, pattern: &PathPattern, sources: &[Source]) -> Self {
        let range = |source: &Source| {
            let (start, end) = match *source {
                Source::Segment(n) => segment(path, n),
                Source::From(n) => (segment(path, n).0, path.len()),
                Source::After(n) => (usize::from(n).min(path.len()), path.len()),
                Source::Group(n) => match pattern {
                    PathPattern::Regex(expression) => {
                        expression.locate(path.as_bytes(), usize::from(n))
                    }
                    _ => (0, 0),
                },
            };
            // Paths are far shorter than 4 GiB.
            (start as u32, end as u32)
        };
        Self(sources.iter().map(range).collect())
    }

    /// The part of `path` with this number; empty if there is none.
    pub fn get<'p>(&self, path: &'p str, number: usize) -> &'p str {
        let range = self.0.get(number).copied();
        range
            .and_then(|(start, end)| path.get(start as usize..end as usize))
            .unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn segment(path: &str, number: u16) -> (usize, usize) {
    let slash = path.match_indices('/').nth(usize::from(number));
    let start = slash.map_or(path.len(), |(at, _)| at + 1);
    let end = path[start..].find('/').map_or(path.len(), |at| start + at);
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> PathPattern {
        PathPattern::path(text).unwrap()
    }

    #[test]
    fn whole_paths_templates_and_prefixes_match_by_segments() {
        assert!(path("/orders").matches("/orders") && !path("/orders").matches("/orders/"));
        let template = path("/orders/{id}");
        assert!(template.matches("/orders/7"));
        for no in ["/orders", "/orders/", "/orders/7/items", "/order/7"] {
            assert!(!template.matches(no), "{no}");
        }
        let rest = path("/files/{rest...}");
        assert!(rest.matches("/files/") && rest.matches("/files/a/b") && !rest.matches("/files"));
        let prefix = PathPattern::prefix("/orders/").unwrap();
        for yes in ["/orders", "/orders/", "/orders/7"] {
            assert!(prefix.matches(yes), "{yes}");
        }
        assert!(!prefix.matches("/orders-old"));
        assert!(PathPattern::any().matches("/") && !PathPattern::any().matches("*"));
        assert_eq!(PathPattern::prefix("/").unwrap(), PathPattern::any());
    }

    #[test]
    fn patterns_print_as_they_are_written() {
        for text in ["/a b", "/o/{id}/items/{rest...}", "/"] {
            let printed = path(text).to_string();
            assert_eq!(printed, text.replace(' ', "%20"));
        }
        assert_eq!(PathPattern::prefix("/a").unwrap().to_string(), "/a/*");
        assert_eq!(PathPattern::regex("/a+").unwrap().to_string(), "~ /a+");
    }

    #[test]
    fn bad_templates_say_what_to_write() {
        for (text, hint) in [
            ("/a/{id}.json", "whole segment"),
            ("/{rest...}/a", "only the last"),
            ("/{id}/{id}", "its own name"),
            ("/{}", "letters"),
            ("/{7}", "letters"),
            ("/a/{id", "whole segment"),
            ("{id}", "write `/"),
        ] {
            let invalid = PathPattern::path(text).expect_err(text);
            assert!(invalid.hint.contains(hint), "{text}: {invalid:?}");
        }
        assert!(
            PathPattern::prefix("/{id}")
                .unwrap_err()
                .hint
                .contains("under `path`")
        );
    }

    #[test]
    fn captures_are_ranges_of_the_path() {
        let get = |pattern: &PathPattern, name: &str, path: &'static str| {
            let source = pattern.variable(name).unwrap();
            Captures::of(path, pattern, &[source]).get(path, 0)
        };
        let template = path("/o/{id}/{rest...}");
        assert_eq!(get(&template, "id", "/o/7/a/b"), "7");
        assert_eq!(get(&template, "rest", "/o/7/a/b"), "a/b");
        assert_eq!(get(&template, "rest", "/o/7/"), "");
        let regex = PathPattern::regex("/v(?<n>[0-9]+)/.*").unwrap();
        assert_eq!(get(&regex, "n", "/v12/x"), "12");
        let prefix = PathPattern::prefix("/a/b").unwrap();
        let sources = [prefix.after_prefix().unwrap()];
        for (path, rest) in [("/a/b", ""), ("/a/b/", "/"), ("/a/b/c", "/c")] {
            assert_eq!(Captures::of(path, &prefix, &sources).get(path, 0), rest);
        }
        assert_eq!(template.variables(), ["id", "rest"]);
        assert!(template.variable("x").is_none() && template.after_prefix().is_none());
    }
}
