//! What lives how long: exchanges, states, instances, components, configurations.

use super::*;

const INSTANCES: &str = "witgate_sandbox_instances{plugin=\"hostile\"}";
const GENERATIONS: &str = "witgate_sandbox_generations{plugin=\"hostile\"}";

fn told(ending: &str, phases: u8) -> String {
    format!("witgate_plugin_ended{{plugin=\"hostile\",ending=\"{ending}\",phases=\"{phases}\"}}")
}

#[tokio::test]
async fn the_end_is_told_once_however_it_comes() {
    let bed = Bed::new();
    let chain = bed.compiled(&hostile(""), "[{ hostile: {} }]");
    let sandbox = Sandbox::new(&bed.host);
    let exchange = sandbox.begin(&chain, &facts());
    head(&exchange, &mut request()).await.unwrap();
    exchange
        .on_response(&mut response(), full("x"))
        .await
        .unwrap();
    exchange.end(ended(Ending::Complete), |_| ());
    exchange.end(ended(Ending::Timeout), |_| ());
    drop(exchange);
    assert_eq!(bed.metric(&told("complete", 2)), 1);
    let exchange = sandbox.begin(&chain, &facts());
    head(&exchange, &mut request()).await.unwrap();
    drop(exchange.clone());
    drop(exchange);
    assert_eq!(bed.metric(&told("client-gone", 1)), 1);
    assert_eq!(
        bed.metric("witgate_sandbox_calls_total{plugin=\"hostile\",phase=\"on-end\"}"),
        2
    );
    drop(sandbox.begin(&chain, &facts()));
    assert_eq!(
        bed.metric("witgate_sandbox_calls_total{plugin=\"hostile\",phase=\"on-end\"}"),
        2,
        "it saw nothing"
    );
}

#[tokio::test]
async fn a_trap_at_the_end_harms_nobody() {
    let bed = Bed::new();
    let chain = bed.compiled(&hostile(""), "[{ hostile: { on-end: trap } }]");
    let sandbox = Sandbox::new(&bed.host);
    for _ in 0..3 {
        let exchange = sandbox.begin(&chain, &facts());
        head(&exchange, &mut request()).await.unwrap();
    }
    assert_eq!(
        bed.metric(
            "witgate_sandbox_failures_total{plugin=\"hostile\",phase=\"on-end\",kind=\"trap\"}"
        ),
        3
    );
}

#[tokio::test]
async fn many_exchanges_share_one_instance() {
    let bed = Bed::new();
    let chain = bed.compiled(&hostile(""), "[{ hostile: {} }]");
    chain.plugins().for_each(|plugin| plugin.dismiss_judge());
    let sandbox = Sandbox::new(&bed.host);
    let mut open = Vec::new();
    for _ in 0..200 {
        let exchange = sandbox.begin(&chain, &facts());
        head(&exchange, &mut request()).await.unwrap();
        open.push(exchange);
    }
    assert_eq!(bed.metric(INSTANCES), 1);
}

#[tokio::test]
async fn an_instance_is_replaced_after_its_calls() {
    let bed = Bed::new();
    let chain = bed.compiled(&hostile_within("calls: 4", ""), "[{ hostile: {} }]");
    chain.plugins().for_each(|plugin| plugin.dismiss_judge());
    let sandbox = Sandbox::new(&bed.host);
    let early = sandbox.begin(&chain, &facts());
    head(&early, &mut request()).await.unwrap();
    // Two calls each: the second of them spends the first instance, the third starts another.
    for _ in 0..3 {
        head(&sandbox.begin(&chain, &facts()), &mut request())
            .await
            .unwrap();
    }
    assert_eq!(
        bed.metric(INSTANCES),
        2,
        "the first lives for the exchange that began in it"
    );
    let mut parts = response();
    early.on_response(&mut parts, full("x")).await.unwrap();
    early.end(ended(Ending::Complete), |_| ());
    assert_eq!(bed.metric(&told("complete", 2)), 1, "and has its state");
    drop(early);
    assert_eq!(bed.metric(INSTANCES), 1);
}

#[tokio::test]
async fn isolated_exchanges_have_instances_of_their_own() {
    let bed = Bed::new();
    let chain = bed.compiled(&hostile(", isolation: exchange"), "[{ hostile: {} }]");
    chain.plugins().for_each(|plugin| plugin.dismiss_judge());
    let sandbox = Sandbox::new(&bed.host);
    let open: Vec<_> = (0..5).map(|_| sandbox.begin(&chain, &facts())).collect();
    for exchange in &open {
        head(exchange, &mut request()).await.unwrap();
    }
    assert_eq!(bed.metric(INSTANCES), 5);
    drop(open);
    assert_eq!(bed.metric(INSTANCES), 0);
    assert_eq!(bed.metric(&told("client-gone", 1)), 5);
}

#[tokio::test]
async fn an_unchanged_component_is_kept_and_a_replaced_one_is_freed() {
    let bed = Bed::new();
    let loaded = bed.write(&hostile(""), "[{ hostile: {} }]");
    let first = bed.plugins(&loaded, None).unwrap();
    let again = bed.plugins(&loaded, Some(&first)).unwrap();
    assert!(Arc::ptr_eq(
        first.get("hostile").unwrap(),
        again.get("hostile").unwrap()
    ));
    drop(again);
    let chain = bed.chain(&loaded, &first).unwrap();
    first.settle();

    let changed = bed.write(&hostile_within("calls: 5", ""), "[{ hostile: {} }]");
    let second = bed.plugins(&changed, Some(&first)).unwrap();
    second.settle();
    assert!(!Arc::ptr_eq(
        first.get("hostile").unwrap(),
        second.get("hostile").unwrap()
    ));
    drop(first);

    tokio::task::LocalSet::new()
        .run_until(async {
            let sandbox = Sandbox::new(&bed.host);
            let maintained = tokio::task::spawn_local(sandbox.clone().maintain());
            let exchange = sandbox.begin(&chain, &facts());
            head(&exchange, &mut request()).await.unwrap();
            drop(chain);
            assert_eq!(
                (bed.metric(GENERATIONS), bed.metric(INSTANCES)),
                (2, 1),
                "the exchange ends on the old one"
            );
            exchange.end(ended(Ending::Complete), |_| ());
            drop(exchange);
            let freed = async {
                while (bed.metric(GENERATIONS), bed.metric(INSTANCES)) != (1, 0) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), freed)
                .await
                .expect("freed");
            maintained.abort();
        })
        .await;
}

#[tokio::test]
async fn equal_configurations_are_parsed_once() {
    let bed = Bed::new();
    let loaded = bed.write(&hostile(""), "[{ hostile: {} }, hostile, { hostile: {} }]");
    let plugins = bed.plugins(&loaded, None).unwrap();
    let loaded = bed.write(
        &hostile(""),
        "[{ hostile: {} }, { hostile: { most: 1 } }, { hostile: {} }]",
    );
    let chain = bed.chain(&loaded, &plugins).unwrap();
    let sandbox = Sandbox::new(&bed.host);
    for _ in 0..10 {
        head(&sandbox.begin(&chain, &facts()), &mut request())
            .await
            .unwrap();
    }
    assert_eq!(
        bed.metric("witgate_sandbox_calls_total{plugin=\"hostile\",phase=\"policy\"}"),
        2
    );
}
