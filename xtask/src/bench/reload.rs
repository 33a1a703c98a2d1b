//! What a reload costs: the time to compile, and the requests that it loses (none).

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

use super::{Bench, PORT, gateway::Gateway, routes};
use crate::run::processes::Process;

const ROUTES: usize = 10_000;
const RELOADS: usize = 100;

pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    let mut upstream = Command::new("taskset");
    let config = bench.folder.join("upstream.conf");
    let folder = bench.folder.display();
    fs::write(
        &config,
        format!(
            "worker_processes 1; daemon off; pid {folder}/upstream.pid; error_log /dev/null;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; server {{ listen 127.0.0.1:9000; location / {{ return 200 ok; }} }} }}\n"
        ),
    )?;
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    upstream
        .args(["-c", "1", "nginx", "-c"])
        .arg(&config)
        .env("PATH", path);
    let _upstream = Process::start("the upstream", &mut upstream)?;
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
    under_load(&gateway)
}

/// From the call to the answer that all of it is live, reading the files included.
fn time(gateway: &Gateway, routes: &str) -> anyhow::Result<Duration> {
    // Not under its own name while it is written: the gateway watches.
    let draft = gateway.routes.with_extension("draft");
    fs::write(&draft, routes)?;
    let begun = Instant::now();
    fs::rename(&draft, &gateway.routes)?;
    let answer = gateway.reload()?;
    ensure!(answer.status == 200, "the reload failed: {}", answer.body);
    Ok(begun.elapsed())
}

fn under_load(gateway: &Gateway) -> anyhow::Result<()> {
    let url = format!("http://127.0.0.1:{}/x", gateway.port);
    let mut wrk = Command::new("taskset");
    wrk.args(["-c", "1", "wrk", "-t1", "-c64", "-d15s", &url])
        .stdout(Stdio::piped());
    let mut wrk = wrk.spawn().context("cannot start wrk")?;
    let mut done = 0;
    for number in 0..RELOADS {
        let chain = format!("headers: {{ response: {{ set: {{ x-version: v{number} }} }} }}, ");
        time(gateway, &routes(1_000, &chain)?)?;
        if wrk.try_wait()?.is_none() {
            done += 1;
        }
    }
    let output = wrk.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |word: &str| {
        text.lines()
            .find(|line| line.contains(word))
            .map(|line| line.trim().to_owned())
    };
    println!(
        "{done} reloads under load: {}",
        line("requests in").context("wrk says how many")?
    );
    for trouble in [line("Non-2xx"), line("Socket errors")]
        .into_iter()
        .flatten()
    {
        println!("LOST: {trouble}");
    }
    ensure!(
        done == RELOADS,
        "wrk ended before all {RELOADS} reloads were done"
    );
    ensure!(
        line("Non-2xx").is_none() && line("Socket errors").is_none(),
        "requests were lost"
    );
    println!("not one request was lost");
    Ok(())
}
