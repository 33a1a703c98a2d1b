use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use witgate_plugin::testing::{self, Exchange, TestRequest};

use super::*;

const USERS: &str =
    "# people\nada:fake=correct horse\n\ngrace:fake=staple: a remark\nzo\u{eb}:fake=\u{fc}ber\r\n";

fn configured(users: &str, settings: &Value) -> Result<BasicAuth, Vec<Problem>> {
    testing::reset();
    memory::forget();
    testing::set_file("users", users);
    let mut all = json!({ "file": "users" });
    for (key, value) in settings.as_object().unwrap() {
        all[key] = value.clone();
    }
    testing::configure(&all.to_string())
}

fn policy() -> BasicAuth {
    configured(USERS, &json!({})).unwrap()
}

fn basic(user: &str, password: &str) -> TestRequest {
    let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
    TestRequest::get("/").header("authorization", format!("Basic {encoded}"))
}

/// The status and the code of a refusal; none for who may go on.
fn refused(policy: &BasicAuth, request: TestRequest) -> Option<(u16, String)> {
    match Exchange::new(policy, request).on_request().unwrap() {
        Verdict::Next => None,
        Verdict::Reply(reply) => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            let field = |wanted: &str| reply.headers.iter().any(|(name, _)| name == wanted);
            assert_eq!(field("www-authenticate"), reply.status == 401);
            assert_eq!(field("retry-after"), reply.status == 503);
            Some((reply.status, body["code"].as_str().unwrap().to_owned()))
        }
        other => panic!("{other:?}"),
    }
}

fn wrong() -> Option<(u16, String)> {
    Some((401, String::from("password-wrong")))
}

#[test]
fn a_right_password_says_who_it_is_and_is_checked_once() {
    let policy = policy();
    for _ in 0..3 {
        let mut exchange = Exchange::new(&policy, basic("ada", "correct horse"));
        assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
        let request = exchange.request();
        assert_eq!(
            request.header("authorization"),
            None,
            "the upstream does not get it"
        );
        let identity = request.identity().unwrap();
        assert_eq!(identity.scheme(), "basic");
        assert_eq!(identity.subject().as_deref(), Some("ada"));
        assert_eq!(identity.consumer().as_deref(), Some("ada"));
    }
    assert_eq!(testing::password_checks(), 1);
    assert_eq!(refused(&policy, basic("zo\u{eb}", "\u{fc}ber")), None);
    assert_eq!(refused(&policy, basic("grace", "staple")), None);
}

#[test]
fn a_wrong_password_and_a_user_who_is_not_there_are_the_same() {
    let policy = policy();
    for (user, password) in [
        ("ada", "correct hors"),
        ("ada", ""),
        ("ada", "staple"),
        ("Ada", "correct horse"),
        ("nobody", "correct horse"),
    ] {
        let before = testing::password_checks();
        assert_eq!(refused(&policy, basic(user, password)), wrong(), "{user}");
        assert_eq!(
            testing::password_checks(),
            before + 1,
            "{user} takes no time"
        );
    }
    // Not even the password of the hash that stands in for theirs lets them in, once or twice.
    for _ in 0..2 {
        assert_eq!(refused(&policy, basic("nobody", "correct horse")), wrong());
    }
}

#[test]
fn what_is_no_name_and_password_is_not_checked() {
    let policy = policy();
    let field = |value: String| TestRequest::get("/").header("authorization", value);
    let encoded = |text: &[u8]| format!("Basic {}", BASE64_STANDARD.encode(text));
    let malformed = || Some((401, String::from("password-malformed")));
    let missing = || Some((401, String::from("password-missing")));
    for (request, expected) in [
        (TestRequest::get("/"), missing()),
        (field("Bearer x".into()), missing()),
        (field("Basic ".into()), missing()),
        (field("Basic !!!".into()), malformed()),
        (field(encoded(b"ada")), malformed()),
        (field(encoded(b":x")), malformed()),
        (field(encoded(b"ada:correct horse\0")), malformed()),
        (field(encoded(b"ada:\xff")), malformed()),
        (field(encoded(&[b'x'; 1 << 20])), malformed()),
        (
            basic("ada", "correct horse").header("authorization", "Basic x"),
            malformed(),
        ),
    ] {
        assert_eq!(refused(&policy, request), expected);
    }
    assert_eq!(testing::password_checks(), 0);
}

#[test]
fn base64_is_read_with_and_without_padding() {
    let policy = policy();
    for encoded in ["YWRhOmNvcnJlY3QgaG9yc2U=", "YWRhOmNvcnJlY3QgaG9yc2U"] {
        let request = TestRequest::get("/").header("authorization", format!("basic {encoded}"));
        assert_eq!(refused(&policy, request), None);
    }
}

