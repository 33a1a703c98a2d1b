//! Limits and plugins: who asks is known after them, and they ask the same counts.

use http::Response;

use super::{components, get_with, upstream};
use crate::support::{
    client::full,
    eventually,
    gateway::{Gateway, Setup},
};

fn settings(more: &str) -> String {
    let component = |name| components::fixture(name).display().to_string();
    format!(
        "plugins:\n  caller: {{ component: '{}' }}\n  toll: {{ component: '{}', grants: [{{ limits: [hourly, few] }}] }}\n{more}",
        component("caller"),
        component("toll"),
    )
}

async fn statuses<const N: usize>(
    gateway: &Gateway,
    requests: [(&str, &[(&str, &str)]); N],
) -> [u16; N] {
    let mut statuses = [0; N];
    for (status, (path, fields)) in statuses.iter_mut().zip(requests) {
        *status = get_with(gateway.address(), path, fields)
            .await
            .status()
            .as_u16();
    }
    statuses
}

#[tokio::test]
async fn tenants_count_for_themselves_once_they_are_known() {
    let gateway = Setup::new()
        .settings(&settings("rate-limits: { hourly: { by: tenant, rates: 2/h, missing: refuse }, few: { concurrency: 1 } }"))
        .routes("routes: [{ name: a, plugins: [caller], rate-limits: [hourly], respond: {} }]")
        .start()
        .await;
    let acme: &[_] = &[("x-tenant", "acme")];
    let umbrella: &[_] = &[("x-tenant", "umbrella")];
    let refused: &[_] = &[("x-tenant", "acme"), ("x-refuse", "401")];
    // What a policy refuses is not counted for the tenant.
    assert_eq!(statuses(&gateway, [("/", refused); 3]).await, [401; 3]);
    assert_eq!(statuses(&gateway, [("/", acme); 3]).await, [200, 200, 429]);
    assert_eq!(
        statuses(&gateway, [("/", umbrella); 3]).await,
        [200, 200, 429]
    );
    assert_eq!(statuses(&gateway, [("/", &[])]).await, [403]);
}

#[tokio::test]
async fn plugins_ask_the_same_counts() {
    let gateway = Setup::new()
        .settings(&settings("rate-limits: { hourly: { by: tenant, rates: 4/h }, few: { concurrency: 1 } }"))
        .routes(
            "routes:\n  \
             - { name: a, match: { path: /a }, plugins: [caller], rate-limits: [hourly], respond: {} }\n  \
             - { name: b, match: { path: /b }, plugins: [{ toll: { limit: hourly, cost: 2 } }], respond: {} }",
        )
        .start()
        .await;
    let native: (&str, &[_]) = ("/a", &[("x-tenant", "acme")]);
    let guest: (&str, &[_]) = ("/b", &[("x-key", "acme")]);
    let asked = [native, guest, guest, native, native];
    assert_eq!(statuses(&gateway, asked).await, [200, 200, 429, 200, 429]);
    let refused = get_with(gateway.address(), guest.0, guest.1).await;
    assert_eq!(refused.header("x-cause"), Some("Rate"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1700..=1800).contains(&wait), "{wait}");
}

/// The plugin keeps the permit in the state of the exchange, and so it is free when that ends.
#[tokio::test]
async fn a_plugins_permit_lasts_as_long_as_its_exchange() {
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let wait = std::sync::Arc::clone(&go);
    let upstream = upstream::serve(move |_| {
        let wait = std::sync::Arc::clone(&wait);
        async move {
            wait.notified().await;
            Response::new(full("late"))
        }
    })
    .await;
    let gateway = Setup::new()
        .settings(&settings("rate-limits: { hourly: { rates: 9/s }, few: { concurrency: 1 } }"))
        .routes(&format!(
            "upstreams: {{ up: 'http://{upstream}' }}\nroutes: [{{ name: a, plugins: [{{ toll: {{ limit: few }} }}], to: up }}]"
        ))
        .start()
        .await;
    let under_way = || async {
        let metrics = gateway.metrics().await;
        metrics.sum("witgate_rate_limit_under_way", &["limit=\"few\""])
    };
    let address = gateway.address();
    for _ in 0..3 {
        let first = tokio::spawn(async move { get_with(address, "/", &[]).await });
        eventually("a permit", || async { under_way().await == 1.0 }).await;
        let refused = get_with(address, "/", &[]).await;
        assert_eq!(
            (refused.status().as_u16(), refused.header("x-cause")),
            (429, Some("Concurrency"))
        );
        go.notify_one();
        assert_eq!(first.await.unwrap().text(), "late");
        eventually("no permit", || async { under_way().await == 0.0 }).await;
    }
}

#[tokio::test]
async fn a_plugin_opens_what_it_was_granted() {
    for (grants, limit, expected) in [
        ("[limits]", "hourli", "no rate limit is called `hourli`"),
        (
            "[{ limits: [hourly, few] }]",
            "other",
            "the grant `limits` of this plugin does not name `other`",
        ),
    ] {
        let (status, said) = Setup::new()
            .settings(&settings("rate-limits: { hourly: { rates: 1/h }, few: { concurrency: 1 }, other: { rates: 1/h } }").replace("[{ limits: [hourly, few] }]", grants))
            .routes(&format!("routes: [{{ name: a, plugins: [{{ toll: {{ limit: {limit} }} }}], respond: {{}} }}]"))
            .refused()
            .await;
        assert!(
            !status.success() && said.contains(expected),
            "{limit}: {said}"
        );
    }
}
