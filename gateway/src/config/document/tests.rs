use std::{path::PathBuf, sync::Arc};

use super::*;
use crate::config::{Source, raw};

/// Each problem as `LINE:COLUMN+LENGTH MESSAGE | HINT`.
fn problems_of<T: serde::de::DeserializeOwned>(text: &str) -> Vec<String> {
    Source::<T>::new("a.yaml".into(), text)
        .problems
        .iter()
        .map(|problem| {
            let span = problem.span;
            let hint = problem.hint.as_deref().unwrap_or("-");
            format!(
                "{}:{}+{} {} | {hint}",
                span.line, span.column, span.length, problem.message
            )
        })
        .collect()
}

fn problems(text: &str) -> Vec<String> {
    problems_of::<raw::RouteFile>(text)
}

fn routes(text: &str) -> Arc<raw::RouteFile> {
    let source = Source::new("a.yaml".into(), text);
    source
        .raw
        .unwrap_or_else(|| panic!("{:#?}", source.problems))
}

#[test]
fn every_value_knows_its_place() {
    let file = routes(
        "upstreams:\n  orders: http://a:1\n  users:\n    endpoints: [http://b:1, \"http://c:1\"]\nroutes:\n\
         - name: read\n  match: { host: [a.example, b.example], path: /x }\n  to: orders\n",
    );
    let orders = &file.upstreams["orders"];
    assert_eq!(
        (orders.span.line, orders.span.column, orders.span.length),
        (2, 11, 10)
    );
    assert_eq!(
        (orders.key.line, orders.key.column, orders.key.length),
        (2, 3, 6)
    );
    let raw::ShortOr::Full(users) = &file.upstreams["users"].value else {
        panic!("a mapping");
    };
    let second = &users.endpoints[1];
    assert_eq!(
        (second.span.line, second.span.column, second.span.length),
        (4, 29, 12)
    );
    assert_eq!(second.value, "http://c:1");
    let route = &file.routes[0];
    assert_eq!(
        (route.span.line, route.span.column, route.span.length),
        (6, 3, 4)
    );
    assert_eq!(
        (
            route.matches.span.line,
            route.matches.span.column,
            route.matches.span.length
        ),
        (7, 10, 42)
    );
    assert_eq!(route.matches.0[0].host.as_ref().unwrap().0.len(), 2);
}

#[test]
fn an_unknown_key_is_an_error_with_a_suggestion() {
    let found = problems("routes:\n  - name: a\n    plugin: []\n    to: x\n");
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .starts_with("3:5+6 unknown key `plugin` | did you mean `plugins`? (known: `name`,"),
        "{found:?}"
    );
}

#[test]
fn all_problems_are_found_at_once() {
    let found = problems(
        "upstreams:\n  a: { endpoint: [] }\n  b: 7\n  c: { endpoints: [1, x, true], protocol: http3 }\n\
         routes:\n  - nam: a\n    to: [x]\n  - name: 5\n    to: x\n  - to: x\n  - name: ok\n    \
         timeouts: { request: 5, idle: 1 day }\n    limits: { body: 10MB }\ntests:\n  - nothing\n",
    );
    let starts = [
        "2:8+8 unknown key `endpoint`",
        "3:6+1 expected text, found the number `7`",
        "4:20+1 expected text, found the number `1`",
        "4:26+4 expected text, found `true`",
        "4:43+5 `http3` is not one of the choices",
        "6:5+3 unknown key `nam`",
        "7:9+3 expected text, found a list",
        "8:11+1 expected text, found the number `5`",
        "10:5+2 the key `name` is missing here",
        "12:26+1 expected a duration of at most a year with its unit, as `250ms`, `5s`, `10m`, `1h`, found the number `5`",
        "12:35+5 expected a duration of at most a year with its unit, as `250ms`, `5s`, `10m`, `1h`, found `1 day`",
        "13:21+4 expected a number of bytes, as `512`, `32KiB`, `10MiB`, `1GiB`, found `10MB`",
        "15:5+7 expected a mapping, found `nothing`",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}\n{start}");
    }
}

#[test]
fn a_key_that_stands_twice_names_both_places() {
    let text = "upstreams:\n  a: http://x:1\n  b: http://x:1\n  a: http://y:1\nroutes: []\n";
    let source = Source::<raw::RouteFile>::new("a.yaml".into(), text);
    assert_eq!(source.problems.len(), 1);
    let problem = &source.problems[0];
    assert_eq!((problem.span.line, problem.span.column), (4, 3));
    let (_, first, _) = problem.related.as_ref().unwrap();
    assert_eq!((first.line, first.column), (2, 3));
    let many: String = (0..40)
        .map(|n| format!("  k{}: http://x:1\n", n % 39))
        .collect();
    assert_eq!(problems(&format!("upstreams:\n{many}")).len(), 1);
}

