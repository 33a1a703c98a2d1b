//! Which of two rules goes first when a request matches both.
//!
//! The order is that of the Kubernetes Gateway API (`HTTPRouteRule.matches`, `HTTPRouteSpec.hostnames`), with a
//! place for what it leaves open. The order of files and the order within a file mean nothing. In turn:
//!
//! 1. **Host**: an exact name before a wildcard, the longer wildcard first, then any host. When no rule of the most
//!    specific host accepts the request, the search goes on with the less specific ones.
//! 2. **Path**: a whole path before a regular expression; the longer expression first, then by its text; then
//!    templates and prefixes, compared segment by segment from the left: literal before `{variable}` before
//!    `{rest...}` before the end of a prefix. So the longer of two prefixes goes first.
//! 3. **Method**: a rule that names methods before one that takes any.
//! 4. **Header fields**: more conditions first.
//! 5. **Query parameters**: more conditions first.
//!
//! Two rules that are still equal, belong to different routes and could both match one request are an error when
//! the files are loaded (`overlap`).

use std::cmp::{Ordering, Reverse};

use super::{
    host::HostPattern,
    pattern::{PathPattern, Segment, Tail},
    rule::Rule,
};

/// The rule that decides between two others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    Host,
    Path,
    Method,
    Headers,
    Query,
}

/// `Less` goes first. Equal rules are of equal rank, not the same.
pub fn compare(a: &Rule, b: &Rule) -> Ordering {
    decide(a, b).map_or(Ordering::Equal, |(order, _)| order)
}

/// Which of the two goes first, and by what; none if they are of equal rank.
pub fn decide(a: &Rule, b: &Rule) -> Option<(Ordering, Criterion)> {
    let order = [
        (compare_hosts(&a.host, &b.host), Criterion::Host),
        (compare_paths(&a.path, &b.path), Criterion::Path),
        (
            a.methods.is_empty().cmp(&b.methods.is_empty()),
            Criterion::Method,
        ),
        (b.headers.len().cmp(&a.headers.len()), Criterion::Headers),
        (b.query.len().cmp(&a.query.len()), Criterion::Query),
    ];
    order.into_iter().find(|(order, _)| order.is_ne())
}

/// For lists: as [`compare`], and host by host where hosts are of equal rank.
pub fn compare_listed(a: &Rule, b: &Rule) -> Ordering {
    compare_hosts(&a.host, &b.host)
        .then_with(|| a.host.cmp(&b.host))
        .then_with(|| compare(a, b))
}

fn compare_hosts(a: &HostPattern, b: &HostPattern) -> Ordering {
    let rank = |host: &HostPattern| match host {
        HostPattern::Exact(_) => (0, Reverse(0)),
        HostPattern::Wildcard(suffix) => (1, Reverse(suffix.len())),
        HostPattern::Any => (2, Reverse(0)),
    };
    rank(a).cmp(&rank(b))
}

pub(super) fn compare_paths(a: &PathPattern, b: &PathPattern) -> Ordering {
    let kind = |path: &PathPattern| match path {
        PathPattern::Exact(_) => 0,
        PathPattern::Regex(_) => 1,
        PathPattern::Segments { .. } => 2,
    };
    kind(a).cmp(&kind(b)).then_with(|| match (a, b) {
        (PathPattern::Regex(a), PathPattern::Regex(b)) => {
            let rank = |text: &str| Reverse(text.len());
            rank(a.text())
                .cmp(&rank(b.text()))
                .then_with(|| a.text().cmp(b.text()))
        }
        _ => steps(a).cmp(steps(b)),
    })
}

/// What a template or a prefix asks of each segment in turn, the narrowest first.
fn steps(path: &PathPattern) -> impl Iterator<Item = u8> + '_ {
    let (segments, tail): (&[Segment], _) = match path {
        PathPattern::Segments { segments, tail } => (segments, Some(tail)),
        _ => (&[], None),
    };
    let step = |segment: &Segment| match segment {
        Segment::Literal(_) => 1,
        Segment::Variable(_) => 2,
    };
    let last = tail.map(|tail| match tail {
        Tail::End => 0,
        Tail::Rest(_) => 3,
        Tail::Prefix => 4,
    });
    segments.iter().map(step).chain(last)
}
