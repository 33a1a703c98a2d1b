//! What a circuit costs on which all is well: no call of the component.

use super::*;

/// Calls of the component so far.
async fn calls(gateway: &Gateway) -> f64 {
    let labels = ["plugin=\"circuit-breaker\"", "phase=\"on-end\""];
    let metrics = gateway.metrics().await;
    metrics.sum("witgate_sandbox_calls_total", &labels)
}

/// The first window of the circuit: calls, and the weights of those that failed.
async fn window(gateway: &Gateway) -> (u64, f64) {
    let gates = gateway.admin("/gates").await.json();
    let window = &gates[0]["cells"][0]["windows"][0];
    let failures = window["failures"].as_f64();
    (
        window["calls"].as_u64().unwrap_or_default(),
        failures.unwrap_or_default(),
    )
}

#[tokio::test]
async fn healthy_calls_are_counted_without_the_component() {
    let up = Upstream::start().await;
    let judged = "ratio: { share: 90%, window: 2s, minimum-calls: 100 }, slow: { longer-than: 1m, window: 2s }";
    let gateway = guarded(up.address, judged).await;
    for path in ["/200", "/404", "/429", "/301"].repeat(10) {
        status(&gateway, path, &[]).await;
    }
    assert_eq!(calls(&gateway).await, 0.0);
    let (counted, failures) = window(&gateway).await;
    // Those of the first two seconds, on a busy machine.
    assert!((1..=40).contains(&counted) && failures == 0.0, "{counted}");
    // The first failure is judged, and what comes after it until that has left the window.
    assert_eq!(status(&gateway, "/500", &[]).await, 500);
    assert_eq!(calls(&gateway).await, 1.0);
    let mut told = 1.0;
    eventually("a circuit that has forgotten the failure", || {
        let before = told;
        told += 1.0;
        let gateway = &gateway;
        async move {
            assert_eq!(status(gateway, "/200", &[]).await, 200);
            calls(gateway).await == before
        }
    })
    .await;
    assert!(told > 2.0, "the first success after it was judged");
    assert_eq!(window(&gateway).await.1, 0.0);
    assert_eq!(moves(&gateway, "open", "ratio").await, 0.0);
}

#[tokio::test]
async fn a_failure_in_a_row_is_remembered_until_a_success() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "failures: 2").await;
    // What is asked for, and how often the component has been called by then.
    for (path, told) in [
        ("/200", 0.0),
        ("/500", 1.0),
        ("/200", 2.0),
        ("/200", 2.0),
        ("/500", 3.0),
        ("/503", 4.0),
    ] {
        status(&gateway, path, &[]).await;
        assert_eq!(calls(&gateway).await, told, "{path}");
    }
    is_open(&gateway.get("/200").await);
}

#[tokio::test]
async fn slow_calls_and_those_with_a_weight_are_judged() {
    let up = Upstream::start().await;
    let gateway = guarded(
        up.address,
        "slow: { longer-than: 200ms, window: 1h }, weights: { 429: 0.5 }",
    )
    .await;
    for (path, told) in [("/200", 0.0), ("/stream", 0.0), ("/late", 1.0)] {
        assert_eq!(status(&gateway, path, &[]).await, 200);
        assert_eq!(calls(&gateway).await, told, "{path}");
    }
    let gateway = guarded(up.address, "weights: { 429: 0.5, 5xx: 0 }").await;
    for (path, told) in [("/429", 1.0), ("/500", 2.0), ("/500", 2.0)] {
        status(&gateway, path, &[]).await;
        assert_eq!(calls(&gateway).await, told, "{path}");
    }
}
