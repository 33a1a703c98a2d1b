//! Plugins that misbehave in the phases after the request's head. Each time it costs that exchange and no other,
//! and the operator learns of it.

use http::{Method, Request};

use crate::support::{
    client::{self, Answer, full, request},
    components, eventually,
    gateway::{Gateway, Setup},
    load::Load,
    soon, upstream,
};

/// A way to misbehave, the label of it in metrics, and the answer while that is still possible.
const DEEDS: [(&str, &str, u16, &str); 3] = [
    ("trap", "trap", 500, "plugin-failed"),
    ("loop", "timeout", 503, "plugin-timeout"),
    ("memory", "memory", 500, "plugin-failed"),
];

/// What a client gets when a plugin misbehaves in a phase.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Price {
    /// The deed's problem.
    Answer,
    /// The response has begun, so that it is broken off.
    Cut,
    /// The response is complete by then.
    Nothing,
}

/// A place for a deed: the route's name, the phase, what else the configuration says, and the price.
const PLACES: [(&str, &str, &str, Price); 6] = [
    ("upload", "on-request-body", "", Price::Answer),
    (
        "whole-upload",
        "on-request-body",
        "on-request: wait-body, most: 99",
        Price::Answer,
    ),
    ("head", "on-response", "", Price::Answer),
    ("download", "on-response-body", "", Price::Cut),
    (
        "whole-download",
        "on-response-body",
        "on-response: wait-body, most: 9999",
        Price::Answer,
    ),
    ("end", "on-end", "", Price::Nothing),
];

/// A route for each deed in each place, for a plugin that fails closed and for one that fails open, and one where
/// the same component behaves. There is so little memory that a bomb meets that limit before the one of time.
async fn hostile() -> Gateway {
    let up = upstream::echo().await;
    let component = components::fixture("hostile");
    let plugin = format!(
        "{{ component: '{}', grants: [metrics], limits: {{ memory: 4MiB, time: 100ms }}",
        component.display()
    );
    let mut routes = format!(
        "upstreams: {{ up: 'http://{up}' }}\nroutes:\n  - {{ name: good, plugins: [closed, open], to: up }}\n"
    );
    for plugin in ["closed", "open"] {
        for (place, phase, more, _) in PLACES {
            for (deed, ..) in DEEDS {
                let name = format!("{plugin}-{place}-{deed}");
                let comma = if more.is_empty() { "" } else { ", " };
                routes += &format!(
                    "  - {{ name: {name}, match: {{ path: /{name} }}, plugins: [{{ {plugin}: {{ {phase}: {deed}{comma}{more} }} }}], to: up }}\n"
                );
            }
        }
    }
    Setup::new()
        .settings(&format!(
            "plugins:\n  closed: {plugin} }}\n  open: {plugin}, on-failure: open }}"
        ))
        .routes(&routes)
        .start()
        .await
}

async fn over_h1(gateway: &Gateway, path: &str) -> hyper::Result<Answer> {
    let mut connection = client::h1(gateway.address()).await;
    let sent = request(Method::POST, gateway.address(), path)
        .body(full("hello"))
        .unwrap();
    Answer::complete(soon("an answer", connection.send_request(sent)).await?).await
}

type Connection = hyper::client::conn::http2::SendRequest<client::Content>;

async fn over_h2(
    gateway: &Gateway,
    connection: &mut Connection,
    path: &str,
) -> hyper::Result<Answer> {
    let sent = Request::post(format!("http://{}{path}", gateway.address()))
        .body(full("hello"))
        .unwrap();
    Answer::complete(soon("an answer", connection.send_request(sent)).await?).await
}

/// What passed untouched: the upstream saw all of the request, the client all of its answer.
fn is_whole(answer: hyper::Result<Answer>, what: &str) {
    let answer = answer.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(answer.status(), 200, "{what}: {}", answer.text());
    assert_eq!(answer.json()["length"], 5, "{what}");
}

/// The line about each deed, with what an operator needs.
async fn is_logged(gateway: &Gateway, plugin: &str, route: &str, phase: &str, kind: &str) {
    let line = gateway
        .log
        .wait_for(route, |line| {
            line["route"] == route && line["kind"] == kind && line["plugin"] == plugin
        })
        .await;
    assert_eq!(line["phase"], phase, "{line}");
    assert!(line["exchange"].is_string(), "{line}");
    let function = phase.replace('-', "_");
    let message = line["message"].as_str().unwrap();
    assert!(
        message.contains("wasm backtrace") && message.contains(&function),
        "{line}"
    );
}

