//! From files to snapshots and from one snapshot to the next.

use std::{path::PathBuf, sync::Arc};

use super::*;
use crate::config::{Source, raw::RouteFile};

mod incremental;
mod reloading;
mod spelling;

fn gateway(text: &str) -> GatewayFile {
    let source = Source::<raw::Gateway>::new(PathBuf::from("witgate.yaml"), text);
    GatewayFile {
        path: Arc::clone(&source.path),
        raw: source
            .raw
            .unwrap_or_else(|| panic!("{:?}", source.problems)),
    }
}

fn file(name: &str, text: &str) -> SourceFile {
    let source = Source::<RouteFile>::new(PathBuf::from(name), text);
    SourceFile {
        path: Arc::clone(&source.path),
        raw: source
            .raw
            .unwrap_or_else(|| panic!("{:?}\n{text}", source.problems)),
    }
}

fn inputs(files: &[(&str, &str)]) -> Inputs {
    Inputs {
        gateway: gateway("listeners: [{ address: '127.0.0.1:0' }]"),
        plugins: Arc::default(),
        catalog: Arc::default(),
        limiters: Arc::default(),
        sources: files.iter().map(|(name, text)| file(name, text)).collect(),
    }
}

fn compiled(files: &[(&str, &str)]) -> Arc<Snapshot> {
    Arc::new(compile(&inputs(files), None).unwrap())
}

/// Each as `FILE:LINE:COLUMN MESSAGE | HINT | FILE:LINE` of the related place.
fn told(problems: &[Problem]) -> Vec<String> {
    let line = |it: &Problem| {
        let related = it.related.as_ref();
        let related = related.map(|(file, span, _)| format!("{}:{}", file.display(), span.line));
        format!(
            "{}:{}:{} {} | {} | {}",
            it.file.display(),
            it.span.line,
            it.span.column,
            it.message,
            it.hint.as_deref().unwrap_or("-"),
            related.as_deref().unwrap_or("-")
        )
    };
    problems.iter().map(line).collect()
}

fn problems(files: &[(&str, &str)]) -> Vec<String> {
    told(&compile(&inputs(files), None).unwrap_err())
}

