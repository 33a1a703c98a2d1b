//! What whoever is on call sees of circuits, and does to them.

use super::*;

async fn post(gateway: &Gateway, path: &str) -> Answer {
    let sent = request(Method::POST, gateway.admin, path);
    client::send(gateway.admin, sent.body(empty()).unwrap()).await
}

/// The circuits of the first gate.
async fn circuits(gateway: &Gateway) -> Vec<serde_json::Value> {
    let gates = gateway.admin("/gates").await.json();
    gates[0]["cells"].as_array().unwrap().clone()
}

const UP: &str = "/gates/circuit-breaker/circuit/upstream=up";

#[tokio::test]
async fn circuits_are_held_open_and_closed() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "failures: 2").await;
    let held = post(&gateway, &format!("{UP}?state=open")).await;
    assert_eq!(
        (held.status().as_u16(), &held.json()["held"]),
        (200, &true.into())
    );
    let answer = gateway.get("/200").await;
    is_open(&answer);
    assert_eq!(answer.header("retry-after"), Some("30"));
    // A reload does not let go of it.
    gateway.write(
        "routes.d/routes.yaml",
        route(up.address, "failures: 2, open: 10ms"),
    );
    gateway.log.message("reloaded").await;
    is_open(&gateway.get("/200").await);
    assert_eq!(up.asked(), 0);

    post(&gateway, &format!("{UP}?state=closed")).await;
    for _ in 0..5 {
        assert_eq!(gateway.get("/500").await.status(), 500);
    }
    let shown = circuits(&gateway).await.remove(0);
    assert_eq!(
        (&shown["state"], &shown["held"]),
        (&"closed".into(), &true.into())
    );
    assert_eq!(shown["path"], UP);

    post(&gateway, &format!("{UP}?state=auto")).await;
    assert_eq!(gateway.get("/500").await.status(), 500);
    assert_eq!(gateway.get("/500").await.status(), 500);
    assert_eq!(moves(&gateway, "open", "failures").await, 1.0);
    assert_eq!(moves(&gateway, "open", "operator").await, 1.0);
}

#[tokio::test]
async fn what_is_no_circuit_is_said_to_be_none() {
    let up = Upstream::start().await;
    let gateway = guarded(up.address, "failures: 2").await;
    for (path, status) in [
        (
            "/gates/circuit-breaker/circuit/upstream=down?state=open",
            404,
        ),
        ("/gates/circuit-breaker/other/upstream=up?state=open", 404),
        ("/gates/?state=open", 404),
        (&format!("{UP}?state=ajar"), 400),
        (UP, 400),
    ] {
        assert_eq!(post(&gateway, path).await.status(), status, "{path}");
    }
    assert_eq!(gateway.admin(UP).await.status(), 405);
    assert_eq!(gateway.get("/200").await.status(), 200);
}

#[tokio::test]
async fn a_tenant_is_held_before_it_comes() {
    let up = Upstream::start().await;
    let badge = components::fixture("badge");
    let yaml = format!(
        "upstreams: {{ up: 'http://{}' }}\nroutes:\n  - name: all\n    plugins:\n      \
         - badge: {{ believe: true }}\n      - circuit-breaker: {{ scope: tenant }}\n    to: up",
        up.address
    );
    let breaker = components::shipped("circuit-breaker");
    let settings = format!(
        "plugins:\n  circuit-breaker: {{ component: '{}', grants: [gates, windows] }}\n  \
         badge: {{ component: '{}', grants: [metrics] }}",
        breaker.display(),
        badge.display()
    );
    let setup = Setup::new().settings(&settings).routes(&yaml);
    let gateway = setup.start().await;
    let path = "/gates/circuit-breaker/circuit/upstream=up/tenant=a%2Fb?state=open";
    assert_eq!(post(&gateway, path).await.status(), 200);
    let of = |tenant: &str| [("x-as", format!("{{ \"tenant\": \"{tenant}\" }}"))];
    for (tenant, expected) in [("a/b", 503), ("a", 200), ("b", 200)] {
        let [(name, value)] = of(tenant);
        assert_eq!(
            status(&gateway, "/200", &[(name, &value)]).await,
            expected,
            "{tenant}"
        );
    }
}

