//! What has a circuit of its own.

use super::*;

/// The plugin that establishes the identity stands before the circuit.
fn by_tenant(upstream: SocketAddr, settings: &str) -> String {
    format!(
        "upstreams: {{ up: 'http://{upstream}' }}\n\
         routes:\n  - name: all\n    plugins: [caller, {{ circuit-breaker: {{ {settings} }} }}]\n    to: up"
    )
}

/// Two calls of each of these tenants; those whose number ends with 0 fail.
async fn call_twice(address: SocketAddr, tenants: impl Iterator<Item = usize> + Clone) {
    let mut connection = client::h1(address).await;
    for round in 0..2 {
        for tenant in tenants.clone() {
            let (path, expected) = match (tenant.is_multiple_of(10), round) {
                (false, _) => ("/200", 200),
                (true, 0) => ("/500", 500),
                (true, _) => ("/200", 503),
            };
            let sent = request(Method::GET, address, path).header("x-tenant", format!("t{tenant}"));
            soon("the connection", connection.ready()).await.unwrap();
            let answer = connection.send_request(sent.body(empty()).unwrap()).await;
            let answer = Answer::of(answer.unwrap()).await;
            assert_eq!(answer.status(), expected, "tenant {tenant}, round {round}");
        }
    }
}

#[tokio::test]
async fn one_tenants_failures_never_open_anothers() {
    const CLIENTS: usize = 4;
    let up = Upstream::start().await;
    let yaml = by_tenant(up.address, "scope: tenant, failures: 1");
    let gateway = setup().routes(&yaml).start().await;
    let address = gateway.address();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|first| tokio::spawn(call_twice(address, (first..10_000).step_by(CLIENTS))))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    // Nobody's circuit is not one of theirs.
    assert_eq!(status(&gateway, "/200", &[]).await, 200);
    assert_eq!(moves(&gateway, "open", "failures").await, 1000.0);
}

#[tokio::test]
async fn routes_share_the_circuit_of_their_upstream() {
    let up = Upstream::start().await;
    let yaml = format!(
        "upstreams: {{ up: 'http://{0}', other: 'http://{0}' }}\n\
         routes:\n  \
         - {{ name: a, match: {{ host: a.test }}, plugins: [{{ circuit-breaker: {{ failures: 1 }} }}], to: up }}\n  \
         - {{ name: b, match: {{ host: b.test }}, plugins: [circuit-breaker], to: up }}\n  \
         - {{ name: c, match: {{ host: c.test }}, plugins: [circuit-breaker], to: other }}\n  \
         - {{ name: d, match: {{ host: d.test }}, plugins: [{{ circuit-breaker: {{ name: own }} }}], to: up }}\n  \
         - {{ name: e, match: {{ host: e.test }}, plugins: [{{ circuit-breaker: {{ scope: route }} }}], to: up }}",
        up.address
    );
    let gateway = setup().routes(&yaml).start().await;
    let mut answered = Vec::new();
    for (host, path) in [
        ("a.test", "/500"),
        ("a.test", "/200"),
        ("b.test", "/200"),
        ("c.test", "/200"),
        ("d.test", "/200"),
        ("e.test", "/200"),
    ] {
        let sent = http::Request::get(path).header("host", host).body(empty());
        let answer = client::send(gateway.address(), sent.unwrap()).await;
        answered.push(answer.status().as_u16());
    }
    assert_eq!(answered, [500, 503, 503, 200, 200, 200]);
}

#[tokio::test]
async fn an_endpoint_that_fails_is_left_out() {
    let (good, bad) = (Upstream::start().await, raw_failing().await);
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{}', 'http://{}'] }} }}\n\
         routes:\n  - name: all\n    plugins: [{{ circuit-breaker: {{ scope: endpoint }} }}]\n    to: up",
        good.address, bad.address
    );
    let gateway = setup().routes(&yaml).start().await;
    for _ in 0..100 {
        let answered = status(&gateway, "/200", &[]).await;
        assert!([200, 500].contains(&answered), "{answered}");
    }
    assert_eq!(bad.asked(), 3);
    assert_eq!(good.asked(), 97);
}

/// Answers 500 to everything.
async fn raw_failing() -> Upstream {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let address = upstream::serve(move |_| {
        counter.fetch_add(1, Relaxed);
        async { Response::builder().status(500).body(empty()).unwrap() }
    });
    Upstream {
        address: address.await,
        asked,
        gate: Arc::new(Semaphore::new(0)),
    }
}

#[tokio::test]
async fn without_an_open_endpoint_the_answer_is_that_of_the_circuit() {
    let (one, two) = (raw_failing().await, raw_failing().await);
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{}', 'http://{}'] }} }}\n\
         routes:\n  - name: all\n    plugins: [{{ circuit-breaker: {{ scope: endpoint }} }}]\n    to: up",
        one.address, two.address
    );
    let gateway = setup().routes(&yaml).start().await;
    eventually("both circuits to be open", || async {
        gateway.get("/").await.status() == 503
    })
    .await;
    is_open(&gateway.get("/").await);
    assert_eq!((one.asked(), two.asked()), (3, 3));
}