#[test]
fn a_request_waits_for_its_check() {
    let policy = policy();
    testing::delay_password_checks(2);
    let mut exchange = Exchange::new(&policy, basic("ada", "correct horse"));
    assert_eq!(exchange.on_request().unwrap(), Verdict::Again);
    assert_eq!(exchange.on_request().unwrap(), Verdict::Again);
    assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
    assert_eq!(testing::password_checks(), 1);

    // An instance that died has lost the check, and begins another.
    let mut exchange = Exchange::new(&policy, basic("grace", "staple"));
    assert_eq!(exchange.on_request().unwrap(), Verdict::Again);
    exchange.lose_state();
    assert_eq!(exchange.on_request().unwrap(), Verdict::Again);
    assert_eq!(testing::password_checks(), 3);
}

#[test]
fn when_too_many_wait_the_client_is_told_to_come_again() {
    let policy = policy();
    assert_eq!(refused(&policy, basic("ada", "correct horse")), None);
    testing::refuse_password_checks(true);
    let mut exchange = Exchange::new(&policy, basic("grace", "staple"));
    assert!(matches!(exchange.on_request().unwrap(), Verdict::Reply(_)));
    assert_eq!(
        exchange.notes(),
        ["credentials-unchecked", "password-checks-busy"]
    );
    let busy = Some((503, String::from("password-checks-busy")));
    assert_eq!(refused(&policy, basic("grace", "staple")), busy);
    assert_eq!(
        refused(&policy, basic("ada", "correct horse")),
        None,
        "who is known goes on"
    );
}

#[test]
fn nobody_is_remembered_for_longer_than_was_written() {
    let policy = configured(USERS, &json!({ "remember": "10s" })).unwrap();
    assert_eq!(refused(&policy, basic("ada", "correct horse")), None);
    testing::advance(Duration::from_secs(9));
    assert_eq!(refused(&policy, basic("ada", "correct horse")), None);
    assert_eq!(testing::password_checks(), 1);
    testing::advance(Duration::from_secs(1));
    assert_eq!(refused(&policy, basic("ada", "correct horse")), None);
    assert_eq!(testing::password_checks(), 2);

    let policy = configured(USERS, &json!({ "remember": "0s" })).unwrap();
    for checks in 1..4 {
        assert_eq!(refused(&policy, basic("ada", "correct horse")), None);
        assert_eq!(testing::password_checks(), checks);
    }
}

#[test]
fn a_changed_file_forgets_those_whose_password_changed() {
    let first = policy();
    assert_eq!(refused(&first, basic("ada", "correct horse")), None);
    assert_eq!(refused(&first, basic("grace", "staple")), None);
    testing::set_file("users", "ada:fake=new\ngrace:fake=staple\n");
    let second: BasicAuth = testing::configure(r#"{ "file": "users" }"#).unwrap();
    assert_eq!(refused(&second, basic("grace", "staple")), None);
    assert_eq!(testing::password_checks(), 2, "grace is remembered");
    assert_eq!(refused(&second, basic("ada", "correct horse")), wrong());
    assert_eq!(refused(&second, basic("ada", "new")), None);
}

#[test]
fn strangers_may_pass_where_that_was_written_but_not_with_a_wrong_password() {
    let policy = configured(USERS, &json!({ "anonymous": true, "forward": true })).unwrap();
    assert_eq!(refused(&policy, TestRequest::get("/")), None);
    assert_eq!(refused(&policy, basic("ada", "x")), wrong());
    let mut exchange = Exchange::new(&policy, basic("ada", "correct horse"));
    exchange.on_request().unwrap();
    assert!(exchange.request().header("authorization").is_some());
}

#[test]
fn every_bad_line_is_named_and_no_hash_repeated() {
    let users = "ada:fake=x\nhunter2\n:fake=x\nbob:hunter2\nada:fake=y\n bob:fake=x\n";
    let problems = configured(users, &json!({})).err().unwrap();
    let said: Vec<_> = problems.iter().map(|it| it.message.as_str()).collect();
    for (said, expected) in said.iter().zip([
        "line 2: it is not `USER:HASH`",
        "line 3: the name of the user",
        "line 4: the hash of the user `bob` is no hash",
        "line 5: the user `ada` is there twice",
        "line 6: the name of the user",
    ]) {
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    assert_eq!(said.len(), 5);
}

#[test]
fn a_file_without_users_lets_nobody_in_and_is_warned_of() {
    let policy = configured("", &json!({})).unwrap();
    assert_eq!(policy.warnings().len(), 1);
    assert_eq!(refused(&policy, basic("ada", "")), wrong());
}

#[test]
fn wrong_settings_are_all_reported() {
    let settings = json!({ "remember": "2h", "realm": "\u{e9}" });
    let problems = configured("x", &settings).err().unwrap();
    let places: Vec<_> = problems.iter().map(|it| it.pointer.as_str()).collect();
    assert_eq!(places, ["/remember", "/realm", "/file"]);
}
