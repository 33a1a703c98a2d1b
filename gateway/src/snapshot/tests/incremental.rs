//! What is kept from one snapshot to the next.

use super::*;

/// 100 files with 100 routes each, and each its own host.
fn many(changed: usize) -> Vec<SourceFile> {
    (0..100)
        .map(|n| {
            file(
                &format!("{n:03}.yaml"),
                &routes_of(n, if n == changed { "/changed" } else { "/a" }),
            )
        })
        .collect()
}

fn routes_of(n: usize, path: &str) -> String {
    let mut text = format!(
        "upstreams: {{ up{n}: 'http://127.0.0.1:{}' }}\nroutes:\n",
        1000 + n
    );
    for route in 0..100 {
        text.push_str(&format!(
            "  - {{ name: r{n}-{route}, match: {{ host: h{n}, path: '{path}/{route}/{{id}}' }}, to: up{n} }}\n"
        ));
    }
    text.push_str(&format!(
        "tests: [{{ request: 'GET http://h{n}{path}/7/x', route: r{n}-7 }}]\n"
    ));
    text
}

fn kept(before: &Snapshot, after: &Snapshot) -> (usize, usize) {
    let same = after.table.routes().filter(|route| {
        let old = before.table.route(route.id);
        old.is_some_and(|old| Arc::ptr_eq(old, route))
    });
    let (mut kept, all) = (0, before.table.rules());
    for (old, new) in all.iter().zip(after.table.rules()) {
        kept += usize::from(Arc::ptr_eq(old, new));
    }
    (same.count(), kept)
}

#[test]
fn of_ten_thousand_routes_only_those_of_the_changed_file_are_new() {
    let mut inputs = inputs(&[]);
    inputs.sources = many(usize::MAX);
    let first = Arc::new(compile(&inputs, None).unwrap());
    assert_eq!(first.table.routes().count(), 10_000);
    let same = Arc::new(compile(&inputs, Some(&first)).unwrap());
    assert_eq!(kept(&first, &same), (10_000, 10_000));

    inputs.sources[42] = file("042.yaml", &routes_of(42, "/changed"));
    let second = Arc::new(compile(&inputs, Some(&first)).unwrap());
    assert_eq!(
        (second.generation, second.table.routes().count()),
        (2, 10_000)
    );
    assert_eq!(kept(&first, &second), (9_900, 9_900));
    let answer = |snapshot: &Snapshot, path: &str| {
        let probe = Probe::parse("GET", path, []).unwrap();
        let found = snapshot.table.find(&probe.view()).ok();
        found.map(|found| snapshot.table.get(found.index).name.to_string())
    };
    let (old, new) = ("http://h42/a/5/x", "http://h42/changed/5/x");
    assert_eq!(answer(&first, old).as_deref(), Some("r42-5"));
    assert_eq!(answer(&second, new).as_deref(), Some("r42-5"));
    assert_eq!((answer(&first, new), answer(&second, old)), (None, None));
}

#[test]
fn an_incremental_table_is_the_same_as_a_fresh_one() {
    let mut inputs = inputs(&[]);
    inputs.sources = many(3);
    let first = Arc::new(compile(&inputs, None).unwrap());
    inputs.sources = many(5);
    inputs.sources.remove(7);
    let second = compile(&inputs, Some(&first)).unwrap();
    let fresh = compile(&inputs, None).unwrap();
    assert_eq!(second.rows(), fresh.rows());
    assert_eq!(told(&second.warnings), told(&fresh.warnings));
}

#[test]
fn files_may_come_in_any_order() {
    let mut inputs = inputs(&[]);
    inputs.sources = many(usize::MAX);
    let first = Arc::new(compile(&inputs, None).unwrap());
    inputs.sources.reverse();
    let same = Arc::new(compile(&inputs, Some(&first)).unwrap());
    assert_eq!(kept(&first, &same), (10_000, 10_000));
    // One goes, one comes at the wrong end, one changes.
    let changed = inputs.sources.len() - 2;
    inputs.sources.remove(50);
    inputs.sources[changed - 1] = file("001.yaml", &routes_of(1, "/changed"));
    let new = "routes: [{ name: new, match: { path: /new }, respond: {} }]";
    inputs.sources.push(file("050a.yaml", new));
    let second = compile(&inputs, Some(&same)).unwrap();
    let fresh = compile(&inputs, None).unwrap();
    assert_eq!(second.rows(), fresh.rows());
    assert_eq!(kept(&same, &second).0, 9_800);
}

