//! A real nginx behind a circuit is killed under load, and comes back.

use super::*;
use crate::nginx::Nginx;

/// What the clients met.
#[derive(Default)]
struct Met {
    well: AtomicUsize,
    failed: AtomicUsize,
    refused: AtomicUsize,
}

impl Met {
    /// Counts an answer, which must be one of three.
    fn count(&self, answer: &Answer) {
        let kind = match answer.status().as_u16() {
            200 => &self.well,
            502 => &self.failed,
            503 => {
                is_open(answer);
                assert!(answer.header("retry-after").is_some());
                &self.refused
            }
            other => panic!("{other}: {}", answer.text()),
        };
        kind.fetch_add(1, Relaxed);
    }
}

const CLIENTS: usize = 8;

#[tokio::test]
async fn an_upstream_that_is_killed_and_comes_back() {
    let nginx = Nginx::start().await;
    let gateway = guarded(nginx.address, "failures: 3, open: 200ms").await;
    let address = gateway.address();
    let met = Arc::new(Met::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let met = Arc::clone(&met);
            tokio::spawn(async move {
                let mut connection = client::h1(address).await;
                loop {
                    connection.ready().await.unwrap();
                    let sent = request(Method::GET, address, "/hello").body(empty());
                    let answer = connection.send_request(sent.unwrap()).await.unwrap();
                    met.count(&Answer::of(answer).await);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        })
        .collect();
    let reaches = async |what: &str, count: &AtomicUsize, more: usize| {
        let goal = count.load(Relaxed) + more;
        eventually(what, || async { count.load(Relaxed) >= goal }).await;
    };
    reaches("answers", &met.well, 100).await;
    assert_eq!(met.failed.load(Relaxed) + met.refused.load(Relaxed), 0);

    let nginx_address = nginx.address;
    drop(nginx);
    reaches("refusals", &met.refused, 200).await;
    let failed = met.failed.load(Relaxed) as f64;
    let probes = moves(&gateway, "open", "probe-failed").await;
    assert_eq!(moves(&gateway, "open", "failures").await, 1.0);
    // Three, those that were under way with them, and one for each probe.
    let most = 3.0 + CLIENTS as f64 + probes + 1.0;
    assert!(
        (3.0..=most).contains(&failed),
        "{failed} failed, {probes} probes"
    );

    let _again = Nginx::start_at(nginx_address).await;
    reaches("answers again", &met.well, 100).await;
    let (failed, refused) = (met.failed.load(Relaxed), met.refused.load(Relaxed));
    reaches("more answers", &met.well, 100).await;
    assert_eq!(
        (met.failed.load(Relaxed), met.refused.load(Relaxed)),
        (failed, refused)
    );
    for client in clients {
        assert!(!client.is_finished(), "no client met anything else");
        client.abort();
    }
}
