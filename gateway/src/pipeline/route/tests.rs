//! The table as a whole: what is written, and which route answers.

use std::{path::PathBuf, sync::Arc};

use http::{HeaderMap, HeaderValue, Method};

use super::{
    Captures, NoRoute, PathPattern, Report, RequestView, Rule, Table, Wanted, compile_matches,
};
use crate::config::{
    Source,
    problem::Problem,
    raw::{self, RouteFile},
    span::{Span, Spanned},
};

mod property;

/// Routes named `r0`, `r1` …, each with one of these as its `match`.
fn build(matches: &[&str]) -> (Table<usize>, Vec<Problem>, usize) {
    let routes = matches
        .iter()
        .enumerate()
        .map(|(n, written)| format!("  - {{ name: r{n}, match: {written}, respond: {{}} }}\n"));
    let text = format!("routes:\n{}", routes.collect::<String>());
    let source = Source::<RouteFile>::new(PathBuf::from("r.yaml"), &text);
    let raw = source
        .raw
        .as_ref()
        .unwrap_or_else(|| panic!("{:?}\n{text}", source.problems));
    let mut report = Report::new(&source.path);
    let mut table = Table::default();
    let mut conflicts = 0;
    for (n, route) in raw.routes.iter().enumerate() {
        table.set(n as u32, Some(Arc::new(n)));
        for rule in compile_matches(&route.matches, n as u32, &Wanted::Nothing, &mut report) {
            conflicts += usize::from(table.insert(Arc::new(rule)).is_err());
        }
    }
    (table, report.into_problems(), conflicts)
}

fn table(matches: &[&str]) -> Table<usize> {
    let (table, problems, conflicts) = build(matches);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(conflicts, 0);
    table
}

fn ask(table: &Table<usize>, method: &str, host: &str, path: &str) -> Result<usize, NoRoute> {
    ask_with(table, method, host, path, &[])
}

/// `path` with its query.
fn ask_with(
    table: &Table<usize>,
    method: &str,
    host: &str,
    path: &str,
    fields: &[(&'static str, &'static str)],
) -> Result<usize, NoRoute> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let view = RequestView {
        method: &method.parse::<Method>().unwrap(),
        host,
        path,
        query,
        headers: &headers,
    };
    table.find(&view).map(|found| **table.get(found.index))
}

#[test]
fn the_most_specific_host_goes_first_and_the_search_goes_on() {
    let table = table(&[
        "{ prefix: / }",
        "{ host: '*.example.com', prefix: / }",
        "{ host: '*.eu.example.com', prefix: / }",
        "{ host: API.eu.example.com, prefix: /orders, method: GET }",
    ]);
    assert_eq!(ask(&table, "GET", "api.eu.example.com", "/orders/7"), Ok(3));
    assert_eq!(
        ask(&table, "POST", "api.eu.example.com", "/orders/7"),
        Ok(2)
    );
    assert_eq!(ask(&table, "GET", "www.eu.example.com", "/"), Ok(2));
    assert_eq!(ask(&table, "GET", "a.b.example.com", "/"), Ok(1));
    assert_eq!(ask(&table, "GET", "example.com", "/"), Ok(0));
    assert_eq!(ask(&table, "GET", "", "/"), Ok(0));
    assert_eq!(ask(&table, "GET", ".example.com", "/"), Ok(0));
}

#[test]
fn paths_go_from_narrow_to_broad() {
    let table = table(&[
        "{ prefix: / }",
        "{ path: '/{rest...}', method: PUT }",
        "{ prefix: /orders }",
        "{ path: '/orders/{rest...}' }",
        "{ path: '/orders/{id}' }",
        "{ path: '/{kind}/new' }",
        "{ regex: '/orders/[0-9]+' }",
        "{ regex: '/orders/[0-9]' }",
        "{ path: /orders/77 }",
        "{ prefix: /orders/old/a }",
    ]);
    for (path, route) in [
        ("/orders/77", 8),
        ("/orders/7", 6),
        ("/orders/x", 4),
        ("/orders/new", 4),
        ("/sales/new", 5),
        ("/orders/x/y", 3),
        ("/orders/", 3),
        ("/orders", 2),
        ("/orders/old/a/b", 9),
        ("/orders/old/b", 3),
        ("/else", 0),
    ] {
        assert_eq!(ask(&table, "GET", "h", path), Ok(route), "{path}");
    }
    assert_eq!(ask(&table, "PUT", "h", "/else"), Ok(1));
    assert_eq!(ask(&table, "OPTIONS", "h", "*"), Err(NoRoute::NotFound));
}