const ORDERS: &str = "
upstreams: { orders: http://127.0.0.1:9001 }
routes:
  - name: read-orders
    match: { host: api.example.com, path: '/orders/{id}', method: GET }
    to: orders
    rewrite: { path: '/v2/{id}' }
    timeouts: { request: 2s }
    limits: { body: 1KiB }
  - { name: home, match: { path: / }, redirect: { path: /start } }
tests:
  - { request: GET http://api.example.com/orders/7, route: read-orders }
  - { request: GET /nothing, route: none }
";

#[test]
fn a_route_has_what_it_needs() {
    let snapshot = compiled(&[("orders.yaml", ORDERS)]);
    let probe = Probe::parse("GET", "http://api.example.com/orders/7", []).unwrap();
    let found = snapshot.table.find(&probe.view()).unwrap();
    let route = snapshot.table.get(found.index);
    assert_eq!((&*route.name, route.place.span.line), ("read-orders", 4));
    assert_eq!(route.request_timeout.as_secs(), 2);
    assert_eq!(route.idle_timeout, snapshot.settings.timeouts.idle);
    assert_eq!(route.body_limit, Some(1024));
    let Action::Forward { upstream, rewrite } = &route.action else {
        panic!("{route:?}");
    };
    assert!(Arc::ptr_eq(
        upstream,
        &snapshot.upstreams.get("orders").unwrap().upstream
    ));
    let new = rewrite.path_and_query("/orders/7", None, &found.captures);
    assert_eq!(new.unwrap().unwrap(), "/v2/7");
    assert_eq!((snapshot.generation, snapshot.warnings.len()), (1, 0));
}

#[test]
fn all_problems_are_told_at_once_with_both_places() {
    let first = "
upstreams: { a: http://a:1, b: http://b:1 }
routes:
  - { name: one, match: { path: /1 }, to: aa }
  - { name: two, match: { path: '/2/{x}' }, to: a }
  - { name: two, match: { path: /3 }, respond: {}, redirect: {} }
  - { name: none, respond: {} }
";
    let second = "
upstreams: { b: http://b:2 }
routes:
  - { name: one, respond: {}, match: { path: /4 } }
  - { name: three, match: { path: '/2/{y}' }, to: b }
  - { name: four, match: { path: /5 } }
  - { name: five, match: { path: /6 }, respond: {}, rewrite: { host: a } }
";
    let told = problems(&[("2.yaml", second), ("1.yaml", first)]);
    let parts = [
        (
            "1.yaml:4:",
            "no upstream is called `aa` | did you mean `a`?",
        ),
        ("1.yaml:6:", "does more than one thing"),
        ("1.yaml:6:", "two routes are called `two`"),
        ("1.yaml:7:", "`none` is not a name"),
        ("2.yaml:2:", "two upstreams are called `b`"),
        ("2.yaml:4:", "two routes are called `one`"),
        (
            "2.yaml:5:",
            "`three` and `two` match the same requests equally well",
        ),
        ("2.yaml:6:", "does nothing"),
        ("2.yaml:7:", "this route has none"),
    ];
    assert_eq!(told.len(), parts.len(), "{told:#?}");
    for (place, message) in parts {
        let found = told
            .iter()
            .find(|it| it.starts_with(place) && it.contains(message));
        let found = found.unwrap_or_else(|| panic!("{place} {message}: {told:#?}"));
        if message.starts_with("two routes are called `one`") {
            assert!(found.ends_with("| 1.yaml:4"), "{found}");
        }
    }
}

#[test]
fn tests_of_a_file_must_pass() {
    let text = "
routes:
  - { name: a, match: { prefix: /a, headers: { x-a: '1' } }, respond: {} }
tests:
  - { request: GET http://h/a/b, headers: { x-a: '1' }, route: a }
  - { request: GET http://h/a, route: a }
  - { request: GET /a, headers: { x-a: '1' }, route: b }
  - { request: GET /a, headers: { x-a: '1' }, route: none }
";
    let told = problems(&[("t.yaml", text)]);
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told[0].starts_with("t.yaml:6:") && told[0].contains("answered by no route"));
    assert!(told[1].contains("the route `a`, not by `b`") && told[1].ends_with("t.yaml:3"));
    assert!(told[2].contains("no route may answer it"));
    let bad = problems(&[("t.yaml", "tests: [{ request: nonsense, route: a }]")]);
    assert_eq!(bad.len(), 1);
}

#[test]
fn what_no_route_uses_is_a_warning() {
    let snapshot = compiled(&[("a.yaml", "upstreams: { a: http://a:1 }")]);
    assert!(told(&snapshot.warnings)[0].contains("no route forwards to the upstream `a`"));
}

#[test]
fn a_bad_upstream_is_told_once() {
    let text = "{ upstreams: { a: ftp://a }, routes: [{ name: r, to: a }] }";
    assert_eq!(problems(&[("a.yaml", text)]).len(), 1);
}

#[test]
fn explanations_show_limits_origins_and_retries() {
    let text = "
upstreams: { a: http://a:1 }
routes:
  - name: r
    to: a
    rate-limits: [{ by: address, rates: 5/s }]
    cors: { allow-origins: ['https://app.example.com', 'https://b.example.com'] }
    retry: { attempts: 3 }
";
    let snapshot = compiled(&[("r.yaml", text)]);
    let explanation = crate::cli::explain::ask(&snapshot, "GET", "http://x/", &[], None).unwrap();
    let text = crate::cli::explain::render(&explanation);
    for part in [
        "limit    r/1: ",
        "5/s",
        "by address",
        "cors     pages of https://app.example.com, https://b.example.com",
        "retry    up to 3 times",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn explanations_say_who_answers_and_why_others_do_not() {
    let more = "
upstreams: { all: { endpoints: [http://a:1, http://b:1] } }
routes:
  - { name: rest, match: { host: api.example.com, prefix: /orders }, to: all }
  - { name: write, match: { host: api.example.com, path: '/orders/{id}', method: PUT }, to: all }
  - { name: acme, match: { path: '/orders/{id}', headers: { x-tenant: acme } }, respond: {} }
  - { name: other, match: { host: apo.example.com, path: '/orders/{id}' }, to: all }
  - { name: far, match: { host: zzz, path: /zzz }, to: all }
";
    let snapshot = compiled(&[("orders.yaml", ORDERS), ("more.yaml", more)]);
    let url = "http://api.example.com/orders/7?a=b";
    let explanation = crate::cli::explain::ask(&snapshot, "GET", url, &[], None).unwrap();
    let winner = explanation.route.as_ref().unwrap();
    assert_eq!(
        (&*winner.name, winner.variables["id"].as_str()),
        ("read-orders", "7")
    );
    assert_eq!(
        winner.action,
        Destination::Forward {
            upstream: "orders".into(),
            endpoints: vec!["http://127.0.0.1:9001".into()],
            host: None,
            path: "/v2/7?a=b".into(),
        }
    );
    let others: Vec<_> = explanation
        .others
        .iter()
        .map(|it| (&*it.route, &*it.why))
        .collect();
    assert_eq!(
        others[..3],
        [
            (
                "rest",
                "it matches too, but the other path is more specific"
            ),
            ("write", "it is for PUT, not GET"),
            ("acme", "the header condition `x-tenant=acme` does not hold"),
        ]
    );
    assert!(others.contains(&("other", "it is for the host `apo.example.com`")));
    assert_eq!(explanation.more, 1);
    let text = crate::cli::explain::render(&explanation);
    for part in [
        "is answered by the route read-orders (orders.yaml:4)",
        "{id} = 7",
        "1 more",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["route"]["action"]["forward"]["upstream"], "orders");

    let none = crate::cli::explain::ask(&snapshot, "POST", "http://zzz/", &[], None).unwrap();
    assert_eq!(none.error, None);
    let none = crate::cli::explain::ask(&snapshot, "POST", "http://zzz/none", &[], None).unwrap();
    assert_eq!(none.error.map(|it| it.status), Some(404));
    assert!(crate::cli::explain::ask(&snapshot, "GET", "/", &["bad".into()], None).is_err());
}

#[test]
fn the_list_shows_columns_in_the_order_of_matching() {
    let snapshot = compiled(&[("orders.yaml", ORDERS)]);
    let text = crate::cli::routes::render(&snapshot);
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|it| it.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0][..3], ["HOST", "PATH", "METHOD"]);
    assert_eq!(
        lines[1],
        [
            "api.example.com",
            "/orders/{id}",
            "GET",
            "-",
            "-",
            "to",
            "orders",
            "read-orders",
            "orders.yaml:4"
        ]
    );
    assert_eq!(lines[2][5..7], ["redirect", "302"]);
}
