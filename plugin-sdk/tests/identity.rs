//! Who asks, as a policy's tests see it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use witgate_plugin::{
    prelude::*,
    testing::{self, Exchange, TestRequest, TestSummary},
};

/// Establishes whom the field `x-user` names, and keeps the handle.
#[config]
struct Door {
    #[serde(default)]
    fail: bool,
}

#[derive(Default)]
struct Known(Option<Identity>, Vec<String>);

#[policy]
impl Policy for Door {
    type State = Known;

    fn on_request(&self, request: &mut Request, state: &mut Known) -> Result<Verdict> {
        let identity = Identity::new(IdentityFields {
            scheme: "test".into(),
            subject: request.header("x-user"),
            claims: r#"{"org":{"id":7}}"#.into(),
            ..IdentityFields::default()
        })?;
        request.set_identity(&identity)?;
        request.note("seen");
        state.0 = Some(identity);
        if self.fail {
            return Err("as I was told".into());
        }
        Ok(Verdict::Next)
    }

    fn on_end(&self, summary: &Summary, state: &mut Known) {
        state.1 = summary.notes();
        let who = summary.identity().and_then(|identity| identity.subject());
        log::info!("{who:?} {:?}", state.1);
    }
}

fn door(fail: bool) -> Door {
    testing::configure(&format!(r#"{{ "fail": {fail} }}"#)).unwrap()
}

fn alice() -> TestRequest {
    TestRequest::get("/").header("x-user", "alice")
}

#[test]
fn an_identity_is_what_was_established() {
    let door = door(false);
    let mut exchange = Exchange::new(&door, alice());
    assert!(exchange.identity().is_none());
    exchange.on_request().unwrap();
    let identity = exchange.identity().unwrap();
    assert_eq!(identity.subject().as_deref(), Some("alice"));
    assert_eq!(identity.claim("/org/id").as_deref(), Some("7"));
    assert_eq!(identity.claim_as::<u8>("/org/id"), Some(7));
    assert_eq!(identity.claim_as::<String>("/org/id"), None);
    assert_eq!(exchange.notes(), ["seen"]);
}

#[test]
fn a_phase_that_fails_establishes_nobody_and_its_notes_stay() {
    let door = door(true);
    let mut exchange = Exchange::new(&door, alice());
    exchange.on_request().unwrap_err();
    assert!(exchange.identity().is_none());
    assert_eq!(exchange.notes(), ["seen"]);
}

#[test]
fn what_the_gateway_refuses_is_refused_here() {
    let door = door(false);
    for user in ["", " alice", "a\tb", &"x".repeat(1025)] {
        let request = TestRequest::get("/").header("x-user", user);
        assert!(
            Exchange::new(&door, request).on_request().is_err(),
            "{user:?}"
        );
    }
    for (scheme, claims) in [("", "{}"), ("JWT", "{}"), ("jwt", "[]"), ("jwt", "")] {
        let fields = IdentityFields {
            scheme: scheme.into(),
            claims: claims.into(),
            ..IdentityFields::default()
        };
        assert!(Identity::new(fields).is_err(), "{scheme:?} {claims}");
    }
}

#[test]
fn those_before_and_the_connection_are_a_tests_to_say() {
    let identity = Identity::new(IdentityFields {
        scheme: "test".into(),
        tenant: Some("acme".into()),
        ..IdentityFields::default()
    })
    .unwrap();
    let peer = Peer {
        spiffe_id: Some("spiffe://example.org/a".into()),
        ..Peer::default()
    };
    let door = door(false);
    let request = alice().identity(&identity).peer(peer.clone());
    let exchange = Exchange::new(&door, request);
    assert_eq!(exchange.request().peer(), Some(peer));
    let tenant = exchange.identity().and_then(|identity| identity.tenant());
    assert_eq!(tenant.as_deref(), Some("acme"));
    let summary = TestSummary::new(Ending::Complete, Some(200))
        .note("odd")
        .identity(&identity);
    exchange.on_end(&summary);
    assert_eq!(testing::take_log()[0].1, r#"None ["odd"]"#);
}