#[test]
fn methods_headers_and_query_decide_in_this_order() {
    let table = table(&[
        "{ path: /a }",
        "{ path: /a, method: [GET, HEAD] }",
        "{ path: /a, headers: { x-a: '1', x-b: { present: true } } }",
        "{ path: /a, headers: { x-a: '1' }, query: { q: { regex: '[0-9]+' }, z: { present: false } } }",
        "{ path: /a, headers: { x-a: '1' }, query: { q: { present: true } } }",
    ]);
    let both = [("x-a", "1"), ("x-b", "")];
    let one = [("x-a", "1")];
    assert_eq!(ask_with(&table, "GET", "h", "/a?q=1", &both), Ok(1));
    assert_eq!(ask_with(&table, "PUT", "h", "/a?q=1", &both), Ok(2));
    assert_eq!(ask_with(&table, "PUT", "h", "/a?q=1", &one), Ok(3));
    assert_eq!(ask_with(&table, "PUT", "h", "/a?q=1&z", &one), Ok(4));
    assert_eq!(ask_with(&table, "PUT", "h", "/a", &one), Ok(0));
}

#[test]
fn the_methods_that_would_do_are_told() {
    let table = table(&[
        "{ path: /a, method: [POST, GET] }",
        "{ prefix: /a, method: [PUT, GET] }",
        "{ path: /a, method: DELETE, headers: { x-a: '1' } }",
        "{ host: other, path: /a, method: PATCH }",
    ]);
    let allow = |value| {
        let allow = HeaderValue::from_static(value);
        Err(NoRoute::MethodNotAllowed { allow })
    };
    assert_eq!(ask(&table, "HEAD", "h", "/a"), allow("GET, POST, PUT"));
    let fields = [("x-a", "1")];
    assert_eq!(
        ask_with(&table, "HEAD", "h", "/a", &fields),
        allow("DELETE, GET, POST, PUT")
    );
    assert_eq!(ask(&table, "GET", "h", "/b"), Err(NoRoute::NotFound));
}

#[test]
fn equal_matches_conflict_unless_one_contradicts_the_other() {
    let conflicts = |a: &str, b: &str| build(&[a, b]).2 == 1;
    for (a, b) in [
        ("{ path: /a }", "{ path: /a }"),
        ("{ path: '/a/{x}' }", "{ path: '/a/{y}' }"),
        ("{ prefix: /a }", "{ prefix: /a/ }"),
        ("{ regex: /a+ }", "{ regex: /a+ }"),
        (
            "{ path: /a, method: [GET, PUT] }",
            "{ path: /a, method: [PUT, POST] }",
        ),
        (
            "{ path: /a, headers: { a: '1' } }",
            "{ path: /a, headers: { b: '1' } }",
        ),
        (
            "{ path: /a, headers: { a: { regex: '1+' } } }",
            "{ path: /a, headers: { A: '11' } }",
        ),
        (
            "{ path: /a, query: { a: { present: true } } }",
            "{ path: /a, query: { a: x } }",
        ),
        ("{ host: [a, b] }", "{ host: [b, c] }"),
        ("{}", "{ prefix: / }"),
        ("{ path: /%61 }", "{ path: /a }"),
    ] {
        assert!(conflicts(a, b) && conflicts(b, a), "{a} {b}");
    }
    for (a, b) in [
        ("{ path: /a }", "{ path: /A }"),
        ("{ path: '/a/{x}' }", "{ path: '/b/{x}' }"),
        ("{ path: '/{x}/a' }", "{ path: '/{x}/b' }"),
        ("{ regex: /a+ }", "{ regex: /b+ }"),
        ("{ path: /a, method: GET }", "{ path: /a, method: PUT }"),
        (
            "{ path: /a, headers: { a: '1' } }",
            "{ path: /a, headers: { A: '2' } }",
        ),
        (
            "{ path: /a, headers: { a: '1' } }",
            "{ path: /a, headers: { a: { present: false } } }",
        ),
        (
            "{ path: /a, query: { a: { regex: '[0-9]' } } }",
            "{ path: /a, query: { a: x } }",
        ),
        ("{ host: a }", "{ host: '*.a' }"),
        ("[{ path: /a }, { path: /a }]", "{ path: /b }"),
    ] {
        assert!(!conflicts(a, b) && !conflicts(b, a), "{a} {b}");
    }
}

#[test]
fn what_cannot_match_is_told_where_it_is_written() {
    for (written, message) in [
        ("{ path: /a, prefix: /b }", "more than one of"),
        ("{ host: 'a:80' }", "is not a host"),
        ("{ host: [a, A] }", "stands twice"),
        ("{ method: get }", "not in upper case"),
        ("{ method: 'G T' }", "not a method"),
        ("{ headers: { host: a } }", "no condition on a field"),
        ("{ headers: { ':path': a } }", "not the name of a field"),
        (
            "{ headers: { a: { exact: b, present: true } } }",
            "exactly one of",
        ),
        ("{ query: { a: {} } }", "exactly one of"),
        ("{ query: { a: { regex: '(' } } }", "bad regular expression"),
        ("{ regex: '(' }", "bad regular expression"),
        ("{ path: a }", "does not begin with"),
    ] {
        let (_, problems, _) = build(&[written]);
        assert_eq!(problems.len(), 1, "{written}: {problems:?}");
        assert!(problems[0].message.contains(message), "{problems:?}");
        assert!(problems[0].span.line == 2 && problems[0].hint.is_some());
    }
}

