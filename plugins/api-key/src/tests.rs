use proptest::prelude::*;
use serde_json::{Value, json};
use witgate_plugin::testing::{self, Exchange, TestRequest};

use super::*;

mod file;

/// `printf %s open-sesame | sha256sum`
const SESAME: &str = "sha256:d7ecdf25eaf3deba0f2628771dbdd22d4138ab6cf38f91ed02a2ca0dec7c8ab7";

fn policy(lines: &str, settings: &Value) -> Result<ApiKey, Vec<Problem>> {
    testing::set_file("keys", lines);
    let mut all = json!({ "file": "keys" });
    for (key, value) in settings.as_object().unwrap() {
        all[key] = value.clone();
    }
    testing::configure(&all.to_string())
}

fn sesame(more: &Value) -> String {
    let mut line = json!({ "key": SESAME, "consumer": "ali" });
    for (key, value) in more.as_object().unwrap() {
        line[key] = value.clone();
    }
    line.to_string()
}

fn with_key(key: impl AsRef<[u8]>) -> TestRequest {
    TestRequest::get("/?a=1").header("x-api-key", key)
}

/// The status and the code of a refusal; none for who may go on.
fn refused(policy: &ApiKey, request: TestRequest) -> Option<(u16, String)> {
    let mut exchange = Exchange::new(policy, request);
    match exchange.on_request().unwrap() {
        Verdict::Next => None,
        Verdict::Reply(reply) => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            let challenge = reply
                .headers
                .iter()
                .find(|(name, _)| name == "www-authenticate");
            assert_eq!(challenge.is_some(), reply.status == 401);
            Some((reply.status, body["code"].as_str().unwrap().to_owned()))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_known_key_says_whose_it_is() {
    let more = json!({ "tenant": "cave", "scopes": ["gold:read"], "claims": { "thieves": 40 } });
    let policy = policy(&sesame(&more), &json!({})).unwrap();
    // The second time it is remembered.
    for _ in 0..2 {
        let mut exchange = Exchange::new(&policy, with_key("open-sesame"));
        assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
        let request = exchange.request();
        assert_eq!(
            request.header("x-api-key"),
            None,
            "the upstream does not get it"
        );
        let identity = request.identity().unwrap();
        assert_eq!(identity.scheme(), "api-key");
        assert_eq!(identity.consumer().as_deref(), Some("ali"));
        assert_eq!(identity.tenant().as_deref(), Some("cave"));
        assert_eq!(identity.scopes(), ["gold:read"]);
        assert_eq!(identity.claim_as::<u32>("/thieves"), Some(40));
    }
}

#[test]
fn whoever_has_no_key_that_is_known_stays_outside() {
    let policy = policy(&sesame(&json!({})), &json!({})).unwrap();
    let missing = TestRequest::get("/");
    for (request, code) in [
        (missing, "key-missing"),
        (with_key(""), "key-missing"),
        (with_key("open-sesam"), "key-unknown"),
        (with_key("Open-Sesame"), "key-unknown"),
        (with_key(SESAME), "key-unknown"),
        (with_key([0xff, 0xfe]), "key-unknown"),
        (
            with_key("open-sesame").header("x-api-key", "x"),
            "key-ambiguous",
        ),
        (with_key("x".repeat(1 << 20)), "key-too-long"),
    ] {
        assert_eq!(refused(&policy, request), Some((401, code.to_owned())));
    }
    assert_eq!(refused(&policy, with_key("open-sesame")), None);
}

#[test]
fn who_asks_is_told_what_to_write_and_whoever_counts_why() {
    let settings =
        json!({ "realm": "the \"cave\"", "from": { "header": "authorization", "scheme": "Key" } });
    let policy = policy(&sesame(&json!({})), &settings).unwrap();
    let request = TestRequest::get("/").header("authorization", "Key nonsense");
    let mut exchange = Exchange::new(&policy, request);
    let Verdict::Reply(reply) = exchange.on_request().unwrap() else {
        panic!("it was let in");
    };
    let challenge = reply
        .headers
        .iter()
        .find(|(name, _)| name == "www-authenticate");
    assert_eq!(challenge.unwrap().1, b"Key realm=\"the \\\"cave\\\"\"");
    assert_eq!(exchange.notes(), ["credentials-invalid", "key-unknown"]);
    let request = TestRequest::get("/").header("authorization", "key open-sesame");
    assert_eq!(refused(&policy, request), None);
}

#[test]
fn a_key_can_be_elsewhere_and_reach_the_upstream() {
    let line = sesame(&json!({}));
    let query = policy(&line, &json!({ "from": { "query": "key" } })).unwrap();
    let mut exchange = Exchange::new(&query, TestRequest::get("/?a=1&key=open-sesame&b=2"));
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    assert_eq!(exchange.request().query().as_deref(), Some("a=1&b=2"));

    let cookie = policy(
        &line,
        &json!({ "from": { "cookie": "key" }, "forward": true }),
    )
    .unwrap();
    let request = TestRequest::get("/").header("cookie", "a=1; key=open-sesame");
    let mut exchange = Exchange::new(&cookie, request);
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    let cookie = exchange.request().header("cookie");
    assert_eq!(cookie.as_deref(), Some("a=1; key=open-sesame"));
}

#[test]
fn a_key_ends_when_it_says() {
    let policy = policy(&sesame(&json!({ "expires": "2026-01-31" })), &json!({})).unwrap();
    testing::set_unix_seconds(1_769_817_599);
    assert_eq!(refused(&policy, with_key("open-sesame")), None);
    testing::advance(std::time::Duration::from_secs(1));
    let expired = Some((401, String::from("key-expired")));
    assert_eq!(refused(&policy, with_key("open-sesame")), expired);
}

#[test]
fn the_gateway_may_recognise_a_key_until_it_ends() {
    let reused = |line: Value, from: Value, request: TestRequest| {
        let policy = policy(&sesame(&line), &json!({ "from": from })).unwrap();
        let mut exchange = Exchange::new(&policy, request);
        assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
        exchange.reuse()
    };
    let field = json!({ "header": "x-api-key" });
    assert_eq!(
        reused(json!({}), field.clone(), with_key("open-sesame")),
        Some(("x-api-key".into(), 0..u64::MAX))
    );
    let ends = json!({ "expires": "2999-01-31" });
    assert_eq!(
        reused(ends, field, with_key("open-sesame")),
        Some(("x-api-key".into(), 0..32_474_736_000))
    );
    let query = TestRequest::get("/?key=open-sesame");
    assert_eq!(reused(json!({}), json!({ "query": "key" }), query), None);
}

#[test]
fn scopes_that_are_missing_are_another_matter() {
    let line = sesame(&json!({ "scopes": ["a", "b"] }));
    let enough = policy(&line, &json!({ "scopes": ["b", "a"] })).unwrap();
    assert_eq!(refused(&enough, with_key("open-sesame")), None);
    let more = policy(&line, &json!({ "scopes": ["a", "c"] })).unwrap();
    let missing = Some((403, String::from("key-scope-missing")));
    assert_eq!(refused(&more, with_key("open-sesame")), missing);
}

#[test]
fn strangers_may_pass_where_that_was_written_but_not_with_a_wrong_key() {
    let policy = policy(&sesame(&json!({})), &json!({ "anonymous": true })).unwrap();
    let mut exchange = Exchange::new(&policy, TestRequest::get("/"));
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    assert!(exchange.request().identity().is_none());
    assert!(refused(&policy, with_key("x")).is_some());
}

#[test]
fn digests_under_a_secret_survive_its_rotation() {
    let (old, new) = (
        b"old-old-old-old-old".as_slice(),
        b"new-new-new-new-new".as_slice(),
    );
    // printf %s open-sesame | openssl dgst -sha256 -hmac old-old-old-old-old
    let digest = "hmac-sha256:dc806825bfdbbe513457c1bf4278731feda7414989ab90620e1fc249816e3cc9";
    let line = json!({ "key": digest, "consumer": "ali" }).to_string();
    let problems = policy(&line, &json!({})).err().unwrap();
    assert!(
        problems[0].message.contains("name the secret"),
        "{problems:?}"
    );
    let problems = policy(&line, &json!({ "secret": "pepper" })).err().unwrap();
    assert_eq!(problems[0].pointer, "/secret");

    testing::set_secret("pepper", &[old]);
    let policy = policy(&line, &json!({ "secret": "pepper" })).unwrap();
    assert_eq!(refused(&policy, with_key("open-sesame")), None);
    testing::set_secret("pepper", &[new, old]);
    assert_eq!(refused(&policy, with_key("open-sesame")), None);
    testing::set_secret("pepper", &[new]);
    assert!(refused(&policy, with_key("open-sesame")).is_some());
}
