//! Plugins that ask servers, in the whole gateway: what waits costs nobody else anything, and nothing is left behind.

use std::{
    fs,
    future::pending,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use http::{Method, Request, Response};
use hyper::body::Incoming;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Notify};

use crate::support::{
    client::{self, Answer, Content, empty, full, request},
    components, eventually,
    gateway::{Gateway, Setup},
    soon,
    tls::Authority,
    upstream,
};

const IN_FLIGHT: &str = "witgate_http_client_in_flight";
const REQUESTS: &str = "witgate_http_client_requests_total";

/// A server that plugins ask: `/now`, `/never`, `/later`, `/huge`, `/broken`.
struct Asked {
    address: SocketAddr,
    count: Arc<AtomicUsize>,
    go: Arc<Notify>,
}

impl Asked {
    async fn start() -> Self {
        let (count, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (counted, waits) = (Arc::clone(&count), Arc::clone(&go));
        let address = upstream::serve(move |request: Request<Incoming>| {
            counted.fetch_add(1, SeqCst);
            answer(request, Arc::clone(&waits))
        })
        .await;
        Self { address, count, go }
    }

    async fn was_asked(&self, often: usize) {
        eventually("questions", || async { self.count.load(SeqCst) >= often }).await;
    }
}

async fn answer(request: Request<Incoming>, go: Arc<Notify>) -> Response<Content> {
    match request.uri().path() {
        "/never" => pending().await,
        "/later" => {
            go.notified().await;
            Response::new(full("late"))
        }
        "/huge" => Response::new(full(vec![b'x'; 50 << 20])),
        "/error" => Response::builder().status(500).body(full("no")).unwrap(),
        _ => Response::new(full("hi")),
    }
}

/// One route for each of these deeds of the fixture `outbound`, at `/NAME`.
fn setup(url: &str, client: &str, routes: &[(&str, &str)]) -> Setup {
    let component = components::fixture("outbound");
    let settings = format!(
        "plugins: {{ outbound: {{ component: '{}', grants: [metrics, kv, http-client] }} }}\n\
         http-clients: {{ server: {{ url: '{url}'{client} }} }}\n",
        component.display(),
    );
    Setup::new().settings(&settings).routes(&routes_of(routes))
}

fn routes_of(routes: &[(&str, &str)]) -> String {
    let mut yaml = String::from("upstreams: { up: UP }\nroutes:\n");
    for (name, deed) in routes {
        yaml += &format!(
            "  - {{ name: {name}, match: {{ path: /{name} }}, plugins: [{{ outbound: {{ client: server, {deed} }} }}], to: up }}\n"
        );
    }
    yaml
}

async fn start(asked: &Asked, client: &str, routes: &[(&str, &str)]) -> Gateway {
    let up = upstream::echo().await;
    let yaml = routes_of(routes).replace("UP", &format!("'http://{up}'"));
    let url = format!("http://{}", asked.address);
    setup(&url, client, routes).routes(&yaml).start().await
}

/// What the plugin put into `x-answer`.
fn learnt(answer: &Answer) -> String {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    upstream::seen(&answer.json(), "x-answer").join("|")
}

async fn in_flight(gateway: &Gateway, number: f64) {
    eventually("requests in flight", || async {
        gateway.metrics().await.sum(IN_FLIGHT, &[]) == number
    })
    .await;
}

async fn reload(gateway: &Gateway) -> Answer {
    let asked = request(Method::POST, gateway.admin, "/reload")
        .body(empty())
        .unwrap();
    client::send(gateway.admin, asked).await
}

#[tokio::test]
async fn who_waits_blocks_nobody_and_leaves_nothing_behind() {
    let asked = Asked::start().await;
    let routes = [
        ("now", "deed: ask, target: /now"),
        ("never", "deed: ask, target: /never"),
    ];
    let gateway = start(&asked, ", timeout: 1m", &routes).await;
    assert_eq!(learnt(&gateway.get("/now").await), "200 2");
    let mut waiting = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        stream
            .write_all(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        waiting.push(stream);
    }
    asked.was_asked(41).await;
    in_flight(&gateway, 40.0).await;
    for _ in 0..20 {
        assert_eq!(learnt(&gateway.get("/now").await), "200 2");
    }
    let instances = gateway
        .metrics()
        .await
        .sum("witgate_sandbox_instances", &[]);
    assert!(
        instances <= 4.0,
        "{instances}: one for each worker, and for the ticks of each route"
    );
    drop(waiting);
    in_flight(&gateway, 0.0).await;
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.sum(REQUESTS, &["outcome=\"cancelled\""]), 40.0);
    assert_eq!(
        metrics.sum(REQUESTS, &["client=\"server\"", "outcome=\"ok\""]),
        21.0
    );
}