#[test]
fn the_list_is_in_the_order_of_matching() {
    let table = table(&[
        "{ prefix: / }",
        "{ host: b, path: '/{x}' }",
        "{ host: b, regex: /.* }",
        "{ host: a, prefix: / }",
        "{ host: '*.a', path: /x, method: GET }",
    ]);
    let listed: Vec<String> = table.rules().iter().map(|rule| rule.to_string()).collect();
    assert_eq!(
        listed,
        ["* a/*", "* b~ /.*", "* b/{x}", "GET *.a/x", "* */*"]
    );
}

#[test]
fn hosts_without_rules_are_forgotten() {
    let mut table = table(&[
        "{ host: '*.a', path: /x }",
        "{ prefix: / }",
        "{ host: b, regex: /x }",
    ]);
    let rules: Vec<Arc<Rule>> = table.rules().into_iter().cloned().collect();
    let before = table.clone();
    for rule in &rules {
        table.remove(rule);
        table.remove(rule);
    }
    assert!(table.rules().is_empty());
    assert_eq!(format!("{table:?}").matches("HostTable").count(), 0);
    assert_eq!(ask(&before, "GET", "z.a", "/x"), Ok(0));
}

/// A route with these keys, and what `compile` makes of it.
pub(super) fn read_route<T>(
    keys: &str,
    compile: impl FnOnce(&raw::Route, &mut Report<'_>) -> T,
) -> (T, Vec<Problem>) {
    let text = format!("routes: [{{ name: r, {keys} }}]");
    let source = Source::<RouteFile>::new(PathBuf::from("r.yaml"), &text);
    let file = source
        .raw
        .as_ref()
        .unwrap_or_else(|| panic!("{:?}\n{text}", source.problems));
    let mut report = Report::new(&source.path);
    let made = compile(&file.routes[0], &mut report);
    (made, report.into_problems())
}

/// A good action, and what a request for `path` gives it.
pub(super) fn compile_action<T>(
    keys: &str,
    pattern: &PathPattern,
    path: &str,
    compile: impl FnOnce(&raw::Route, &mut Report<'_>) -> (T, Wanted),
) -> (T, Captures) {
    assert!(pattern.matches(path), "{pattern} {path}");
    let matched = raw::Match {
        prefix: Some(Spanned::default()),
        ..raw::Match::default()
    };
    let (made, problems) = read_route(keys, |route, report| {
        let (action, wanted) = compile(route, report);
        let sources = wanted.sources(pattern, &Spanned::new(matched, Span::default()), report);
        (
            action,
            Captures::of(path, pattern, &sources.unwrap_or_default()),
        )
    });
    assert!(problems.is_empty(), "{problems:?}");
    made
}

#[test]
fn actions_that_do_not_fit_their_match_are_told() {
    let told = |keys: &str, compile: fn(&raw::Route, &mut Report<'_>) -> Wanted| {
        let ((), problems) = read_route(keys, |route, report| {
            let wanted = compile(route, report);
            compile_matches(&route.matches, 0, &wanted, report);
        });
        let problem = problems.first().unwrap_or_else(|| panic!("{keys}"));
        assert_eq!(problems.len(), 1, "{problems:?}");
        format!(
            "{} | {}",
            problem.message,
            problem.hint.as_deref().unwrap_or_default()
        )
    };
    let rewrite = |written: &str| {
        told(
            &format!("to: a, match: {{ path: '/o/{{order}}' }}, rewrite: {written}"),
            |route, report| super::Rewrite::compile(route.rewrite.as_ref().unwrap(), report).1,
        )
    };
    let redirect = |written: &str| {
        told(
            &format!("match: {{ path: '/o/{{order}}' }}, redirect: {written}"),
            |route, report| super::Redirect::compile(route.redirect.as_ref().unwrap(), report).1,
        )
    };
    for (told, part) in [
        (rewrite("{ path: '/{ordr}' }"), "did you mean `{order}`?"),
        (rewrite("{ path: '/{zzz}' }"), "the variables are: order"),
        (rewrite("{ path: '/{order' }"), "has no partner"),
        (rewrite("{ path: '/order}' }"), "has no partner"),
        (rewrite("{ path: 'a/{order}' }"), "does not begin with"),
        (rewrite("{ prefix: /a }"), "no matched prefix"),
        (
            rewrite("{ prefix: /a, path: /b }"),
            "both `path` and `prefix`",
        ),
        (rewrite("{ prefix: '/{order}' }"), "under `path`"),
        (rewrite("{ host: 'a b' }"), "is not a host"),
        (rewrite("{ host: 'u@a' }"), "is not a host"),
        (rewrite("{ host: 'a:x' }"), "is not a host"),
        (redirect("{}"), "where the client already is"),
        (redirect("{ scheme: ftp }"), "write `http` or `https`"),
        (redirect("{ host: a, status: 304 }"), "one of 301"),
    ] {
        assert!(told.contains(part), "{told}");
    }
}
