//! Who asks: established by one plugin, seen by those after it, kept by the thousand.

use serde_json::{Value, json};

use super::*;

/// An entry of `plugins` for the fixture `badge`.
fn badge(settings: &str) -> String {
    let component = component("badge");
    format!(
        "  badge: {{ component: {}, grants: [metrics], {settings} }}",
        component.display()
    )
}

/// What the last plugin of a chain tells.
async fn told(exchange: &Exchange) -> Value {
    let reply = head(exchange, &mut request()).await.unwrap().unwrap();
    serde_json::from_slice(reply.body()).unwrap()
}

fn notes(exchange: &Exchange) -> Vec<String> {
    exchange.notes().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn those_who_come_after_see_who_asks() {
    let bed = Bed::new();
    let chain = bed.compiled(
        &badge(""),
        "[{ badge: { establish: { subject: alice, tenant: acme, scopes: [read], claims: { list: [7] } } } }, { badge: { tell: true } }]",
    );
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    let told = told(&exchange).await;
    assert_eq!(
        told["identity"],
        json!({
            "scheme": "test", "subject": "alice", "tenant": "acme", "consumer": null, "issuer": null,
            "scopes": ["read"], "claims": { "list": [7] }, "first": "7",
        })
    );
    assert_eq!(told["peer"], Value::Null);
    assert_eq!(exchange.identity().unwrap().subject(), Some("alice"));
    assert!(exchange.notes().is_empty());
}

#[tokio::test]
async fn a_plugin_that_fails_establishes_nobody_and_its_notes_stay() {
    for end in ["fail", "trap"] {
        let bed = Bed::new();
        let chain = bed.compiled(
            &badge("on-failure: open"),
            &format!(
                "[{{ badge: {{ establish: {{ subject: alice }}, note: [issuer-unavailable], {end}: true }} }}, {{ badge: {{ tell: true }} }}]"
            ),
        );
        let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
        assert_eq!(told(&exchange).await["identity"], Value::Null, "{end}");
        assert!(exchange.identity().is_none());
        assert_eq!(notes(&exchange), ["issuer-unavailable"]);
    }
}

#[tokio::test]
async fn the_last_word_counts_and_is_noted() {
    let bed = Bed::new();
    let chain = bed.compiled(
        &badge(""),
        "[{ badge: { establish: { subject: alice } } }, { badge: { establish: { subject: alice } } }, { badge: { establish: { subject: bob }, note: [a, b, a, 'no note'] } }]",
    );
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    assert!(head(&exchange, &mut request()).await.unwrap().is_none());
    assert_eq!(exchange.identity().unwrap().subject(), Some("bob"));
    assert_eq!(notes(&exchange), ["a", "b", "identity-replaced"]);
}

#[tokio::test]
async fn the_end_knows_who_asked_and_what_was_noted() {
    let bed = Bed::new();
    let chain = bed.compiled(
        &badge(""),
        "[{ badge: { count: true } }, { badge: { establish: { subject: alice }, note: [odd, strange] } }]",
    );
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts());
    assert!(head(&exchange, &mut request()).await.unwrap().is_none());
    let summary = Summary {
        code: Some("upstream-timeout"),
        grpc_status: Some(4),
        ..ended(Ending::Timeout)
    };
    exchange.end(summary, |summary| {
        summary.endpoint = Some("http://127.0.0.1:9001".into());
    });
    let sample = "witgate_plugin_ended{plugin=\"badge\",subject=\"alice\",notes=\"odd strange\",code=\"upstream-timeout\",endpoint=\"http://127.0.0.1:9001\",grpc=\"4\"}";
    assert_eq!(bed.metric(sample), 1);
}

#[tokio::test]
async fn a_certificate_is_seen_by_every_plugin() {
    let bed = Bed::new();
    let chain = bed.compiled(&badge(""), "[{ badge: { tell: true } }]");
    let certificate = crate::pipeline::identity::Certificate {
        spiffe_id: Some("spiffe://example.org/orders".into()),
        dns_names: ["a.example.com".into()].into(),
        subject: "CN=orders".into(),
        fingerprint: "ab".into(),
    };
    let facts = Facts {
        certificate: Some(Arc::new(certificate)),
        ..facts()
    };
    let exchange = Sandbox::new(&bed.host).begin(&chain, &facts);
    assert_eq!(
        told(&exchange).await["peer"],
        json!({
            "spiffe-id": "spiffe://example.org/orders", "dns-names": ["a.example.com"],
            "subject": "CN=orders", "fingerprint": "ab",
        })
    );
}

/// As a cache of verified tokens does; the exchange's own handles are not in the way.
#[tokio::test]
async fn ten_thousand_identities_are_kept() {
    let bed = Bed::new();
    let chain = bed.compiled(
        &badge("limits: { time: 10s }"),
        "[{ badge: { hoard: 10000, weight: 200 } }]",
    );
    let sandbox = Sandbox::new(&bed.host);
    for _ in 0..3 {
        let exchange = sandbox.begin(&chain, &facts());
        let told = told(&exchange).await;
        assert_eq!(
            told,
            json!({ "kept": 10_000, "last": "9999", "error": null })
        );
    }
    // Beside it, the one that judges configurations.
    assert_eq!(bed.metric("witgate_sandbox_instances{plugin=\"badge\"}"), 2);
}

#[tokio::test]
async fn beyond_its_limits_a_plugin_is_told_to_let_go() {
    for (limits, chain, word) in [
        ("identities: 100", "hoard: 200", "limits.identities"),
        (
            "memory: 4MiB",
            "hoard: 1000, weight: 60000",
            "limits.memory",
        ),
    ] {
        let bed = Bed::new();
        let chain = bed.compiled(
            &badge(&format!("limits: {{ time: 10s, {limits} }}")),
            &format!("[{{ badge: {{ {chain} }} }}]"),
        );
        let sandbox = Sandbox::new(&bed.host);
        // The second time all is as the first: what was let go of is free.
        for _ in 0..2 {
            let exchange = sandbox.begin(&chain, &facts());
            let told = told(&exchange).await;
            let kept = told["kept"].as_u64().unwrap();
            assert!((50..=100).contains(&kept), "{told}");
            assert!(told["error"].as_str().unwrap().contains(word), "{told}");
        }
    }
}
