//! Endpoints that are not well get no requests, and get them again when they are.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use http::{Response, StatusCode};

use super::peer::{self, message};
use crate::support::{
    client::full,
    eventually,
    gateway::{Gateway, Setup},
    upstream::serve,
};

/// A server whose health can be set: the answer to `grpc.health.v1.Health/Check`, as it is encoded.
struct Peer {
    address: SocketAddr,
    health: Arc<Mutex<u8>>,
    asked: Arc<Mutex<Vec<Vec<u8>>>>,
    calls: Arc<AtomicUsize>,
}

const SERVING: u8 = 1;
const NOT_SERVING: u8 = 2;
const NO_SUCH_SERVICE: u8 = 255;

impl Peer {
    async fn start() -> Self {
        let health = Arc::new(Mutex::new(SERVING));
        let (asked, calls) = (
            Arc::<Mutex<Vec<_>>>::default(),
            Arc::<AtomicUsize>::default(),
        );
        let shared = (Arc::clone(&health), Arc::clone(&asked), Arc::clone(&calls));
        let address = peer::upstream(move |mut call| {
            let (health, asked, calls) = shared.clone();
            async move {
                let body = call.read().await;
                if call.head.uri.path() != "/grpc.health.v1.Health/Check" {
                    calls.fetch_add(1, Relaxed);
                    return call.succeed("hello");
                }
                asked.lock().unwrap().push(body);
                let standing = *health.lock().unwrap();
                if standing == NO_SUCH_SERVICE {
                    return call.fail("5");
                }
                let mut stream = call.begin();
                let answer = message(std::str::from_utf8(&[8, standing]).unwrap());
                stream.send_data(answer, false).unwrap();
                stream.send_trailers(peer::status("0")).unwrap();
            }
        })
        .await;
        Self {
            address,
            health,
            asked,
            calls,
        }
    }

    fn set(&self, standing: u8) {
        *self.health.lock().unwrap() = standing;
    }

    fn calls(&self) -> usize {
        self.calls.swap(0, Relaxed)
    }
}

const FAST: &str = "interval: 40ms, timeout: 2s, healthy: 2, unhealthy: 2";

fn routes(peers: &[&Peer], health: &str) -> String {
    let endpoints: Vec<_> = peers
        .iter()
        .map(|it| format!("'http://{}'", it.address))
        .collect();
    format!(
        "upstreams: {{ up: {{ endpoints: [{}], protocol: http2, health: {{ {health} }} }} }}\n\
         routes: [{{ name: all, to: up }}]",
        endpoints.join(", ")
    )
}

async fn standing(gateway: &Gateway, index: usize) -> serde_json::Value {
    let shown = gateway.admin("/upstreams").await.json();
    shown[0]["endpoints"][index]["health"].clone()
}

async fn becomes(gateway: &Gateway, index: usize, healthy: bool) {
    eventually("another standing", || async {
        standing(gateway, index).await["healthy"] == healthy
    })
    .await;
}

async fn calls(gateway: &Gateway, count: usize) {
    let mut client = peer::Client::new(gateway.address()).await;
    for _ in 0..count {
        let outcome = client.unary("/a.B/C", &[]).await;
        assert_eq!(outcome.status(), ("0", false));
    }
}

#[tokio::test]
async fn an_endpoint_leaves_and_comes_back() {
    let (a, b) = (Peer::start().await, Peer::start().await);
    let health = format!("grpc: bookstore.v1.Bookstore, {FAST}");
    let gateway = Setup::new()
        .routes(&routes(&[&a, &b], &health))
        .start()
        .await;
    becomes(&gateway, 0, true).await;
    becomes(&gateway, 1, true).await;
    calls(&gateway, 6).await;
    assert_eq!((a.calls(), b.calls()), (3, 3));
    let asked = a.asked.lock().unwrap()[0].clone();
    assert_eq!(asked, message("\x0a\x16bookstore.v1.Bookstore"));

    for (unwell, error) in [(NOT_SERVING, "NOT_SERVING"), (NO_SUCH_SERVICE, "status 5")] {
        a.set(unwell);
        becomes(&gateway, 0, false).await;
        let health = standing(&gateway, 0).await;
        let last = health["last-error"].as_str().unwrap();
        assert!(last.contains(error), "{last}");
        let metrics = gateway.metrics().await;
        let endpoint = a.address.to_string();
        assert_eq!(
            metrics.sum("witgate_upstream_endpoint_healthy", &[&endpoint]),
            0.0
        );
        assert_eq!(metrics.sum("witgate_upstream_endpoint_healthy", &[]), 1.0);
        calls(&gateway, 6).await;
        assert_eq!((a.calls(), b.calls()), (0, 6));
        gateway.log.message("an endpoint is unhealthy").await;

        a.set(SERVING);
        becomes(&gateway, 0, true).await;
        calls(&gateway, 6).await;
        assert_eq!((a.calls(), b.calls()), (3, 3));
    }
}

