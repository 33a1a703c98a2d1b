use serde_json::Value;

use super::*;

fn fields() -> IdentityFields {
    IdentityFields {
        scheme: "jwt".into(),
        subject: Some("alice".into()),
        tenant: Some("acme".into()),
        scopes: vec!["read".into(), "write".into()],
        claims: r#"{"email":"a@example.com","org":{"id":7,"a/b":[1,{"x~y":true}]},"none":null}"#
            .into(),
        ..IdentityFields::default()
    }
}

fn identity() -> Identity {
    Identity::new(fields()).unwrap()
}

#[test]
fn fields_are_read_by_their_names() {
    let identity = identity();
    for (name, value) in [
        ("subject", Some("alice")),
        ("tenant", Some("acme")),
        ("consumer", None),
        ("issuer", None),
        ("scheme", Some("jwt")),
        ("scopes", Some("read write")),
        ("claim:/email", Some("a@example.com")),
        ("claim:/org/id", Some("7")),
        ("claim:/org/a~1b/0", Some("1")),
        ("claim:/org/a~1b/1/x~0y", Some("true")),
        ("claim:/org/a~1b/00", None),
        ("claim:/org/a~1b/+1", None),
        ("claim:/org/a~1b", Some(r#"[1,{"x~y":true}]"#)),
        ("claim:/none", None),
        ("claim:/nothing", None),
        ("claim:/email/deeper", None),
    ] {
        let field: Field = name.parse().unwrap();
        assert_eq!(identity.field(&field).as_deref(), value, "{name}");
        assert_eq!(field.to_string(), name);
    }
}

#[test]
fn what_names_no_field_is_refused() {
    for name in [
        "",
        "Subject",
        "sub",
        "claim",
        "claim:",
        "claim:email",
        "claim:/a~2",
        "claim:/a~",
        "email",
    ] {
        assert!(name.parse::<Field>().is_err(), "{name}");
    }
}

#[test]
fn a_claim_is_what_a_pointer_finds() {
    let identity = identity();
    assert_eq!(
        identity.claim("/email").as_deref(),
        Some(r#""a@example.com""#)
    );
    assert_eq!(identity.claim("/none").as_deref(), Some("null"));
    assert_eq!(identity.claim("email"), None);
    let all: Value = serde_json::from_str(&identity.claim("").unwrap()).unwrap();
    assert_eq!(all["org"]["id"], 7);
}

#[test]
fn what_others_could_take_for_something_else_is_refused() {
    let with = |change: fn(&mut IdentityFields)| {
        let mut fields = fields();
        change(&mut fields);
        Identity::new(fields).map_err(|error| error.to_string())
    };
    assert!(
        with(|it| it.scheme = "JWT".into())
            .unwrap_err()
            .contains("scheme")
    );
    assert!(
        with(|it| it.subject = Some(String::new()))
            .unwrap_err()
            .contains("subject is empty")
    );
    assert!(
        with(|it| it.subject = Some("alice ".into()))
            .unwrap_err()
            .contains("space")
    );
    assert!(
        with(|it| it.tenant = Some("a\r\nx-admin: 1".into()))
            .unwrap_err()
            .contains("tenant")
    );
    assert!(
        with(|it| it.issuer = Some("x".repeat(1025)))
            .unwrap_err()
            .contains("1024")
    );
    assert!(
        with(|it| it.scopes = vec!["a b".into()])
            .unwrap_err()
            .contains("scope")
    );
    assert!(
        with(|it| it.scopes = vec!["a".into(); 1001])
            .unwrap_err()
            .contains("1000")
    );
    assert!(
        with(|it| it.claims = "[]".into())
            .unwrap_err()
            .contains("object")
    );
    assert!(
        with(|it| it.claims = String::new())
            .unwrap_err()
            .contains("object")
    );
    assert!(
        with(|it| it.claims = "[".repeat(10_000))
            .unwrap_err()
            .contains("object")
    );
    assert!(
        with(|it| it.claims = format!("{{}}{}", " ".repeat(64 << 10)))
            .unwrap_err()
            .contains("65536")
    );
}

/// Claims are read later, when nobody can be told any more what is wrong with them.
#[test]
fn what_could_not_be_read_is_refused_at_once() {
    for claims in [
        "null",
        "{}{}",
        r#"{"a":1e999}"#,
        r#"{"a":["\ud800"]}"#,
        r#"{"\ud800":1}"#,
        r#"{"a":01}"#,
        r#"{"a":tru}"#,
        "{\"a\":\"\n\"}",
        r#"{"a":{"b":[1,]}}"#,
        &format!(r#"{{"a":{}{}}}"#, "[".repeat(127), "]".repeat(127)),
    ] {
        let read = serde_json::from_str::<serde_json::Map<String, Value>>(claims);
        let made = Identity::new(IdentityFields {
            claims: claims.into(),
            ..fields()
        });
        let expected = read.map_err(IdentityError::Claims).unwrap_err();
        assert_eq!(
            made.unwrap_err().to_string(),
            expected.to_string(),
            "{claims}"
        );
    }
}

#[test]
fn identities_are_equal_however_their_claims_are_written() {
    let with = |claims: &str| {
        Identity::new(IdentityFields {
            claims: claims.into(),
            ..fields()
        })
        .unwrap()
    };
    let (one, other) = (with(r#"{"a":1,"b":2}"#), with(r#"{ "b": 2, "a": 1 }"#));
    assert_eq!(one.claim("/a").as_deref(), Some("1"));
    assert_eq!(one, other);
    assert_ne!(one, with(r#"{"a":1,"b":3}"#));
}

#[test]
fn a_heavy_identity_weighs_what_its_claims_do() {
    let light = identity();
    let heavy = Identity::new(IdentityFields {
        claims: format!(r#"{{"a":[{}0]}}"#, "0,".repeat(30_000)),
        ..fields()
    });
    assert!(light.weight() < 2_000, "{}", light.weight());
    assert!(heavy.unwrap().weight() > 30_000 * size_of::<Value>());
}

#[test]
fn the_same_is_who_has_the_same_names() {
    let (one, mut other) = (identity(), fields());
    other.scheme = "oauth2".into();
    assert!(one.is_same(&Identity::new(other.clone()).unwrap()));
    other.tenant = None;
    assert!(!one.is_same(&Identity::new(other).unwrap()));
}
