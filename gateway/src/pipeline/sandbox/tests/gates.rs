//! Gates: who passes, who is told of the end, and what survives whom.

mod cost;
mod misuse;

use std::thread;

use super::*;
use crate::{
    config::span::Spanned,
    pipeline::gate::{Endpoints, FailedTry, Gate, Hold, State, now},
};

const ENDS: &str = "witgate_sandbox_calls_total{plugin=\"fuse\",phase=\"on-end\"}";

fn fuse() -> String {
    let component = component("fuse");
    format!(
        "  fuse: {{ component: {}, grants: [gates, windows, metrics] }}",
        component.display()
    )
}

/// A chain on a route to an upstream with two endpoints.
fn bound(bed: &Bed, chain: &str) -> Result<Chain, Vec<Problem>> {
    bind(bed, &format!("{}\n{}", fuse(), badge()), chain, true)
}

fn badge() -> String {
    let component = component("badge");
    format!(
        "  badge: {{ component: {}, grants: [metrics] }}",
        component.display()
    )
}

fn bind(bed: &Bed, plugins: &str, chain: &str, forwards: bool) -> Result<Chain, Vec<Problem>> {
    let loaded = bed.write(plugins, chain);
    let plugins = bed.plugins(&loaded, None)?;
    let source = &loaded.routes[0];
    let uses = &source.raw.as_ref().unwrap().routes[0].plugins;
    let chain = bed.chain(&loaded, &plugins)?;
    let (name, endpoints) = (
        Arc::from("up"),
        [Arc::from("http://a"), Arc::from("http://b")],
    );
    let site = Site {
        upstream: forwards.then_some((&name, &endpoints[..])),
    };
    let known = |name: &Spanned<String>| (**name == "other").then_some(0);
    chain.bind(uses, site, &source.path, known)
}

/// One exchange that gets this answer; the time to wait if it does not pass.
async fn exchange(sandbox: &Sandbox, chain: &Chain, status: u16) -> Result<(), u64> {
    let exchange = sandbox.begin(chain, &facts());
    pass(&exchange).await?;
    end(&exchange, status);
    Ok(())
}

async fn pass(exchange: &Exchange) -> Result<(), u64> {
    match exchange.on_request(&mut request(), full("")).await {
        Ok(Flow::Next(_)) => Ok(()),
        Ok(Flow::Unavailable(refusal)) => Err(refusal.after),
        other => panic!("{:?}", other.map(|_| ())),
    }
}

fn end(exchange: &Exchange, status: u16) {
    let summary = Summary {
        status: Some(status),
        ..ended(Ending::Complete)
    };
    exchange.end(summary, |_| ());
}

fn gate(bed: &Bed) -> Arc<Gate> {
    bed.host.gates().all().pop().expect("a gate")
}

fn state(bed: &Bed, cell: &str) -> State {
    let gate = gate(bed);
    gate.find(cell).expect(cell).state(now())
}

#[tokio::test]
async fn a_probe_that_never_ends_well_gives_its_permit_back() {
    let bed = Bed::new();
    let chain = bound(
        &bed,
        "[{ fuse: { during: 1, probes: 2, trap: half-open } }]",
    )
    .unwrap();
    let sandbox = Sandbox::new(&bed.host);
    for _ in 0..3 {
        exchange(&sandbox, &chain, 500).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(2)).await;
    let probes = [(); 2].map(|()| sandbox.begin(&chain, &facts()));
    for probe in &probes {
        pass(probe).await.unwrap();
    }
    assert!(
        exchange(&sandbox, &chain, 200).await.is_err(),
        "two are on their way"
    );
    // The client of one goes away, the plugin traps over the other.
    let [gone, trapped] = probes;
    drop(gone);
    let third = sandbox.begin(&chain, &facts());
    pass(&third).await.unwrap();
    end(&trapped, 200);
    drop(third);
    assert_eq!(gate(&bed).cells()[0].view(now()).probes, 0);
    let traps = "witgate_sandbox_failures_total{plugin=\"fuse\",phase=\"on-end\",kind=\"trap\"}";
    assert_eq!(bed.metric(traps), 3);
    assert_eq!(state(&bed, "route=r"), State::HalfOpen);
    for _ in 0..10 {
        exchange(&sandbox, &chain, 200)
            .await
            .expect("permits are there");
    }
}

