use serde_json::{Value, json};
use witgate_plugin::{
    prelude::*,
    testing::{self, Exchange, TestRequest},
};

use super::AccessControl;

fn policy(config: &Value) -> AccessControl {
    testing::configure(&config.to_string()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn problems(config: &Value) -> Vec<(String, String)> {
    let problems = testing::configure::<AccessControl>(&config.to_string()).err();
    let pair = |problem: Problem| (problem.pointer, problem.message);
    problems.unwrap_or_default().into_iter().map(pair).collect()
}

fn alice() -> Identity {
    Identity::new(IdentityFields {
        scheme: "jwt".into(),
        subject: Some("alice".into()),
        tenant: Some("acme".into()),
        consumer: Some("shop".into()),
        issuer: Some("https://login.example.com".into()),
        scopes: vec!["read".into(), "write".into()],
        claims: json!({ "groups": ["admin"], "org": { "id": 7 } }).to_string(),
    })
    .unwrap()
}

fn peer() -> Peer {
    Peer {
        spiffe_id: Some("spiffe://example.org/ns/shop/sa/orders".into()),
        ..Peer::default()
    }
}

/// The status of the answer, 0 if the request went on.
fn status(policy: &AccessControl, request: TestRequest) -> u16 {
    match Exchange::new(policy, request).on_request().unwrap() {
        Verdict::Next => 0,
        Verdict::Reply(reply) => reply.status,
        verdict => panic!("{verdict:?}"),
    }
}

fn get() -> TestRequest {
    TestRequest::get("/orders/7?full=1")
}

#[test]
fn every_condition_admits_whom_it_describes() {
    for (condition, admits) in [
        (json!({ "from": ["192.0.2.0/24"] }), true),
        (json!({ "from": ["198.51.100.0/24", "192.0.2.1"] }), true),
        (json!({ "from": ["198.51.100.0/24"] }), false),
        (json!({ "methods": ["GET", "HEAD"] }), true),
        (json!({ "methods": ["POST"] }), false),
        (json!({ "paths": ["/orders"] }), true),
        (json!({ "paths": ["/order"] }), false),
        (json!({ "authenticated": true }), true),
        (json!({ "authenticated": false }), false),
        (json!({ "subjects": ["bob", "alice"] }), true),
        (json!({ "subjects": ["bob"] }), false),
        (json!({ "consumers": ["shop"] }), true),
        (json!({ "consumers": ["alice"] }), false),
        (json!({ "tenants": ["acme"] }), true),
        (json!({ "tenants": ["ACME"] }), false),
        (json!({ "issuers": ["https://login.example.com"] }), true),
        (json!({ "issuers": ["https://evil.example.com"] }), false),
        (json!({ "scopes": ["read", "write"] }), true),
        (json!({ "scopes": ["read", "admin"] }), false),
        (
            json!({ "claims": { "claim": "groups", "contains": "admin" } }),
            true,
        ),
        (
            json!({ "claims": { "claim": "/org/id", "equals": 8 } }),
            false,
        ),
        (
            json!({ "claims": { "not": { "claim": "suspended", "exists": true } } }),
            true,
        ),
        (
            json!({ "peers": ["spiffe://example.org/ns/*/sa/orders"] }),
            true,
        ),
        (json!({ "peers": ["spiffe://example.org/ns/*"] }), false),
        (
            json!({ "methods": ["GET"], "tenants": ["acme"], "paths": ["/orders"] }),
            true,
        ),
        (
            json!({ "methods": ["GET"], "tenants": ["other"], "paths": ["/orders"] }),
            false,
        ),
    ] {
        let policy = policy(&json!({ "rules": [{ "allow": condition }] }));
        let request = get().identity(&alice()).peer(peer());
        let expected = if admits { 0 } else { 403 };
        assert_eq!(status(&policy, request), expected, "{condition}");
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let policy = policy(&json!({ "rules": [
        { "deny": { "from": ["192.0.2.66"] } },
        { "allow": { "tenants": ["acme"] } },
        { "deny": { "methods": ["GET"] } },
        { "allow": { "paths": ["/orders"] } },
    ]}));
    let from = |address: &str| get().client_address(address);
    assert_eq!(status(&policy, from("192.0.2.66").identity(&alice())), 403);
    assert_eq!(
        status(&policy, from("::ffff:192.0.2.66").identity(&alice())),
        403
    );
    assert_eq!(status(&policy, from("192.0.2.1").identity(&alice())), 0);
    assert_eq!(status(&policy, from("192.0.2.1")), 403);
    assert_eq!(status(&policy, TestRequest::new("POST", "/orders")), 0);
}

#[test]
fn what_no_rule_matches_is_denied_where_something_is_allowed() {
    let rules = |rules: Value| policy(&json!({ "rules": rules }));
    assert_eq!(
        status(&rules(json!([{ "allow": { "methods": ["POST"] } }])), get()),
        403
    );
    assert_eq!(
        status(&rules(json!([{ "deny": { "methods": ["POST"] } }])), get()),
        0
    );
    let open = json!({ "rules": [{ "allow": { "methods": ["POST"] } }], "otherwise": "allow" });
    assert_eq!(status(&policy(&open), get()), 0);
    let closed = json!({ "rules": [{ "deny": { "methods": ["POST"] } }], "otherwise": "deny" });
    assert_eq!(status(&policy(&closed), get()), 403);
}

#[test]
fn nobody_is_asked_who_they_are_where_that_helps() {
    let tenants = policy(&json!({
        "rules": [{ "allow": { "methods": ["GET"], "tenants": ["acme"] } }],
        "challenge": "Bearer realm=\"orders\"",
    }));
    let mut exchange = Exchange::new(&tenants, get());
    let Verdict::Reply(reply) = exchange.on_request().unwrap() else {
        panic!("it went on");
    };
    assert_eq!(reply.status, 401);
    let challenge = (
        "www-authenticate".into(),
        b"Bearer realm=\"orders\"".to_vec(),
    );
    assert!(reply.headers.contains(&challenge));
    assert_eq!(exchange.notes(), ["access-denied", "identity-missing"]);
    // Nobody could do this, whoever they are.
    assert_eq!(status(&tenants, TestRequest::new("POST", "/orders")), 403);
    let known = policy(&json!({ "rules": [{ "deny": { "authenticated": false } }] }));
    assert_eq!(status(&known, get()), 401);
    assert_eq!(status(&known, get().identity(&alice())), 0);
}

#[test]
fn a_refusal_says_why_to_the_log_alone() {
    let policy = policy(&json!({ "rules": [
        { "allow": { "methods": ["POST"] } },
        { "deny": { "subjects": ["alice"] } },
    ]}));
    let mut exchange = Exchange::new(&policy, get().identity(&alice()));
    let Verdict::Reply(reply) = exchange.on_request().unwrap() else {
        panic!("it went on");
    };
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(
        (reply.status, &body["code"]),
        (403, &json!("access-denied"))
    );
    assert_eq!(exchange.notes(), ["access-denied", "rule-2"]);
    let mut exchange = Exchange::new(&policy, get());
    exchange.on_request().unwrap();
    assert_eq!(exchange.notes(), ["access-denied", "no-rule"]);
}

#[test]
fn what_cannot_be_meant_is_refused_at_its_place() {
    for (config, pointer, part) in [
        (json!({ "rules": [] }), "/rules", "write a rule"),
        (json!({ "rules": [{}] }), "/rules/0", "`allow` and `deny`"),
        (
            json!({ "rules": [{ "allow": {} }] }),
            "/rules/0/allow",
            "otherwise",
        ),
        (
            json!({ "rules": [{ "deny": { "from": [] } }] }),
            "/rules/0/deny/from",
            "entries",
        ),
        (
            json!({ "rules": [{ "deny": { "from": ["10.0.0.0/8", "x"] } }] }),
            "/rules/0/deny/from/1",
            "range",
        ),
        (
            json!({ "rules": [{ "deny": { "methods": ["get"] } }] }),
            "/rules/0/deny/methods/0",
            "`GET`",
        ),
        (
            json!({ "rules": [{ "deny": { "scopes": ["a b"] } }] }),
            "/rules/0/deny/scopes/0",
            "word",
        ),
        (
            json!({ "rules": [{ "deny": { "peers": ["orders"] } }] }),
            "/rules/0/deny/peers/0",
            "spiffe://",
        ),
        (
            json!({ "rules": [{ "allow": { "claims": { "claim": "a" } } }] }),
            "/rules/0/allow/claims",
            "test",
        ),
        (
            json!({ "rules": [{ "allow": { "authenticated": false, "tenants": ["a"] } }] }),
            "/rules/0/allow",
            "authenticated",
        ),
        (
            json!({ "rules": [{ "deny": { "methods": ["GET"] } }], "challenge": "a\nb" }),
            "/challenge",
            "Bearer",
        ),
    ] {
        let found = problems(&config);
        let fits = |(at, message): &(String, String)| at == pointer && message.contains(part);
        assert!(found.iter().any(fits), "{config}: {found:?}");
    }
}

#[test]
fn rules_that_never_decide_are_told_of() {
    let warned = |rules: Value, otherwise: Value| {
        let mut config = json!({ "rules": rules });
        if !otherwise.is_null() {
            config["otherwise"] = otherwise;
        }
        let warnings = policy(&config).warnings();
        let pointer = |problem: Problem| problem.pointer;
        warnings.into_iter().map(pointer).collect::<Vec<_>>()
    };
    let allow = |condition: Value| json!({ "allow": condition });
    let deny = |condition: Value| json!({ "deny": condition });
    for (first, second, shadowed) in [
        (
            json!({ "from": ["10.0.0.0/8"] }),
            json!({ "from": ["10.1.0.0/16"] }),
            true,
        ),
        (
            json!({ "from": ["10.1.0.0/16"] }),
            json!({ "from": ["10.0.0.0/8"] }),
            false,
        ),
        (
            json!({ "from": ["10.0.0.0/8"] }),
            json!({ "from": ["10.1.0.0/16"], "methods": ["GET"] }),
            true,
        ),
        (
            json!({ "from": ["10.0.0.0/8"], "methods": ["GET"] }),
            json!({ "from": ["10.1.0.0/16"] }),
            false,
        ),
        (
            json!({ "authenticated": true }),
            json!({ "tenants": ["a"] }),
            true,
        ),
        (
            json!({ "tenants": ["a"] }),
            json!({ "authenticated": true }),
            false,
        ),
        (
            json!({ "scopes": ["a"] }),
            json!({ "scopes": ["a", "b"] }),
            true,
        ),
        (
            json!({ "scopes": ["a", "b"] }),
            json!({ "scopes": ["a"] }),
            false,
        ),
        (
            json!({ "paths": ["/a"] }),
            json!({ "paths": ["/a/b"] }),
            true,
        ),
        (
            json!({ "subjects": ["a", "b"] }),
            json!({ "subjects": ["b"] }),
            true,
        ),
        (
            json!({ "subjects": ["a"] }),
            json!({ "consumers": ["a"] }),
            false,
        ),
    ] {
        let warnings = warned(
            json!([deny(first.clone()), allow(second.clone())]),
            Value::Null,
        );
        let expected: &[&str] = if shadowed { &["/rules/1"] } else { &[] };
        assert_eq!(warnings, expected, "{first} {second}");
    }
    assert_eq!(
        warned(
            json!([allow(json!({ "methods": ["GET"] }))]),
            json!("allow")
        ),
        ["/otherwise"]
    );
    assert_eq!(
        warned(json!([deny(json!({ "methods": ["GET"] }))]), json!("deny")),
        ["/otherwise"]
    );
}

#[test]
fn an_explanation_names_the_rules_that_may_decide() {
    let policy = policy(&json!({ "rules": [
        { "deny": { "from": ["192.0.2.66"] } },
        { "allow": { "methods": ["POST"] } },
        { "allow": { "methods": ["GET"], "tenants": ["acme"], "scopes": ["read"] } },
        { "deny": { "paths": ["/orders"] } },
    ]}));
    let explain = |method: &str, path: &str| {
        let asked = Asked {
            method: method.into(),
            path_and_query: path.into(),
            ..Asked::default()
        };
        serde_json::from_str::<Value>(&policy.explain(&asked).unwrap()).unwrap()
    };
    assert_eq!(
        explain("GET", "/orders/7?a"),
        json!({ "first-match-of": [
            { "rule": 1, "decision": "deny", "if": ["from"] },
            { "rule": 3, "decision": "allow", "if": ["tenants", "scopes"] },
            { "rule": 4, "decision": "deny" },
        ]})
    );
    assert_eq!(
        explain("PUT", "/other"),
        json!({
            "first-match-of": [{ "rule": 1, "decision": "deny", "if": ["from"] }],
            "otherwise": "deny",
        })
    );
}
