//! What a reload costs: the time to compile, and the requests that it loses (none).

use std::time::Duration;

use anyhow::ensure;

use super::{
    Bench, PORT,
    gateway::Gateway,
    live,
    load::{Load, upstream},
    routes,
};

const ROUTES: usize = 10_000;
const RELOADS: usize = 100;

pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    let _upstream = upstream(bench)?;
    let gateway = Gateway::start(bench, "reload", PORT, "", &routes(ROUTES, "")?)?;

    let whole = time(
        &gateway,
        &routes(ROUTES, "headers: { response: { set: { x-a: a } } }, ")?.replace("/r", "/s"),
    )?;
    println!("all of {ROUTES} routes changed: live after {whole:.1?}");
    let one = time(
        &gateway,
        &routes(ROUTES, "headers: { response: { set: { x-a: b } } }, ")?.replace("/r", "/s"),
    )?;
    println!("one of {ROUTES} routes changed: live after {one:.1?}");
    under_load(&gateway)?;
    drop(gateway);
    live::run(bench)
}

/// From the call to the answer that all of it is live, reading the files included.
fn time(gateway: &Gateway, routes: &str) -> anyhow::Result<Duration> {
    let begun = gateway.replace_all(routes)?;
    let answer = gateway.reload()?;
    ensure!(answer.status == 200, "the reload failed: {}", answer.body);
    Ok(begun.elapsed())
}

fn under_load(gateway: &Gateway) -> anyhow::Result<()> {
    let mut load = Load::start(gateway.port, "x", "/x", 15)?;
    let mut done = 0;
    for number in 0..RELOADS {
        let chain = format!("headers: {{ response: {{ set: {{ x-version: v{number} }} }} }}, ");
        time(gateway, &routes(1_000, &chain)?)?;
        done += usize::from(load.is_running()?);
    }
    println!("{done} reloads under load: {}", load.end()?);
    ensure!(
        done == RELOADS,
        "wrk ended before all {RELOADS} reloads were done"
    );
    Ok(())
}