#[test]
fn a_plugin_is_a_name_or_one_key() {
    let file = routes(
        "routes:\n  - name: a\n    plugins: [one, two: { a: [1, \"1\", 1.5, ~, yes] }]\n    to: x\n",
    );
    let plugins = &file.routes[0].plugins;
    assert_eq!(
        (
            plugins[0].name.as_str(),
            plugins[0].config.to_json().as_str()
        ),
        ("one", "null")
    );
    assert_eq!(plugins[1].name.as_str(), "two");
    assert_eq!(
        plugins[1].config.to_json(),
        r#"{"a":[1,"1",1.5,null,"yes"]}"#
    );
    assert_eq!(plugins[1].config.locate("/a/1").column, 34);
    assert_eq!(
        plugins[1].config.locate("/a/9").column,
        plugins[1].config.locate("/a").column
    );
    let found = problems(
        "routes:\n  - name: a\n    plugins:\n      - jwt:\n        audience: x\n    to: x\n",
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("5:9+8 expected one plugin in each item"),
        "{found:?}"
    );
    let found = problems("routes:\n  - name: a\n    plugins: [{}, jwt: { a: .nan }, 5]\n");
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn one_problem_does_not_make_another() {
    let found =
        problems("routes:\n  - name: a\n    plugins:\n      - jwt: { a: 1, b: .inf }\n    to: x\n");
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn aliases_stand_for_their_values_and_bombs_are_refused() {
    let file = routes(
        "routes:\n  - { name: a, match: &m { host: a.example }, to: x }\n  - { name: b, match: *m, to: x }\n",
    );
    assert_eq!(
        file.routes[1].matches.0[0].host.as_ref().unwrap().0[0].value,
        "a.example"
    );
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    let found = problems(&bomb);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("stand for more than 100000 values"),
        "{found:?}"
    );
    let long = format!(
        "a: &a \"{}\"\nb: [{}*a]\n",
        "\\x41".repeat(100_000),
        "*a, ".repeat(1000)
    );
    assert!(problems(&long)[0].contains("more than 16 MiB of text"));
    assert!(problems("a: &a [*a]\n")[0].contains("contains it"));
    assert!(problems("a: *b\n")[0].contains("must stand before"));
}

#[test]
fn what_is_not_one_whole_yaml_document_is_refused() {
    for (text, place, part) in [
        ("routes: []\n---\nroutes: []\n", "2:1", "second document"),
        ("routes:\n\t- name: a\n", "2:", "not YAML"),
        ("routes:\n  - name: \"a\n    to: x\n", "", "not YAML"),
        ("routes: [{ name: a,\n", "", "not YAML"),
        ("routes: !include x\n", "1:", "tag"),
        ("routes: !secret \"x\"\n", "1:", "tag"),
        ("{ a: 1 }: 2\n", "1:1", "a key cannot be"),
        ("[]\n", "1:1", "expected a mapping, found a list"),
    ] {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(
            found[0].starts_with(place) && found[0].contains(part),
            "{text}: {found:?}"
        );
    }
    assert!(
        problems(&"[".repeat(100))
            .iter()
            .any(|problem| problem.contains("more than 64"))
    );
    let deep: String = (0..100)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    assert!(
        problems(&deep)
            .iter()
            .any(|problem| problem.contains("more than 64")),
        "{:?}",
        problems(&deep)
    );
}

#[test]
fn a_template_without_quotes_between_braces_says_so() {
    for text in [
        "{ path: /a/{id} }",
        "{ path: /a/{id}/b }",
        "{ regex: /v[0-9]+ }",
        "[/a/{id}]",
        "{ path: /a/{id}, b: c }",
    ] {
        let found = problems(&format!(
            "routes:\n  - name: a\n    match: {text}\n    to: x\n"
        ));
        assert!(found[0].contains("must be in quotes"), "{text}: {found:?}");
    }
}

#[test]
fn addresses_and_networks_say_how_they_are_written() {
    let found = problems_of::<raw::Gateway>(
        "listeners: [{ address: 127.0.0.1 }]\nforwarding: { trusted-proxies: [everyone] }\n",
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].ends_with("as `0.0.0.0:8080`"), "{found:?}");
    assert!(found[1].ends_with("as `10.0.0.0/8`"), "{found:?}");
}

#[test]
fn an_empty_file_is_an_empty_mapping() {
    for text in ["", "\n", "# only a comment\n", "---\n", "~\n"] {
        assert!(routes(text).routes.is_empty());
    }
    assert!(problems_of::<raw::Gateway>("")[0].contains("`listeners` is missing"));
}

#[test]
fn limits_hold_before_memory_is_used() {
    let file = Arc::new(PathBuf::from("a.yaml"));
    let limits = Limits {
        nodes: 100,
        ..Limits::default()
    };
    let text = "- a\n".repeat(1000);
    let (document, problems) = parse(&text, &file, &limits);
    assert!(document.is_none());
    assert!(problems[0].message.contains("more than 100 values"));
}

#[test]
fn many_problems_in_a_large_file_cost_little_more_than_one() {
    let route = "  - { name: a, too: x, match: { host: h.example, path: /x } }\n";
    let text = format!("routes:\n{}", route.repeat(20_000));
    let found = problems(&text);
    assert_eq!(found.len(), 100);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_text_makes_it_panic(text in "(\\PC|[\\n\\t :\\-{}\\[\\]&*!|>'\"#%@,?~]){0,200}") {
        let _ = Source::<raw::RouteFile>::new("a.yaml".into(), &text);
        let _ = Source::<raw::Gateway>::new("a.yaml".into(), &text);
    }

    #[test]
    fn no_damage_to_a_route_file_makes_it_panic(at in 0..200usize, length in 0..20usize, with in "[\\n :{}\\[\\]&*!a]{0,5}") {
        let mut text = String::from("upstreams: { a: http://a:1 }\nroutes:\n  - name: a\n    match: { path: /x, headers: { h: &x 1 } }\n    \
            plugins: [a, b: { c: *x }]\n    to: a\ntests:\n  - { request: GET http://a/, route: a }\n");
        let at = at.min(text.len());
        let end = (at + length).min(text.len());
        text.replace_range(at..end, &with);
        let _ = Source::<raw::RouteFile>::new("a.yaml".into(), &text);
    }
}
