//! Which route a preflight request asks about: the one that would answer the request it announces.
//!
//! It tells the method and the names of the fields that a script sets, not their values, and nothing of those that the
//! browser sets by itself. So a condition on a field is judged where it can be, and taken as met where it cannot, for
//! routes that have `cors`.

use std::ops::ControlFlow;

use http::{HeaderMap, HeaderName, header};

use super::super::{
    predicate::{HeaderTest, ValueTest},
    rule::{RequestView, Rule},
    table::{RouteIndex, Table},
};

/// The route that the announced request would find, if `shares` says that it has `cors`. `view` has the announced
/// method, and the fields of the preflight request.
pub fn find<R>(
    table: &Table<R>,
    view: &RequestView<'_>,
    shares: impl Fn(&R) -> bool,
) -> Option<RouteIndex> {
    let mut visit = |rule: &Rule| {
        if !rule.accepts_method(view.method) || !rule.query.iter().all(|it| it.holds(view.query)) {
            return ControlFlow::Continue(());
        }
        let index = RouteIndex::of(rule);
        match (fields(rule, view.headers), shares(table.get(index))) {
            (Known::Fails, _) | (Known::Unknown, false) => ControlFlow::Continue(()),
            (Known::Holds, false) => ControlFlow::Break(None),
            (Known::Holds | Known::Unknown, true) => ControlFlow::Break(Some(index)),
        }
    };
    match table.visit(view.host, view.path, &mut visit) {
        ControlFlow::Break(found) => found,
        ControlFlow::Continue(()) => None,
    }
}

/// What can be said about a condition on the announced request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Holds,
    Fails,
    Unknown,
}

fn fields(rule: &Rule, preflight: &HeaderMap) -> Known {
    let mut all = Known::Holds;
    for test in &rule.headers {
        match field(test, preflight) {
            Known::Fails => return Known::Fails,
            Known::Unknown => all = Known::Unknown,
            Known::Holds => {}
        }
    }
    all
}

fn field(test: &HeaderTest, preflight: &HeaderMap) -> Known {
    if announces(preflight, &test.name) {
        return match test.value {
            ValueTest::Present => Known::Holds,
            ValueTest::Absent => Known::Fails,
            ValueTest::Exact(_) | ValueTest::Regex(_) => Known::Unknown,
        };
    }
    // A script's other fields would have been announced; `origin` is the same in both requests.
    if test.name != header::ORIGIN && is_browsers(&test.name) {
        Known::Unknown
    } else if test.holds(preflight) {
        Known::Holds
    } else {
        Known::Fails
    }
}

fn announces(preflight: &HeaderMap, name: &HeaderName) -> bool {
    let values = preflight.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let names = values.iter().filter_map(|value| value.to_str().ok());
    names
        .flat_map(|names| names.split(','))
        .any(|it| it.trim().eq_ignore_ascii_case(name.as_str()))
}

/// Fields that come without having been announced
/// (<https://fetch.spec.whatwg.org/#cors-safelisted-request-header>, <https://fetch.spec.whatwg.org/#forbidden-request-header>).
fn is_browsers(name: &HeaderName) -> bool {
    let name = name.as_str();
    let listed = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "authorization",
        "content-language",
        "content-length",
        "content-type",
        "cookie",
        "date",
        "dnt",
        "expect",
        "range",
        "referer",
        "user-agent",
        "via",
    ];
    listed.contains(&name) || name.starts_with("sec-") || name.starts_with("proxy-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str, value: ValueTest, announced: &'static str) -> Known {
        let mut preflight = HeaderMap::new();
        preflight.insert(header::ORIGIN, "https://a.test".parse().unwrap());
        preflight.insert("x-edge", "1".parse().unwrap());
        if !announced.is_empty() {
            let announced = announced.parse().unwrap();
            preflight.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, announced);
        }
        let name = name.parse().unwrap();
        field(&HeaderTest { name, value }, &preflight)
    }

    #[test]
    fn what_a_preflight_tells_is_used() {
        let exact = |text: &str| ValueTest::Exact(text.into());
        for (name, value, announced, expected) in [
            ("x-beta", exact("1"), "x-a, X-Beta", Known::Unknown),
            ("x-beta", ValueTest::Present, "x-beta", Known::Holds),
            ("x-beta", ValueTest::Absent, "x-beta", Known::Fails),
            ("x-beta", exact("1"), "x-a", Known::Fails),
            ("x-beta", ValueTest::Absent, "", Known::Holds),
            ("content-type", exact("text/plain"), "", Known::Unknown),
            ("sec-fetch-mode", ValueTest::Present, "", Known::Unknown),
            ("origin", exact("https://a.test"), "", Known::Holds),
            ("origin", exact("https://b.test"), "", Known::Fails),
            ("x-edge", exact("1"), "", Known::Holds),
        ] {
            let shown = format!("{name} {value:?} {announced}");
            assert_eq!(known(name, value, announced), expected, "{shown}");
        }
    }
}
