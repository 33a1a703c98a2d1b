//! Plugins that wait: the worker goes on meanwhile.

use std::time::Instant;

use super::*;

fn sleeper(limit: &str) -> String {
    let component = component("sleeper");
    format!(
        "  sleeper: {{ component: {}, limits: {{ time: {limit} }} }}",
        component.display()
    )
}

#[tokio::test]
async fn exchanges_wait_beside_each_other() {
    let bed = Bed::new();
    let chain = bed.compiled(&sleeper("10s"), "[{ sleeper: { sleep: 300 } }]");
    let sandbox = Sandbox::new(&bed.host);
    let one = async || {
        let exchange = sandbox.begin(&chain, &facts());
        let mut parts = request();
        head(&exchange, &mut parts).await.unwrap();
        assert_eq!(parts.headers["x-slept"], "300");
    };
    one().await;
    let began = Instant::now();
    futures_util::future::join_all((0..8).map(|_| one())).await;
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "not one after the other"
    );
}

#[tokio::test]
async fn many_exchanges_at_once_start_a_bounded_number_of_instances() {
    let bed = Bed::new();
    let chain = bed.compiled(&sleeper("30s"), "[{ sleeper: { sleep: 20 } }]");
    chain.plugins().for_each(|plugin| plugin.dismiss_judge());
    let sandbox = Sandbox::new(&bed.host);
    let most = std::cell::Cell::new(0);
    let one = async || {
        let exchange = sandbox.begin(&chain, &facts());
        let mut parts = request();
        head(&exchange, &mut parts).await.unwrap();
        let now = bed.metric("witgate_sandbox_instances{plugin=\"sleeper\"}");
        most.set(now.max(most.get()));
    };
    futures_util::future::join_all((0..64).map(|_| one())).await;
    assert!((2..=16).contains(&most.get()), "{} instances", most.get());
}

#[tokio::test]
async fn a_wait_beyond_the_limit_is_cut() {
    let bed = Bed::new();
    let chain = bed.compiled(&sleeper("50ms"), "[{ sleeper: { sleep: 60000 } }]");
    let sandbox = Sandbox::new(&bed.host);
    let exchange = sandbox.begin(&chain, &facts());
    let failure = head(&exchange, &mut request()).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Timeout(_)));
}

#[tokio::test]
async fn a_dropped_exchange_takes_its_instance_along() {
    let bed = Bed::new();
    let chain = bed.compiled(&sleeper("60s"), "[{ sleeper: { sleep: 30000 } }]");
    chain.plugins().for_each(|plugin| plugin.dismiss_judge());
    let sandbox = Sandbox::new(&bed.host);
    let calls =
        || bed.metric("witgate_sandbox_calls_total{plugin=\"sleeper\",phase=\"on-request\"}");
    let instances = || bed.metric("witgate_sandbox_instances{plugin=\"sleeper\"}");
    for nth in 1..=2 {
        let exchange = sandbox.begin(&chain, &facts());
        let mut parts = request();
        let under_way = async {
            while calls() != nth {
                tokio::task::yield_now().await;
            }
            assert_eq!(instances(), 1);
        };
        tokio::select! {
            _ = head(&exchange, &mut parts) => panic!("it sleeps"),
            begun = tokio::time::timeout(Duration::from_secs(10), under_way) => begun.expect("begun"),
        }
        assert_eq!(instances(), 0, "nobody can use it after the {nth}th");
    }
}

#[tokio::test]
async fn bodies_and_endings_wait_too() {
    let bed = Bed::new();
    let chain = bed.compiled(&sleeper("10s"), "[{ sleeper: { sleep: 5 } }]");
    tokio::task::LocalSet::new()
        .run_until(async {
            let sandbox = Sandbox::new(&bed.host);
            let maintained = tokio::task::spawn_local(sandbox.clone().maintain());
            let exchange = sandbox.begin(&chain, &facts());
            let Ok(Flow::Next(body)) = exchange.on_request(&mut request(), full("hello")).await
            else {
                panic!("goes on");
            };
            assert_eq!(text(body).await, "HELLO");
            drop(exchange);
            let ends =
                || bed.metric("witgate_sandbox_calls_total{plugin=\"sleeper\",phase=\"on-end\"}");
            let told = async {
                while ends() != 1 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), told)
                .await
                .expect("told");
            maintained.abort();
        })
        .await;
}
