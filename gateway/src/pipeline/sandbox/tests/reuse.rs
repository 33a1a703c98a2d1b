//! Decisions that are carried out again without a call.

use super::*;

const CALLS: &str = "witgate_sandbox_calls_total{plugin=\"regular\",phase=\"on-request\"}";
const REUSED: &str = "witgate_sandbox_reused_total{plugin=\"regular\"}";

/// An entry of `plugins` for the fixture `regular`.
fn regular(settings: &str) -> String {
    let component = component("regular");
    format!(
        "  regular: {{ component: {}, {settings} }}",
        component.display()
    )
}

fn bearing(tokens: &[&'static str]) -> request::Parts {
    let mut parts = request();
    for token in tokens {
        let token = HeaderValue::from_static(token);
        parts.headers.append("x-token", token);
    }
    parts
}

/// What becomes of a request with these tokens: who asks, and in which call that was decided.
async fn sent(sandbox: &Sandbox, chain: &Chain, tokens: &[&'static str]) -> (String, String) {
    let exchange = sandbox.begin(chain, &facts());
    let mut parts = bearing(tokens);
    parts
        .headers
        .insert("x-call", HeaderValue::from_static("forged"));
    assert!(head(&exchange, &mut parts).await.unwrap().is_none());
    assert!(!parts.headers.contains_key("x-token"));
    let identity = exchange.identity();
    let who = identity.as_deref().and_then(|who| who.subject());
    let call = parts.headers["x-call"].to_str().unwrap();
    (who.unwrap_or("nobody").into(), call.into())
}

#[tokio::test]
async fn what_was_decided_holds_for_the_same_value() {
    let bed = Bed::new();
    let chain = bed.compiled(
        &regular(""),
        "[{ regular: { valid-to: 99999999999, most: 8 } }]",
    );
    let sandbox = Sandbox::new(&bed.host);
    // The first says that there is something to look for.
    let calls = ["1", "2", "2", "2"];
    for call in calls {
        assert_eq!(
            sent(&sandbox, &chain, &["alice"]).await,
            ("alice".into(), call.into())
        );
    }
    assert_eq!((bed.metric(CALLS), bed.metric(REUSED)), (2, 2));
    for tokens in [
        &["alicf"][..],
        &["alic"],
        &["Alice"],
        &["alice", "alice"],
        &["alice", "bob"],
        &[],
    ] {
        let calls = bed.metric(CALLS);
        sent(&sandbox, &chain, tokens).await;
        assert_eq!(bed.metric(CALLS), calls + 1, "{tokens:?}");
    }
    assert_eq!(
        sent(&sandbox, &chain, &["alice"]).await,
        ("alice".into(), "2".into())
    );
    // Another worker finds out by itself.
    let other = Sandbox::new(&bed.host);
    assert_eq!(
        sent(&other, &chain, &["alice"]).await,
        ("alice".into(), "1".into())
    );
}

#[tokio::test]
async fn a_change_of_what_is_relied_on_ends_it() {
    let bed = Bed::new();
    let chain = bed.compiled(
        &regular(""),
        "[{ regular: { valid-to: 99999999999, most: 8 } }]",
    );
    let sandbox = Sandbox::new(&bed.host);
    for _ in 0..3 {
        sent(&sandbox, &chain, &["alice"]).await;
    }
    bed.host.forget_decisions();
    for call in ["3", "3"] {
        assert_eq!(sent(&sandbox, &chain, &["alice"]).await.1, call);
    }
}

#[tokio::test]
async fn only_what_ended_well_and_in_its_time_is_reused() {
    let year = 365 * 86_400;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let cases = [
        ("", "valid-to: 99999999999, most: 0".into()),
        ("", format!("valid-to: {now}, most: 8")),
        (
            "",
            format!(
                "valid-from: {}, valid-to: {}, most: 8",
                now + year,
                now + 2 * year
            ),
        ),
        ("", "valid-to: 99999999999, most: 8, moves: true".into()),
        (
            "on-failure: open",
            "valid-to: 99999999999, most: 8, fails: true".into(),
        ),
        ("", "valid-to: 99999999999, most: 8, replies: true".into()),
        (
            "isolation: exchange",
            "valid-to: 99999999999, most: 8".into(),
        ),
    ];
    for (plugin, settings) in cases {
        let bed = Bed::new();
        let chain = bed.compiled(
            &regular(plugin),
            &format!("[{{ regular: {{ {settings} }} }}]"),
        );
        let sandbox = Sandbox::new(&bed.host);
        for _ in 0..4 {
            let exchange = sandbox.begin(&chain, &facts());
            let _ = head(&exchange, &mut bearing(&["alice"])).await.unwrap();
        }
        assert_eq!(
            (bed.metric(CALLS), bed.metric(REUSED)),
            (4, 0),
            "{settings}"
        );
    }
}
