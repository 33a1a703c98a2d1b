//! One way to match a route: one host, one path, and conditions.

use std::fmt;

use http::{HeaderMap, Method};

use super::{
    host::HostPattern,
    pattern::{PathPattern, Source},
    predicate::{HeaderTest, QueryTest},
};
use crate::config::span::Span;

/// What routing reads of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    pub method: &'a Method,
    /// In lower case, without a port.
    pub host: &'a str,
    /// Normalised and percent-encoded.
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
}

/// One way to match a route.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The id of the route.
    pub route: u32,
    pub host: HostPattern,
    pub path: PathPattern,
    /// Empty: any.
    pub methods: Box<[Method]>,
    pub headers: Box<[HeaderTest]>,
    pub query: Box<[QueryTest]>,
    /// What the route's action needs of the path.
    pub captures: Box<[Source]>,
    /// Where the match was written, in the file of the route.
    pub span: Span,
}

/// The first condition of a rule that a request does not meet.
#[derive(Clone, Copy, Debug)]
pub enum Unmet<'r> {
    Host,
    Path,
    Method,
    Header(&'r HeaderTest),
    Query(&'r QueryTest),
}

impl Rule {
    /// Whether a request whose host and path match meets the other conditions.
    pub fn accepts(&self, view: &RequestView<'_>) -> bool {
        self.accepts_method(view.method) && self.accepts_fields(view)
    }

    pub fn accepts_method(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.methods.contains(method)
    }

    /// Whether the conditions on header fields and on the query hold.
    pub fn accepts_fields(&self, view: &RequestView<'_>) -> bool {
        self.headers.iter().all(|test| test.holds(view.headers))
            && self.query.iter().all(|test| test.holds(view.query))
    }

    /// Why the rule does not match; none when it does.
    pub fn unmet(&self, view: &RequestView<'_>) -> Option<Unmet<'_>> {
        if !self.host.matches(view.host) {
            return Some(Unmet::Host);
        }
        if !self.path.matches(view.path) {
            return Some(Unmet::Path);
        }
        if !self.accepts_method(view.method) {
            return Some(Unmet::Method);
        }
        let header = self.headers.iter().find(|test| !test.holds(view.headers));
        let query = || self.query.iter().find(|test| !test.holds(view.query));
        header
            .map(Unmet::Header)
            .or_else(|| query().map(Unmet::Query))
    }

    /// The methods as they are written; `*` for any.
    pub fn methods(&self) -> String {
        if self.methods.is_empty() {
            return String::from("*");
        }
        join(&self.methods, ",")
    }

    /// The conditions on header fields and on the query.
    pub fn conditions(&self) -> String {
        let headers = self.headers.iter().map(ToString::to_string);
        let query = self.query.iter().map(ToString::to_string);
        headers.chain(query).collect::<Vec<_>>().join(" ")
    }
}

fn join<T: ToString>(items: &[T], separator: &str) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(separator)
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.methods(), self.host, self.path)?;
        match self.conditions().as_str() {
            "" => Ok(()),
            conditions => write!(f, " {conditions}"),
        }
    }
}
