//! Rate limits in the whole gateway: who is counted, how exactly, and what clients are told.

mod permits;
mod plugins;

use std::net::SocketAddr;

use futures_util::future::join_all;
use http::{Method, Request};

use super::grpc::peer::Client;
use crate::support::{
    client::{self, Answer, empty, request},
    components, eventually,
    gateway::{Gateway, Setup},
    upstream,
};

/// Routes at `/NAME` that answer themselves, each with these limits.
fn routes(limits: &[(&str, &str)]) -> String {
    let route = |(name, limits): &(&str, &str)| {
        format!(
            "  - {{ name: {name}, match: {{ path: /{name} }}, rate-limits: [{limits}], respond: {{}} }}\n"
        )
    };
    format!("routes:\n{}", limits.iter().map(route).collect::<String>())
}

async fn limited(settings: &str, limits: &[(&str, &str)]) -> Gateway {
    Setup::new()
        .settings(settings)
        .routes(&routes(limits))
        .start()
        .await
}

async fn get_with(address: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut request = request(Method::GET, address, path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    client::send(address, request.body(empty()).unwrap()).await
}

/// How many of so many requests, each on a connection of its own, are answered with 200; the others are with 429.
async fn passed(
    address: SocketAddr,
    paths: &[&str],
    count: usize,
    fields: &[(&str, &str)],
) -> usize {
    let requests = (0..count).map(|n| get_with(address, paths[n % paths.len()], fields));
    let mut passed = 0;
    for answer in join_all(requests).await {
        if answer.status() == 200 {
            passed += 1;
        } else {
            answer.is_problem(429, "rate-limited");
        }
    }
    passed
}

#[tokio::test]
async fn all_routes_and_workers_share_a_limit_exactly() {
    let gateway = limited(
        "rate-limits: { shared: { rates: 25/h }, by-address: { by: address, rates: [100/m, 30/h, 500/d] } }",
        &[("a", "shared"), ("b", "shared"), ("c", "by-address")],
    )
    .await;
    let address = gateway.address();
    assert_eq!(passed(address, &["/a", "/b"], 80, &[]).await, 25);
    let metrics = gateway.metrics().await;
    let sum = |decision| {
        let labels = ["limit=\"shared\"", decision];
        metrics.sum("witgate_rate_limit_total", &labels)
    };
    assert_eq!(sum("decision=\"admitted\""), 25.0);
    assert_eq!(sum("decision=\"rate\""), 55.0);
    assert_eq!(passed(address, &["/c"], 50, &[]).await, 30);
}

#[tokio::test]
async fn clients_are_told_what_is_left_and_when_to_come_again() {
    let gateway = limited(
        "rate-limits: { hourly: { rates: 2/h } }",
        &[("a", "hourly"), ("b", "{ rates: 1/h, headers: false }")],
    )
    .await;
    let answer = gateway.get("/a").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.header("ratelimit-policy"),
        Some("\"hourly\";q=2;w=3600")
    );
    assert_eq!(answer.header("ratelimit"), Some("\"hourly\";r=1;t=1800"));
    assert_eq!(gateway.get("/a").await.status(), 200);
    let refused = gateway.get("/a").await;
    refused.is_problem(429, "rate-limited");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1790..=1800).contains(&wait), "{wait}");
    assert_eq!(
        refused.header("ratelimit").unwrap(),
        format!("\"hourly\";r=0;t={wait}")
    );
    let line = gateway
        .access
        .wait_for("the refusal", |line| line["status"] == 429)
        .await;
    assert_eq!(line["code"], "rate-limited");
    assert_eq!(line["reason"], "the limit `hourly` (2/h) is used up");
    assert_eq!(gateway.get("/b").await.header("ratelimit-policy"), None);
    let refused = gateway.get("/b").await;
    assert_eq!(refused.header("ratelimit"), None);
    assert!(refused.header("retry-after").is_some());
}

#[tokio::test]
async fn every_protocol_gets_its_own_refusal() {
    let gateway = limited("", &[("a", "{ rates: 1/h }")]).await;
    let uri = format!("http://{}/a", gateway.address());
    let get = || Request::get(&uri).body(empty()).unwrap();
    let first = client::send_h2(gateway.address(), get()).await;
    assert_eq!(first.status(), 200);
    client::send_h2(gateway.address(), get())
        .await
        .is_problem(429, "rate-limited");
    let mut client = Client::new(gateway.address()).await;
    let refused = client.unary("/a", &[]).await;
    assert_eq!(refused.head.status, 200);
    assert_eq!(refused.head.headers["grpc-status"], "8");
    assert!(refused.head.headers.contains_key("retry-after"));
    assert!(refused.head.headers.contains_key("ratelimit"));
}

#[tokio::test]
async fn what_a_request_costs_is_the_routes_choice() {
    let gateway = limited(
        "rate-limits: { hourly: { rates: 10/h } }",
        &[("cheap", "hourly"), ("dear", "{ name: hourly, cost: 4 }")],
    )
    .await;
    assert_eq!(passed(gateway.address(), &["/dear"], 3, &[]).await, 2);
    assert_eq!(passed(gateway.address(), &["/cheap"], 5, &[]).await, 2);
}

/// Whoever makes up header fields is still who the connection says.
#[tokio::test]
async fn forged_fields_say_nothing() {
    let gateway = limited(
        "identity: { headers: { tenant: x-auth-tenant } }",
        &[
            ("address", "{ by: address, rates: 3/h }"),
            ("tenant", "{ by: tenant, rates: 100/h, missing: refuse }"),
            ("shared", "{ by: tenant, rates: 3/h }"),
        ],
    )
    .await;
    let address = gateway.address();
    let mut passed = 0;
    for n in 0..10 {
        let forged = [
            ("x-forwarded-for", format!("192.0.2.{n}")),
            ("forwarded", format!("for=192.0.2.{n}")),
            ("x-auth-tenant", format!("tenant-{n}")),
        ];
        let forged = forged
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        passed += usize::from(get_with(address, "/address", &forged).await.status() == 200);
        get_with(address, "/tenant", &forged)
            .await
            .is_problem(403, "limit-key-missing");
        passed += usize::from(get_with(address, "/shared", &forged).await.status() == 200);
    }
    assert_eq!(passed, 6);
}

