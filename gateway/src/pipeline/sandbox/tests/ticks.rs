//! `on-tick`: in one instance for the whole gateway, for as long as a chain holds the configuration.

use super::*;

const TICKS: &str = "witgate_plugin_ticks{plugin=\"ticker\"}";
const INSTANCES: &str = "witgate_sandbox_instances{plugin=\"ticker\"}";
const GENERATIONS: &str = "witgate_sandbox_generations{plugin=\"ticker\"}";
const PARSED: &str = "witgate_sandbox_calls_total{plugin=\"ticker\",phase=\"policy\"}";
const CALLS: &str = "witgate_sandbox_calls_total{plugin=\"ticker\",phase=\"on-tick\"}";

fn chain(bed: &Bed, chain: &str) -> Chain {
    chain_within(bed, "", chain)
}

fn chain_within(bed: &Bed, limits: &str, chain: &str) -> Chain {
    let component = component("ticker");
    let component = component.display();
    let plugins = format!(
        "  ticker: {{ component: {component}, grants: [metrics], limits: {{ {limits} }} }}"
    );
    let chain = bed.compiled(&plugins, chain);
    chain.plugins().for_each(|plugin| plugin.dismiss_judge());
    chain
}

#[tokio::test]
async fn a_configuration_ticks_while_a_chain_holds_it() {
    let bed = Bed::new();
    let (one, other) = ("{ ticker: { every: 0 } }", "{ ticker: { every: 3600000 } }");
    let chain = chain(&bed, &format!("[{one}, {other}, {one}]"));
    let mut ticker = Ticker::default();
    ticker.update([&chain, &Chain::default()]);
    bed.until(INSTANCES, |instances| instances == 2).await;
    bed.until(TICKS, |ticks| ticks >= 1).await;
    ticker.update([&chain.clone()]);
    let seen = bed.metric(TICKS);
    bed.until(TICKS, |ticks| ticks > seen).await;
    assert_eq!(bed.metric(PARSED), 2, "those that ticked go on");

    drop(chain);
    assert_eq!(bed.metric(GENERATIONS), 1);
    ticker.update([]);
    bed.until(INSTANCES, |instances| instances == 0).await;
    bed.until(GENERATIONS, |generations| generations == 0).await;
}

#[tokio::test]
async fn the_ticks_end_with_the_ticker() {
    let bed = Bed::new();
    let chain = chain(&bed, "[{ ticker: { every: 0 } }]");
    let mut ticker = Ticker::default();
    ticker.update([&chain]);
    bed.until(INSTANCES, |instances| instances == 1).await;
    drop(ticker);
    bed.until(INSTANCES, |instances| instances == 0).await;
}

#[tokio::test]
async fn a_tick_that_traps_is_tried_again_in_another_instance() {
    let bed = Bed::new();
    let chain = chain(&bed, "[{ ticker: { every: 0, fails-at: 2 } }]");
    let mut ticker = Ticker::default();
    ticker.update([&chain]);
    bed.until(TICKS, |ticks| ticks >= 2).await;
    let traps = bed.metric(
        "witgate_sandbox_failures_total{plugin=\"ticker\",phase=\"on-tick\",kind=\"trap\"}",
    );
    assert!(traps >= 1);
    assert!(bed.metric(PARSED) >= 2);
    // Of the first instance the interval, a tick, the interval, the trap; of the second at least two.
    assert!(bed.metric(CALLS) >= 6);
}

#[tokio::test]
async fn an_instance_that_has_had_its_calls_is_replaced() {
    let bed = Bed::new();
    // A tick is two calls, so that no instance comes to a third.
    let chain = chain_within(&bed, "calls: 4", "[{ ticker: { every: 0, fails-at: 3 } }]");
    let mut ticker = Ticker::default();
    ticker.update([&chain]);
    bed.until(TICKS, |ticks| ticks >= 5).await;
    assert!(bed.metric(PARSED) >= 3);
    let traps = bed.find_metric(
        "witgate_sandbox_failures_total{plugin=\"ticker\",phase=\"on-tick\",kind=\"trap\"}",
    );
    assert_eq!(traps.unwrap_or_default(), 0);
    assert_eq!(bed.metric(INSTANCES), 1);
}