#[tokio::test]
async fn more_than_max_in_flight_are_told_at_once() {
    let asked = Asked::start().await;
    let gateway = start(
        &asked,
        ", max-in-flight: 1",
        &[("later", "deed: ask, target: /later")],
    )
    .await;
    let address = gateway.address();
    let first = tokio::spawn(client::get(address, "/later"));
    asked.was_asked(1).await;
    assert_eq!(learnt(&gateway.get("/later").await), "Busy");
    asked.go.notify_one();
    assert_eq!(learnt(&soon("the first", first).await.unwrap()), "200 4");
}

#[tokio::test]
async fn servers_that_go_wrong_are_told_apart_and_logged() {
    let asked = Asked::start().await;
    let routes = [
        ("huge", "deed: ask, target: /huge"),
        ("never", "deed: ask, target: /never"),
        ("error", "deed: ask, target: /error"),
        ("above", "deed: ask, target: 'http://127.0.0.1:1/'"),
    ];
    let gateway = start(&asked, ", timeout: 3s", &routes).await;
    let before = gateway.resident();
    for _ in 0..5 {
        assert_eq!(learnt(&gateway.get("/huge").await), "TooLarge");
    }
    assert!(
        gateway.resident() < before + (40 << 20),
        "50 MB were not read"
    );
    assert_eq!(learnt(&gateway.get("/never").await), "Timeout");
    assert_eq!(
        learnt(&gateway.get("/error").await),
        "500 2",
        "an answer like others"
    );
    let invalid = learnt(&gateway.get("/above").await);
    assert!(invalid.starts_with("Invalid("), "{invalid}");
    gateway.log.message("an HTTP client's request failed").await;
    let metrics = gateway.metrics().await;
    for outcome in ["too-large", "timeout", "server-error", "invalid"] {
        let outcome = format!("outcome=\"{outcome}\"");
        assert!(metrics.sum(REQUESTS, &[&outcome]) >= 1.0, "{outcome}");
    }
    let shown = gateway.admin("/http-clients").await.json();
    assert_eq!(shown[0]["name"], "server");
    assert_eq!(shown[0]["in-flight"], 0);
    assert_eq!(shown[0]["requests"]["too-large"], 5);
}

#[tokio::test]
async fn a_server_whose_certificate_is_not_trusted_is_none() {
    let authority = Authority::new();
    let acceptor = authority.issue(&["localhost"]).acceptor(&["http/1.1"]);
    let server = upstream::serve_tls(acceptor, |_| async { Response::new(full("safe")) }).await;
    let up = upstream::echo().await;
    for (trusted, learns) in [(authority.pem(), "200 4"), (Authority::new().pem(), "Tls")] {
        let routes = [("ask", "deed: ask")];
        let yaml = routes_of(&routes).replace("UP", &format!("'http://{up}'"));
        let url = format!("https://localhost:{}", server.port());
        let gateway = setup(&url, "", &routes)
            .routes(&yaml)
            .file("roots.pem", trusted)
            .environment("SSL_CERT_FILE", "roots.pem")
            .start()
            .await;
        assert_eq!(learnt(&gateway.get("/ask").await), learns);
    }
}