/// Behind a trusted proxy, clients are those that it speaks for; of IPv6 a whole network is one.
#[tokio::test]
async fn addresses_are_those_of_clients() {
    let gateway = limited(
        "forwarding: { trusted-proxies: [127.0.0.0/8] }",
        &[("a", "{ by: address, rates: 2/h }")],
    )
    .await;
    for (clients, expected) in [
        (["192.0.2.1", "192.0.2.1", "192.0.2.1"], 2),
        (["192.0.2.2", "192.0.2.3", "192.0.2.4"], 3),
        (["2001:db8::1", "2001:db8::2", "2001:db8::3"], 2),
        (["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1"], 3),
    ] {
        let mut passed = 0;
        for client in clients {
            let answer = get_with(gateway.address(), "/a", &[("x-forwarded-for", client)]).await;
            passed += usize::from(answer.status() == 200);
        }
        assert_eq!(passed, expected, "{clients:?}");
    }
}

/// Thousands of keys, some of them long: each has its own count, and what is kept of them is small.
#[tokio::test]
async fn many_keys_and_long_ones() {
    const KEYS: usize = 2000;
    let gateway = limited("", &[("a", "{ by: 'header:x-key', rates: 1/h }")]).await;
    let address = gateway.address();
    let mut sender = client::h2(address).await;
    for again in [false, true] {
        for batch in (0..KEYS).collect::<Vec<_>>().chunks(50) {
            let sent = batch.iter().map(|key| {
                let request = request(Method::GET, address, "/a").header("x-key", key.to_string());
                sender.send_request(request.body(empty()).unwrap())
            });
            for answer in join_all(sent).await {
                let expected = if again { 429 } else { 200 };
                assert_eq!(answer.unwrap().status(), expected);
            }
        }
    }
    let long = "k".repeat(20_000);
    for expected in [200, 429] {
        let answer = get_with(address, "/a", &[("x-key", &long)]).await;
        assert_eq!(answer.status(), expected);
    }
    let metrics = gateway.metrics().await;
    let keys = metrics.sum("witgate_rate_limit_keys", &["limit=\"a/1\""]);
    assert_eq!(keys, KEYS as f64 + 1.0);
}

#[tokio::test]
async fn counts_survive_reloads() {
    let routes = routes(&[("a", "per-hour"), ("b", "{ rates: 1/h }")]);
    let gateway = Setup::new()
        .file("limits.txt", "")
        .settings("rate-limits: { per-hour: { rates: 5/h } }")
        .routes(&routes)
        .start()
        .await;
    let address = gateway.address();
    assert_eq!(passed(address, &["/a"], 8, &[]).await, 5);
    assert_eq!(passed(address, &["/b"], 2, &[]).await, 1);
    gateway.write(
        "routes.d/routes.yaml",
        routes + "  - { name: c, match: { path: /c }, respond: {} }\n",
    );
    gateway.answers("/c", 200, "").await;
    assert_eq!(passed(address, &["/a", "/b"], 4, &[]).await, 0);
    // A wider rate is as empty as the narrow one was.
    let settings = std::fs::read_to_string(gateway.folder().join("witgate.yaml")).unwrap();
    gateway.write("witgate.yaml", settings.replace("5/h", "50/h"));
    eventually("the wider rate", || async {
        let answer = gateway.get("/a").await;
        answer.header("ratelimit-policy") == Some("\"per-hour\";q=50;w=3600")
    })
    .await;
    assert_eq!(passed(address, &["/a"], 3, &[]).await, 0);
}

#[tokio::test]
async fn the_admin_listener_shows_limits() {
    let gateway = limited(
        "rate-limits: { unused: { concurrency: 3 }, used: { by: address, rates: 2/h, warm-up: 10s } }",
        &[("a", "used, { by: route, rates: 9/s }")],
    )
    .await;
    assert_eq!(gateway.get("/a").await.status(), 200);
    let shown = gateway.admin("/rate-limits").await.json();
    let names: Vec<_> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["a/2", "unused", "used"]);
    assert_eq!(shown[2]["allows"], "2/h, by address");
    assert_eq!(shown[2]["routes"], serde_json::json!(["a"]));
    assert_eq!(
        (&shown[2]["keys"], &shown[2]["admitted"]),
        (&1.into(), &1.into())
    );
    assert_eq!(shown[1]["allows"], "3 at a time");
}

#[tokio::test]
async fn nonsense_is_refused_at_load() {
    for (settings, limits, expected) in [
        (
            "rate-limits: { none: { rates: 0/s } }",
            "",
            "write `respond: { status: 403 }` in it",
        ),
        (
            "rate-limits: { per-tenant: { rates: 1/s } }",
            "per-tennant",
            "did you mean `per-tenant`?",
        ),
        (
            "",
            "{ rates: 1 per second }",
            "an amount in a period, as `10/s`",
        ),
        (
            "",
            "{ rates: 5/s, cost: 6 }",
            "a request of cost 6 never passes",
        ),
    ] {
        let setup = Setup::new()
            .settings(settings)
            .routes(&routes(&[("a", limits)]));
        let (status, said) = setup.refused().await;
        assert!(
            !status.success() && said.contains(expected),
            "{settings} {limits}: {said}"
        );
    }
}