#[test]
fn ids_stay_with_their_names() {
    let (a, b) = (
        "routes: [{ name: a, match: { path: /a }, respond: {} }]",
        "routes: [{ name: b, respond: {} }]",
    );
    let first = compiled(&[("1.yaml", a), ("2.yaml", b)]);
    let id = |snapshot: &Snapshot, name: &str| {
        let found = snapshot.table.routes().find(|route| *route.name == *name);
        found.map(|route| route.id)
    };
    let second = Arc::new(compile(&inputs(&[("2.yaml", b)]), Some(&first)).unwrap());
    assert_eq!(id(&second, "a"), None);
    let c = "routes: [{ name: c, match: { path: /c }, respond: {} }]";
    let files = [("3.yaml", c), ("4.yaml", a), ("2.yaml", b)];
    let third = compile(&inputs(&files), Some(&second)).unwrap();
    assert_eq!(id(&third, "a"), id(&first, "a"));
    assert_eq!(id(&third, "b"), id(&first, "b"));
    assert_eq!(id(&third, "c"), Some(2));
}

#[test]
fn a_changed_upstream_reaches_the_routes_of_other_files() {
    let route = file(
        "1.yaml",
        "routes: [{ name: a, to: up, match: { path: /a } }, { name: b, respond: {} }]",
    );
    let mut inputs = inputs(&[("2.yaml", "upstreams: { up: http://a:1 }")]);
    inputs.sources.push(route);
    let first = Arc::new(compile(&inputs, None).unwrap());
    assert!(first.warnings.is_empty());

    inputs.sources[0] = file("2.yaml", "upstreams: { up: http://a:2 }");
    let second = Arc::new(compile(&inputs, Some(&first)).unwrap());
    assert!(second.warnings.is_empty(), "{:?}", second.warnings);
    let endpoint = |snapshot: &Snapshot| {
        let route = snapshot
            .table
            .routes()
            .find_map(|it| it.upstream().cloned());
        route.unwrap().endpoints[0].url.to_string()
    };
    assert_eq!(
        (endpoint(&first), endpoint(&second)),
        ("http://a:1".into(), "http://a:2".into())
    );
    assert_eq!(kept(&first, &second), (1, 2));

    inputs.sources[0] = file("3.yaml", "upstreams: { up: http://a:2 }");
    let third = compile(&inputs, Some(&second)).unwrap();
    assert_eq!(kept(&second, &third), (2, 2));

    inputs.sources.remove(0);
    let told = told(&compile(&inputs, Some(&second)).unwrap_err());
    assert!(
        told[0].starts_with("1.yaml:1:") && told[0].ends_with("| 2.yaml:1"),
        "{told:?}"
    );
}

#[test]
fn a_test_of_an_unchanged_file_can_refuse_a_change_elsewhere() {
    let mut inputs = inputs(&[("1.yaml", ORDERS), ("2.yaml", "{}")]);
    let first = Arc::new(compile(&inputs, None).unwrap());
    let catch = "routes: [{ name: all, match: { prefix: / }, respond: {} }]";
    inputs.sources[1] = file("2.yaml", catch);
    let told = told(&compile(&inputs, Some(&first)).unwrap_err());
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("1.yaml:13:") && told[0].ends_with("| 2.yaml:1"),
        "{told:?}"
    );
}

#[test]
fn other_settings_reach_every_route() {
    let mut inputs = inputs(&[("1.yaml", ORDERS)]);
    let first = Arc::new(compile(&inputs, None).unwrap());
    inputs.gateway =
        gateway("{ listeners: [{ address: '127.0.0.1:0' }], timeouts: { idle: 7s, connect: 1s } }");
    let second = compile(&inputs, Some(&first)).unwrap();
    assert!(
        second
            .table
            .routes()
            .all(|it| it.idle_timeout.as_secs() == 7)
    );
    let connect = second
        .upstreams
        .get("orders")
        .unwrap()
        .upstream
        .connect_timeout;
    assert_eq!(connect.as_secs(), 1);
    assert_eq!(kept(&first, &second), (0, 2));
}