#[tokio::test]
async fn a_client_follows_its_declaration_and_stays_while_a_route_needs_it() {
    let (first, second) = (Asked::start().await, Asked::start().await);
    let gateway = start(&first, "", &[("ask", "deed: ask")]).await;
    assert_eq!(learnt(&gateway.get("/ask").await), "200 2");
    let text = fs::read_to_string(gateway.folder().join("witgate.yaml")).unwrap();
    let port = |asked: &Asked| format!(":{}", asked.address.port());
    gateway.write("witgate.yaml", text.replace(&port(&first), &port(&second)));
    assert_eq!(reload(&gateway).await.status(), 200);
    assert_eq!(learnt(&gateway.get("/ask").await), "200 2");
    assert_eq!(
        (first.count.load(SeqCst), second.count.load(SeqCst)),
        (1, 1)
    );

    let others = text.replace("{ server:", "{ servers:");
    gateway.write("witgate.yaml", others);
    let refused = reload(&gateway).await;
    assert_eq!(refused.status(), 422);
    assert!(
        refused.text().contains("no HTTP client is called `server`"),
        "{}",
        refused.text()
    );
    assert_eq!(learnt(&gateway.get("/ask").await), "200 2");
    assert_eq!(second.count.load(SeqCst), 2);
}

#[tokio::test]
async fn a_plugin_has_what_it_was_granted() {
    let url = "http://127.0.0.1:1";
    let routes = [("ask", "deed: ask")];
    let yaml = routes_of(&routes).replace("UP", "'http://127.0.0.1:1'");
    for (grants, said) in [
        (
            "[metrics, kv]",
            "the component imports `http-client`, which it was not granted",
        ),
        (
            "[metrics, http-client]",
            "the component imports `kv`, which it was not granted",
        ),
        (
            "[metrics, kv, { http-client: [other] }]",
            "write `http-client: [other, server]`",
        ),
    ] {
        let component = components::fixture("outbound");
        let settings = format!(
            "plugins: {{ outbound: {{ component: '{}', grants: {grants} }} }}\n\
             http-clients: {{ server: '{url}', other: '{url}' }}\n",
            component.display(),
        );
        let setup = Setup::new().settings(&settings).routes(&yaml);
        let output = setup.command(&["check"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(said), "{text}");
    }
}

#[tokio::test]
async fn what_waits_at_the_end_is_answered() {
    let asked = Asked::start().await;
    let mut gateway = start(&asked, "", &[("later", "deed: ask, target: /later")]).await;
    let waiting = tokio::spawn(client::get(gateway.address(), "/later"));
    asked.was_asked(1).await;
    gateway.signal("TERM");
    eventually("the listener's end", || async {
        TcpStream::connect(gateway.address()).await.is_err()
    })
    .await;
    asked.go.notify_one();
    assert_eq!(learnt(&soon("the answer", waiting).await.unwrap()), "200 4");
    assert!(gateway.ended().await.success());
}

#[tokio::test]
async fn what_is_learnt_is_shared_and_outlives_reloads() {
    let asked = Asked::start().await;
    let gateway = start(&asked, "", &[("share", "deed: share, target: /later")]).await;
    let address = gateway.address();
    let waiting: Vec<_> = (0..40)
        .map(|_| tokio::spawn(client::get(address, "/share")))
        .collect();
    asked.was_asked(1).await;
    asked.go.notify_one();
    for answer in waiting {
        assert_eq!(learnt(&soon("an answer", answer).await.unwrap()), "200 4");
    }
    let text = fs::read_to_string(gateway.folder().join("witgate.yaml")).unwrap();
    let other = text.replace("outbound: {", "outbound: { limits: { time: 50ms },");
    gateway.write("witgate.yaml", other);
    assert_eq!(reload(&gateway).await.status(), 200);
    assert_eq!(learnt(&gateway.get("/share").await), "200 4");
    assert_eq!(asked.count.load(SeqCst), 1);
    let entries = gateway
        .metrics()
        .await
        .sum("witgate_kv_entries", &["plugin=\"outbound\""]);
    assert_eq!(entries, 1.0);
}
