//! gRPC calls behind a circuit.

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};

use super::*;
use crate::grpc::peer::{self, Client};

async fn called(settings: &str, status: &'static str) -> (Gateway, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let address = peer::upstream(move |mut call| {
        counter.fetch_add(1, Relaxed);
        async move {
            call.read().await;
            call.fail(status);
        }
    })
    .await;
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{address}'], protocol: http2 }} }}\n\
         routes:\n  - name: all\n    plugins: [{{ circuit-breaker: {{ {settings} }} }}]\n    to: up"
    );
    (setup().routes(&yaml).start().await, asked)
}

#[tokio::test]
async fn a_client_is_told_when_to_come_again() {
    let (gateway, asked) = called("failures: 2", "14").await;
    let mut client = Client::new(gateway.address()).await;
    for _ in 0..2 {
        assert_eq!(client.unary("/a.B/C", &[]).await.status(), ("14", true));
    }
    let outcome = client.unary("/a.B/C", &[]).await;
    assert_eq!(outcome.status(), ("14", true));
    assert_eq!(asked.load(Relaxed), 2);
    let field = |name: &str| outcome.head.headers[name].to_str().unwrap();
    let pushback: u64 = field("grpc-retry-pushback-ms").parse().unwrap();
    assert!((1..=60_000).contains(&pushback), "{pushback}");
    let details = field("grpc-status-details-bin").trim_end_matches('=');
    let details = BASE64_STANDARD_NO_PAD.decode(details).unwrap();
    let kind = b"type.googleapis.com/google.rpc.RetryInfo";
    assert!(
        details.windows(kind.len()).any(|it| it == kind),
        "{details:?}"
    );
}

#[tokio::test]
async fn a_call_is_judged_by_its_own_status() {
    // NOT_FOUND is the client's affair.
    let (gateway, asked) = called("failures: 1", "5").await;
    let mut client = Client::new(gateway.address()).await;
    for _ in 0..3 {
        assert_eq!(client.unary("/a.B/C", &[]).await.status(), ("5", true));
    }
    assert_eq!(asked.load(Relaxed), 3);
    let (gateway, asked) = called("failures: 1, weights: { NOT_FOUND: 1 }", "5").await;
    let mut client = Client::new(gateway.address()).await;
    assert_eq!(client.unary("/a.B/C", &[]).await.status(), ("5", true));
    assert_eq!(client.unary("/a.B/C", &[]).await.status(), ("14", true));
    assert_eq!(asked.load(Relaxed), 1);
}