/// Whoever is sent to the other endpoint at once hardly notices that the first is gone. The circuit does.
#[tokio::test]
async fn a_dead_endpoint_is_found_out_behind_retries() {
    let up = Upstream::start().await;
    let dead = crate::support::ports::reserved();
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{dead}', 'http://{}'] }} }}\n\
         routes:\n  - name: all\n    plugins: [{{ circuit-breaker: {{ scope: endpoint }} }}]\n    to: up",
        up.address
    );
    let gateway = setup().routes(&yaml).start().await;
    for _ in 0..40 {
        assert_eq!(gateway.get("/200").await.status(), 200);
    }
    let failures = gateway.metrics().await;
    let failures = failures.sum("witgate_upstream_connect_failures_total", &[]);
    assert_eq!(failures, 3.0, "it is not asked any more");
    let circuits = circuits(&gateway).await;
    let states: Vec<_> = circuits
        .iter()
        .map(|it| it["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["open", "closed"]);
    assert!(
        circuits[0]["cell"]
            .as_str()
            .unwrap()
            .contains(&dead.port().to_string())
    );
    let line = gateway
        .log
        .wait_for("the circuit", |it| it["gate"] == "circuit")
        .await;
    assert_eq!(
        (&line["state"], &line["level"]),
        (&"open".into(), &"WARN".into())
    );
}

#[tokio::test]
async fn a_fallback_follows_its_upstream() {
    let (up, first, second) = (
        Upstream::start().await,
        Upstream::start().await,
        Upstream::start().await,
    );
    let other =
        |address: SocketAddr| format!("upstreams: {{ standby: 'http://{address}' }}\nroutes: []");
    let yaml = route(up.address, "failures: 1, fallback: { to: standby }");
    let setup = setup().routes(&yaml);
    let setup = setup.file("routes.d/standby.yaml", other(first.address));
    let gateway = setup.start().await;
    status(&gateway, "/500", &[]).await;
    assert_eq!(gateway.get("/200").await.status(), 200);
    assert_eq!((up.asked(), first.asked()), (1, 1));
    // The file of the route does not change.
    gateway.write("routes.d/standby.yaml", other(second.address));
    eventually("the other standby to be asked", || async {
        gateway.get("/200").await.status() == 200 && second.asked() > 0
    })
    .await;
    let line = gateway
        .access
        .wait_for("the standby", |it| it["upstream"] == "standby")
        .await;
    assert_eq!(line["route"], "all");
    // It is not unused, and cannot be taken away.
    assert!(!gateway.log.text().contains("no route forwards to"));
    gateway.write("routes.d/standby.yaml", "routes: []");
    gateway
        .log
        .wait_for("the complaint", |line| {
            line.to_string().contains("no upstream is called")
        })
        .await;
    assert_eq!(gateway.get("/200").await.status(), 200);
}

/// The same where a try is answered, and the route has it made again elsewhere.
#[tokio::test]
async fn a_failing_endpoint_is_found_out_behind_retries() {
    let (up, asked) = (Upstream::start().await, Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&asked);
    let bad = upstream::serve(move |_| {
        counter.fetch_add(1, Relaxed);
        async { Response::builder().status(503).body(empty()).unwrap() }
    })
    .await;
    let good = up.address;
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{bad}', 'http://{good}'] }} }}\n\
         routes:\n  - name: all\n    retry: {{ on: [gateway-error] }}\n    \
         plugins: [{{ circuit-breaker: {{ scope: endpoint }} }}]\n    to: up"
    );
    let gateway = setup().routes(&yaml).start().await;
    for _ in 0..40 {
        assert_eq!(gateway.get("/200").await.status(), 200);
    }
    assert_eq!(asked.load(Relaxed), 3);
    assert_eq!(moves(&gateway, "open", "failures").await, 1.0);
}