#[tokio::test]
async fn a_probe_that_succeeds_closes_the_gate_and_one_that_fails_opens_it() {
    let bed = Bed::new();
    let chain = bound(&bed, "[{ fuse: { during: 1 } }]").unwrap();
    let sandbox = Sandbox::new(&bed.host);
    for _ in 0..3 {
        exchange(&sandbox, &chain, 500).await.unwrap();
    }
    for status in [500, 200] {
        tokio::time::sleep(Duration::from_millis(2)).await;
        exchange(&sandbox, &chain, status).await.unwrap();
    }
    assert_eq!(state(&bed, "route=r"), State::Closed);
    let recent = gate(&bed).cells()[0].view(now()).recent;
    let moves: Vec<_> = recent
        .iter()
        .map(|it| (it.to.name(), &*it.why.kind))
        .collect();
    assert_eq!(
        moves,
        [
            ("open", "failures"),
            ("half-open", "time-over"),
            ("open", "probe-failed"),
            ("half-open", "time-over"),
            ("closed", "probe-succeeded"),
        ]
    );
}

#[tokio::test]
async fn state_survives_instances_and_configurations() {
    let bed = Bed::new();
    let sandbox = Sandbox::new(&bed.host);
    let chain = bound(&bed, "[{ fuse: { trap: half-open } }]").unwrap();
    for _ in 0..2 {
        exchange(&sandbox, &chain, 500).await.unwrap();
    }
    // Another configuration, which counts over the same span: what was counted still counts.
    drop(chain);
    let chain = bound(&bed, "[{ fuse: { probes: 2 } }]").unwrap();
    exchange(&sandbox, &chain, 500).await.unwrap();
    exchange(&sandbox, &chain, 500).await.unwrap_err();
    // One with another span: it stays open.
    drop(chain);
    let chain = bound(&bed, "[{ fuse: { window: 1000 } }]").unwrap();
    exchange(&sandbox, &chain, 500).await.unwrap_err();
    // In another worker, too.
    exchange(&Sandbox::new(&bed.host), &chain, 500)
        .await
        .unwrap_err();
    let chain = bound(&bed, "[{ fuse: { name: another } }]").unwrap();
    exchange(&sandbox, &chain, 500).await.unwrap();
}

/// Workers end failed exchanges at the same time, each in instances of its own: every one counts once, and the gate opens
/// once.
#[tokio::test]
async fn counts_are_exact_on_every_worker() {
    const EACH: u64 = 500;
    let bed = Bed::new();
    let chain = bound(&bed, "[{ fuse: { limit: 1000 } }]").unwrap();
    let work = |host: &Arc<Host>, most: u64| {
        let (host, chain) = (Arc::clone(host), chain.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(async {
                let sandbox = Sandbox::new(&host);
                let mut ended = 0;
                while ended < most && exchange(&sandbox, &chain, 500).await.is_ok() {
                    ended += 1;
                }
                ended
            })
        })
    };
    let workers = [(); 2].map(|()| work(&bed.host, EACH - 1));
    for worker in workers {
        assert_eq!(worker.join().unwrap(), EACH - 1);
    }
    let counted = gate(&bed).cells()[0].view(now()).windows[0].1;
    assert_eq!((counted.calls, counted.failures), (998, 998_000));
    let workers = [(); 4].map(|()| work(&bed.host, u64::MAX));
    let ended: u64 = workers.map(|worker| worker.join().unwrap()).iter().sum();
    // Two more were missing; others may have been on their way by then.
    assert!((2..=5).contains(&ended), "{ended}");
    assert_eq!(bed.metric("witgate_plugin_opened{plugin=\"fuse\"}"), 1);
    assert_eq!(state(&bed, "route=r"), State::Open);
}

#[tokio::test]
async fn one_tenants_failures_are_its_own() {
    const TENANTS: usize = 10_000;
    let bed = Bed::new();
    let chain = "[{ badge: { believe: true } }, { fuse: { scope: [tenant], limit: 1 } }]";
    let chain = bound(&bed, chain).unwrap();
    let sandbox = Sandbox::new(&bed.host);
    let come = async |tenant: usize, status| {
        let exchange = sandbox.begin(&chain, &facts());
        let mut parts = request();
        let who = format!("{{ \"tenant\": \"t/{tenant}\" }}");
        parts.headers.insert("x-as", who.parse().unwrap());
        let flow = exchange.on_request(&mut parts, full("")).await;
        end(&exchange, status);
        matches!(flow, Ok(Flow::Next(_)))
    };
    for tenant in 0..TENANTS {
        assert!(come(tenant, if tenant % 10 == 0 { 500 } else { 200 }).await);
    }
    for tenant in (0..TENANTS).step_by(5) {
        assert_eq!(come(tenant, 200).await, tenant % 10 != 0, "{tenant}");
    }
    let labels = "plugin=\"fuse\",gate=\"fuse\",scope=\"tenant\"";
    let cells = |state| bed.metric(&format!("witgate_gate_cells{{{labels},state=\"{state}\"}}"));
    assert_eq!((cells("open"), cells("closed")), (1_000, 9_000));
    let shown = bed.metrics().matches("witgate_gate_state{").count();
    assert_eq!(shown, 100, "one by one only some");
    assert_eq!(state(&bed, "tenant=t%2F10"), State::Open);
}

