//! The table against a matcher that asks every rule.

use std::{collections::BTreeSet, sync::Arc};

use http::{HeaderMap, HeaderValue, Method};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::pipeline::route::{
    HostPattern, PathPattern, RequestView, Rule, Table,
    expression::Expression,
    precedence,
    predicate::{HeaderTest, QueryTest, ValueTest},
};

const METHODS: [Method; 3] = [Method::GET, Method::PUT, Method::POST];

fn rule() -> impl Strategy<Value = Rule> {
    let host = select(vec!["", "x", "a.x", "b.a.x", "*.x", "*.a.x"]);
    let methods = vec(select(METHODS.to_vec()), 0..2);
    let headers = option::of((select(vec!["h", "i"]), value()));
    let query = option::of((select(vec!["q", "r"]), value()));
    (host, path(), methods, headers, query).prop_map(|(host, path, methods, header, query)| Rule {
        route: 0,
        host: match host {
            "" => HostPattern::Any,
            host => HostPattern::parse(host).unwrap(),
        },
        path,
        methods: methods.into(),
        headers: header
            .into_iter()
            .map(|(name, value)| HeaderTest {
                name: name.parse().unwrap(),
                value,
            })
            .collect(),
        query: query
            .into_iter()
            .map(|(name, value)| QueryTest {
                name: name.into(),
                value,
            })
            .collect(),
        captures: Box::default(),
        span: Default::default(),
    })
}

fn value() -> impl Strategy<Value = ValueTest> {
    prop_oneof![
        select(vec!["0", "1"]).prop_map(|value| ValueTest::Exact(value.into())),
        Just(ValueTest::Regex(Expression::new("[01]").unwrap())),
        Just(ValueTest::Present),
        Just(ValueTest::Absent),
    ]
}

fn path() -> impl Strategy<Value = PathPattern> {
    let literal = segments(vec!["a", "b", ""], "/");
    let template = (
        vec(select(vec!["a", "b", "{}"]), 0..4),
        select(vec!["", "/{rest...}"]),
    );
    prop_oneof![
        literal.prop_map(|path| PathPattern::path(&path).unwrap()),
        segments(vec!["a", "b"], "/").prop_map(|path| PathPattern::prefix(&path).unwrap()),
        template.prop_map(|(segments, rest)| {
            let mut path = String::new();
            for (n, segment) in segments.iter().enumerate() {
                path.push('/');
                path.push_str(&segment.replace("{}", &format!("{{v{n}}}")));
            }
            path.push_str(rest);
            PathPattern::path(if path.is_empty() { "/" } else { &path }).unwrap()
        }),
        select(vec!["/a.*", "/[ab]/b", ".*b"]).prop_map(|it| PathPattern::regex(it).unwrap()),
    ]
}

fn segments(from: Vec<&'static str>, empty: &'static str) -> impl Strategy<Value = String> {
    vec(select(from), 0..4).prop_map(move |segments| match segments.as_slice() {
        [] => empty.to_owned(),
        segments => segments.iter().map(|it| format!("/{it}")).collect(),
    })
}

#[derive(Debug)]
struct Request {
    method: Method,
    host: &'static str,
    path: String,
    query: Option<&'static str>,
    headers: HeaderMap,
}

fn request() -> impl Strategy<Value = Request> {
    (
        select(METHODS.to_vec()),
        select(vec!["x", "a.x", "b.a.x", "c.a.x", "c.x", "z"]),
        segments(vec!["a", "b", "c", ""], "/"),
        select(vec![None, Some("q=1"), Some("q=2&r"), Some("r=0&r=1")]),
        option::of(select(vec![("h", "0"), ("h", "2"), ("i", "1")])),
    )
        .prop_map(|(method, host, path, query, header)| Request {
            method,
            host,
            path,
            query,
            headers: header
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
                .into_iter()
                .collect(),
        })
}

/// The route that answers, by asking every rule.
fn reference(rules: &[Arc<Rule>], view: &RequestView<'_>) -> Option<u32> {
    let mut matching: Vec<_> = rules.iter().filter(|it| it.unmet(view).is_none()).collect();
    matching.sort_by(|a, b| precedence::compare(a, b));
    if let [first, second, ..] = matching.as_slice() {
        assert!(
            precedence::compare(first, second).is_lt(),
            "an ambiguity was not found: {first} and {second}"
        );
    }
    matching.first().map(|rule| rule.route)
}

fn check(table: &Table<u32>, rules: &[Arc<Rule>], requests: &[Request]) {
    for request in requests {
        let view = RequestView {
            method: &request.method,
            host: request.host,
            path: &request.path,
            query: request.query,
            headers: &request.headers,
        };
        let found = table.find(&view).ok().map(|found| **table.get(found.index));
        assert_eq!(found, reference(rules, &view), "{request:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn it_finds_what_asking_every_rule_finds(
        drafts in vec(rule(), 1..40),
        requests in vec(request(), 1..40),
        gone in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut table = Table::default();
        let mut rules = Vec::new();
        for (id, draft) in (0..).zip(drafts) {
            let rule = Arc::new(Rule { route: id, ..draft });
            table.set(id, Some(Arc::new(id)));
            match table.insert(Arc::clone(&rule)) {
                Ok(()) => rules.push(rule),
                Err(_) => table.remove(&rule),
            }
        }
        check(&table, &rules, &requests);

        let (before, all) = (table.clone(), rules.clone());
        let gone: BTreeSet<usize> = gone.iter().map(|it| it.index(all.len())).collect();
        for &n in gone.iter().rev() {
            table.remove(&rules.remove(n));
        }
        check(&table, &rules, &requests);
        check(&before, &all, &requests);
    }
}
