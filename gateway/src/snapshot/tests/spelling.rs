//! Spellings of a path that some servers take for another: where each of them is routed.

use super::*;

/// `/a` is protected, everything else goes to the same upstream without protection.
const PROTECTED: &str = "
upstreams: { up: http://127.0.0.1:9001 }
routes:
  - { name: protected, match: { prefix: /a }, to: up }
  - { name: item, match: { path: '/items/{id}' }, to: up }
  - { name: rest, to: up }
";

fn answers(snapshot: &Snapshot, url: &str) -> (Option<String>, String) {
    let probe = Probe::parse("GET", url, []).unwrap_or_else(|invalid| panic!("{url}: {invalid}"));
    let explanation = snapshot.explain(&probe);
    let route = explanation.route.map(|winner| winner.name);
    (route, explanation.request.path)
}

#[test]
fn what_stands_below_a_prefix_stays_below_it() {
    let snapshot = compiled(&[("a.yaml", PROTECTED)]);
    for (asked, path) in [
        ("/a/b", "/a/b"),
        ("/a//b", "/a//b"),
        ("/a/;x/b", "/a/;x/b"),
        ("/a/%2fb", "/a/%2Fb"),
        ("/a/%5cb", "/a/%5Cb"),
        ("/a/./b", "/a/b"),
        ("/%61/b", "/a/b"),
        ("/x/../a/b", "/a/b"),
        ("/x/%2e%2E/a", "/a"),
        ("/a/%2e", "/a/"),
    ] {
        let (route, seen) = answers(&snapshot, asked);
        assert_eq!(
            (route.as_deref(), &*seen),
            (Some("protected"), path),
            "{asked}"
        );
    }
}

/// As docs/routes.md says: these are other paths, whatever a lenient server makes of them.
#[test]
fn other_segments_are_other_paths() {
    let snapshot = compiled(&[("a.yaml", PROTECTED)]);
    for asked in ["//a/b", "/a%2Fb", "/a%5Cb", "/a;x/b", "/A/b", "/x/..;/a"] {
        let (route, seen) = answers(&snapshot, asked);
        assert_eq!((route.as_deref(), &*seen), (Some("rest"), asked));
    }
    let (route, _) = answers(&snapshot, "/items/@scope%2fname");
    assert_eq!(route.as_deref(), Some("item"), "an escaped slash is data");
}

/// What docs/routes.md advises: the policy on the broad route, and what is open by name.
#[test]
fn with_protection_for_all_nothing_slips_by() {
    let snapshot = compiled(&[(
        "a.yaml",
        "
upstreams: { up: http://127.0.0.1:9001 }
routes:
  - { name: open, match: { prefix: /public }, to: up }
  - { name: protected, to: up }
",
    )]);
    for asked in ["//public/x", "/public%2Fx", "/public;x/y", "/public/../a"] {
        let (route, _) = answers(&snapshot, asked);
        assert_eq!(route.as_deref(), Some("protected"), "{asked}");
    }
}

#[test]
fn a_backslash_is_no_path() {
    for asked in [r"/a\b", r"/public\..\a", r"/\a"] {
        let invalid = Probe::parse("GET", asked, []).unwrap_err();
        assert!(invalid.message.contains("backslash"), "{invalid}");
    }
}