#[tokio::test]
async fn endpoints_are_left_out_one_by_one() {
    let bed = Bed::new();
    let chain = bound(
        &bed,
        "[{ fuse: { scope: [upstream, endpoint], limit: 1 } }]",
    )
    .unwrap();
    let sandbox = Sandbox::new(&bed.host);
    let first = sandbox.begin(&chain, &facts());
    pass(&first).await.unwrap();
    let gates = first.endpoint_gates().expect("it has some");
    assert!(gates.admit(0));
    gates.failed(FailedTry::Reset);
    assert!(gates.admit(1));
    end(&first, 200);
    assert_eq!(
        state(&bed, "upstream=up/endpoint=http:%2F%2Fa"),
        State::Open
    );
    assert_eq!(
        state(&bed, "upstream=up/endpoint=http:%2F%2Fb"),
        State::Closed
    );
    let second = sandbox.begin(&chain, &facts());
    pass(&second).await.unwrap();
    let gates = second.endpoint_gates().unwrap();
    assert!(!gates.admit(0) && second.shut().is_some() && gates.admit(1));
    end(&second, 500);
    let before = bed.metric(ENDS);
    let third = sandbox.begin(&chain, &facts());
    pass(&third).await.unwrap();
    let gates = third.endpoint_gates().unwrap();
    assert!(!gates.admit(0) && !gates.admit(1));
    assert!(matches!(third.shut(), Some(Shut::Unavailable(it)) if it.after <= 60_000));
    end(&third, 503);
    assert_eq!(bed.metric(ENDS), before, "no call where all are open");
}

#[tokio::test]
async fn what_does_not_pass_gets_the_fallback() {
    let bed = Bed::new();
    let chain = "[{ fuse: { limit: 1, upstream: other } }, { badge: { tell: true } }]";
    let chain = bound(&bed, chain).unwrap();
    let sandbox = Sandbox::new(&bed.host);
    let come = async || {
        let exchange = sandbox.begin(&chain, &facts());
        let flow = exchange.on_request(&mut request(), full("")).await;
        (exchange, flow)
    };
    let (first, _) = come().await;
    assert_eq!(first.diverted(), None);
    end(&first, 500);
    let (second, flow) = come().await;
    assert!(
        matches!(flow, Ok(Flow::Reply(_))),
        "plugins behind it are still asked"
    );
    assert_eq!(second.diverted(), Some(0));
    end(&second, 500);
    assert_eq!(bed.metric(ENDS), 1);

    let chain = bound(&bed, "[{ fuse: { name: b, limit: 1, reply: 418 } }]").unwrap();
    exchange(&sandbox, &chain, 500).await.unwrap();
    let refused = sandbox.begin(&chain, &facts());
    let flow = refused.on_request(&mut request(), full("")).await;
    let Ok(Flow::Reply(reply)) = flow else {
        panic!("a reply");
    };
    assert_eq!(
        (reply.status().as_u16(), &reply.body()[..]),
        (418, &b"fallback"[..])
    );
}

#[tokio::test]
async fn an_operator_holds_gates_open_and_closed() {
    let bed = Bed::new();
    let chain = bound(&bed, "[{ fuse: { limit: 1 } }]").unwrap();
    let sandbox = Sandbox::new(&bed.host);
    let cell = gate(&bed).find("route=r").unwrap();
    assert!(gate(&bed).find("route=none").is_none());
    cell.hold(Some(Hold::Open), now());
    exchange(&sandbox, &chain, 200).await.unwrap_err();
    cell.hold(Some(Hold::Closed), now());
    for _ in 0..5 {
        exchange(&sandbox, &chain, 500).await.unwrap();
    }
    assert_eq!(
        bed.metric("witgate_plugin_outcomes{plugin=\"fuse\",stance=\"forced\"}"),
        5
    );
    cell.hold(None, now());
    exchange(&sandbox, &chain, 500).await.unwrap();
    exchange(&sandbox, &chain, 500).await.unwrap_err();
}