/// Twice in each place, and nothing else.
async fn are_counted(gateway: &Gateway, plugin: &str) {
    let plugin = format!("plugin=\"{plugin}\"");
    for (_, kind, ..) in DEEDS {
        for (_, phase, ..) in PLACES {
            let places = PLACES.iter().filter(|place| place.1 == phase).count();
            let labels = [
                &*plugin,
                &format!("phase=\"{phase}\""),
                &format!("kind=\"{kind}\""),
            ];
            eventually(&format!("{labels:?}"), || async {
                let metrics = gateway.metrics().await;
                metrics.sum("witgate_sandbox_failures_total", &labels) == 2.0 * places as f64
            })
            .await;
        }
    }
    let metrics = gateway.metrics().await;
    let all = metrics.sum("witgate_sandbox_failures_total", &[&plugin]);
    assert_eq!(all, 2.0 * (DEEDS.len() * PLACES.len()) as f64);
}

#[tokio::test]
async fn each_phase_costs_its_exchange_alone() {
    let gateway = hostile().await;
    let load = Load::start(gateway.address(), |_| {}).await;
    // All of them on one connection, which must outlive them.
    let mut h2 = client::h2(gateway.address()).await;
    for (place, phase, _, price) in PLACES {
        for (deed, kind, status, code) in DEEDS {
            let name = format!("closed-{place}-{deed}");
            let path = format!("/{name}");
            let answers = [
                over_h1(&gateway, &path).await,
                over_h2(&gateway, &mut h2, &path).await,
            ];
            for answer in answers {
                match (price, answer) {
                    (Price::Answer, Ok(answer)) => {
                        answer.is_problem(status, code);
                        assert!(!answer.text().contains("wasm"), "{}", answer.text());
                    }
                    (Price::Nothing, answer) => is_whole(answer, &name),
                    (Price::Cut, Err(_)) => {}
                    (_, answer) => panic!("{name}: {answer:?}"),
                }
            }
            is_logged(&gateway, "closed", &name, phase, kind).await;
            is_whole(over_h2(&gateway, &mut h2, "/good").await, &name);
        }
    }
    are_counted(&gateway, "closed").await;
    let seen = load.count();
    eventually("requests afterwards", || async { load.count() > seen + 20 }).await;
    load.stop().await;
}

#[tokio::test]
async fn an_open_door_stays_open_in_each_phase() {
    let gateway = hostile().await;
    let load = Load::start(gateway.address(), |_| {}).await;
    let mut h2 = client::h2(gateway.address()).await;
    for (place, phase, ..) in PLACES {
        for (deed, kind, ..) in DEEDS {
            let name = format!("open-{place}-{deed}");
            let path = format!("/{name}");
            is_whole(over_h1(&gateway, &path).await, &name);
            is_whole(over_h2(&gateway, &mut h2, &path).await, &name);
            is_logged(&gateway, "open", &name, phase, kind).await;
        }
    }
    are_counted(&gateway, "open").await;
    load.stop().await;
}

/// The ticks go on in another instance, and requests never notice.
#[tokio::test]
async fn a_tick_that_fails_is_no_exchanges_business() {
    for (deed, kind, ..) in DEEDS {
        let component = components::fixture("ticker");
        let gateway = Setup::new()
            .settings(&format!(
                "plugins: {{ ticker: {{ component: '{}', grants: [metrics], limits: {{ memory: 4MiB, time: 100ms }} }} }}",
                component.display()
            ))
            .routes(&format!(
                "routes: [{{ name: all, plugins: [{{ ticker: {{ every: 100, fails-at: 2, how: {deed} }} }}], respond: {{}} }}]"
            ))
            .start()
            .await;
        let load = Load::start(gateway.address(), |_| {}).await;
        let line = gateway
            .log
            .wait_for(deed, |line| {
                line["plugin"] == "ticker" && line["kind"] == kind
            })
            .await;
        assert_eq!(line["phase"], "on-tick", "{line}");
        let labels = [
            "plugin=\"ticker\"",
            "phase=\"on-tick\"",
            &format!("kind=\"{kind}\""),
        ];
        eventually("two failures, each after a good tick", || async {
            let metrics = gateway.metrics().await;
            metrics.sum("witgate_sandbox_failures_total", &labels) >= 2.0
                && metrics.sum("witgate_plugin_ticks", &labels[..1]) >= 2.0
        })
        .await;
        let seen = load.count();
        eventually("requests afterwards", || async { load.count() > seen + 20 }).await;
        load.stop().await;
    }
}