#[tokio::test]
async fn when_none_is_well_the_setting_decides() {
    for (open, status) in [("", ("14", true)), (", fail-open: true", ("0", false))] {
        let peer = Peer::start().await;
        peer.set(NOT_SERVING);
        let health = format!("grpc: {{}}, {FAST}{open}");
        let gateway = Setup::new()
            .routes(&routes(&[&peer], &health))
            .start()
            .await;
        becomes(&gateway, 0, false).await;
        let mut client = peer::Client::new(gateway.address()).await;
        assert_eq!(client.unary("/a.B/C", &[]).await.status(), status);
        let answer = gateway.get("/").await;
        if open.is_empty() {
            answer.is_problem(503, "upstream-unhealthy");
        } else {
            assert_eq!(answer.status(), 200);
        }
    }
}

#[tokio::test]
async fn what_is_known_survives_reloads() {
    let (a, b) = (Peer::start().await, Peer::start().await);
    a.set(NOT_SERVING);
    let slow = "grpc: {}, interval: 1h, unhealthy: 1";
    let gateway = Setup::new().routes(&routes(&[&a, &b], slow)).start().await;
    becomes(&gateway, 0, false).await;
    becomes(&gateway, 1, true).await;
    let generation =
        async || gateway.admin("/config").await.json()["last-reload"]["generation"].as_u64();
    let before = generation().await;
    // Nothing about the upstream changes: nothing is asked again.
    let more = routes(&[&a, &b], slow).replace("name: all", "name: other");
    gateway.write("routes.d/routes.yaml", more);
    eventually("the reload", || async { generation().await > before }).await;
    assert_eq!(standing(&gateway, 0).await["healthy"], false);
    assert_eq!(a.asked.lock().unwrap().len(), 1);
    // An endpoint more: of the others is known what was known.
    let c = Peer::start().await;
    let before = generation().await;
    gateway.write("routes.d/routes.yaml", routes(&[&c, &b, &a], slow));
    eventually("the reload", || async { generation().await > before }).await;
    assert_eq!(standing(&gateway, 2).await["healthy"], false);
    becomes(&gateway, 0, true).await;
    calls(&gateway, 4).await;
    assert_eq!(a.calls(), 0);
}

#[tokio::test]
async fn http_is_asked_for_a_path() {
    let healthy = Arc::new(Mutex::new(true));
    let shared = Arc::clone(&healthy);
    let upstream = serve(move |request| {
        let well = *shared.lock().unwrap() || request.uri().path() != "/healthz";
        async move {
            let mut response = Response::new(full("body"));
            if !well {
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            }
            response
        }
    })
    .await;
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{upstream}', 'http://127.0.0.1:1'], health: {{ http: /healthz, {FAST} }} }} }}\n\
         routes: [{{ name: all, to: up }}]"
    );
    let gateway = Setup::new().routes(&yaml).start().await;
    becomes(&gateway, 0, true).await;
    becomes(&gateway, 1, false).await;
    let last = standing(&gateway, 1).await["last-error"].clone();
    assert!(
        last.as_str().unwrap().contains("could not connect"),
        "{last}"
    );
    *healthy.lock().unwrap() = false;
    becomes(&gateway, 0, false).await;
    gateway.get("/").await.is_problem(503, "upstream-unhealthy");
    *healthy.lock().unwrap() = true;
    becomes(&gateway, 0, true).await;
    assert_eq!(gateway.get("/").await.status(), 200);
}

#[test]
fn what_cannot_be_checked_is_refused() {
    for (health, message) in [
        ("{}", "says not how to check"),
        ("{ grpc: {}, http: /x }", "has both"),
        ("{ grpc: {} }", "need HTTP/2"),
        ("{ http: healthz }", "is not a path"),
        ("{ http: /x, interval: 0s }", "need some time"),
        ("{ http: /x, timeout: 0s }", "need some time"),
        ("{ http: /x, healthy: 0 }", "decides nothing"),
        ("{ http: /x, unhealthy: 0 }", "decides nothing"),
    ] {
        let yaml = format!(
            "upstreams: {{ up: {{ endpoints: ['http://a'], health: {health} }} }}\n\
             routes: [{{ name: all, to: up }}]"
        );
        let told = super::refusal(&yaml);
        assert!(told.contains(message), "{health}: {told}");
    }
}
