//! Counts are exact on every worker under parallel load, and one move is one move.

use super::*;

/// So many GETs over 16 connections at once.
async fn storm(gateway: &Gateway, path: &'static str, calls: usize) {
    let address = gateway.address();
    let left = Arc::new(AtomicUsize::new(calls));
    let mut clients = Vec::new();
    for _ in 0..16 {
        let left = Arc::clone(&left);
        clients.push(tokio::spawn(async move {
            let mut connection = client::h1(address).await;
            let take = |left: usize| left.checked_sub(1);
            while left.fetch_update(Relaxed, Relaxed, take).is_ok() {
                connection.ready().await.unwrap();
                let sent = request(Method::GET, address, path).body(empty());
                let answer = connection.send_request(sent.unwrap()).await.unwrap();
                Answer::of(answer).await;
            }
        }));
    }
    for client in clients {
        soon("all calls", client).await.unwrap();
    }
}

#[tokio::test]
async fn failures_in_a_row_are_counted_exactly() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "failures: 2000").await;
    storm(&gateway, "/500", 1999).await;
    assert_eq!(moves(&gateway, "open", "failures").await, 0.0);
    assert_eq!(up.asked(), 1999);
    assert_eq!(status(&gateway, "/500", &[]).await, 500);
    is_open(&gateway.get("/200").await);
}

#[tokio::test]
async fn shares_are_counted_exactly() {
    let up = Upstream::start().await;
    let settings = "ratio: { share: 50%, window: 1h, minimum-calls: 2000 }";
    let gateway = guarded(up.address, settings).await;
    storm(&gateway, "/200", 1000).await;
    storm(&gateway, "/500", 999).await;
    assert_eq!(moves(&gateway, "open", "ratio").await, 0.0);
    assert_eq!(status(&gateway, "/500", &[]).await, 500);
    is_open(&gateway.get("/200").await);
}

/// What succeeds is counted now by the gateway, now by the component, which hears of it while failures are remembered.
#[tokio::test]
async fn successes_and_failures_that_end_together_are_counted_exactly() {
    let up = Upstream::start().await;
    let settings = "ratio: { share: 50%, window: 1h, minimum-calls: 2000 }";
    let gateway = guarded(up.address, settings).await;
    let (well, badly) = (storm(&gateway, "/200", 1000), storm(&gateway, "/500", 999));
    tokio::join!(well, badly);
    assert_eq!(moves(&gateway, "open", "ratio").await, 0.0);
    assert_eq!(status(&gateway, "/500", &[]).await, 500);
    is_open(&gateway.get("/200").await);
}

#[tokio::test]
async fn many_failures_at_once_open_once() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "failures: 5").await;
    storm(&gateway, "/500", 1000).await;
    assert_eq!(moves(&gateway, "open", "failures").await, 1.0);
    // Those that were under way when it opened.
    let asked = up.asked();
    assert!((5..5 + 16).contains(&asked), "{asked}");
}

#[tokio::test]
async fn no_more_probes_than_asked_for() {
    let up = Upstream::start().await;
    let settings = "failures: 1, open: 300ms, half-open: { probes: 3 }";
    let gateway = guarded(up.address, settings).await;
    status(&gateway, "/500", &[]).await;
    let address = gateway.address();
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(tokio::spawn(async move {
            let mut connection = client::h1(address).await;
            loop {
                connection.ready().await.unwrap();
                let sent = request(Method::GET, address, "/hang").body(empty());
                let answer = connection.send_request(sent.unwrap()).await.unwrap();
                if answer.status() == 200 {
                    break;
                }
                Answer::of(answer).await;
            }
        }));
    }
    up.is_asked(4).await;
    assert_eq!(up.asked(), 4, "the failure, and three probes");
    up.gate.add_permits(1000);
    for client in clients {
        soon("the circuit to close", client).await.unwrap();
    }
    assert_eq!(moves(&gateway, "closed", "probe-succeeded").await, 1.0);
}
