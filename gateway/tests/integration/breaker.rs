//! Routes behind the circuit-breaker component.

mod answers;
mod circuit;
mod cost;
mod exactness;
mod faults;
mod grpc;
mod judgements;
mod operator;
mod scope;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{Method, Response};
use tokio::sync::Semaphore;

use crate::support::{
    client::{self, Answer, Content, empty, full, request, streamed},
    components, eventually,
    gateway::{Gateway, Setup},
    soon, upstream,
};

/// An upstream that does what the path says: `/503` is a status, `/hang` waits until the test lets go, `/late` takes
/// 300 ms to answer, `/stream` 300 ms to end what it began at once, and `/break` breaks off.
struct Upstream {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    /// A permit lets one go that hangs.
    gate: Arc<Semaphore>,
}

impl Upstream {
    async fn start() -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Semaphore::new(0));
        let (counter, hanging) = (Arc::clone(&asked), Arc::clone(&gate));
        let address = upstream::serve(move |request| {
            counter.fetch_add(1, Relaxed);
            let hanging = Arc::clone(&hanging);
            async move {
                let path = request.uri().path().trim_start_matches('/').to_owned();
                behave(&path, &hanging).await
            }
        });
        Self {
            address: address.await,
            asked,
            gate,
        }
    }

    /// How many requests came so far.
    fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }

    async fn is_asked(&self, times: usize) {
        let what = format!("{times} requests to the upstream");
        eventually(&what, || async { self.asked() >= times }).await;
    }
}

async fn behave(path: &str, hanging: &Semaphore) -> Response<Content> {
    let late = Duration::from_millis(300);
    match path {
        "hang" => hanging.acquire().await.unwrap().forget(),
        "late" => tokio::time::sleep(late).await,
        "stream" => {
            let (pieces, body) = streamed();
            tokio::spawn(async move {
                tokio::time::sleep(late).await;
                drop(pieces);
            });
            return Response::new(body);
        }
        "break" => {
            let cut = futures_util::stream::iter([Err(std::io::Error::other("cut"))]);
            let body = http_body_util::StreamBody::new(cut);
            return Response::new(http_body_util::BodyExt::boxed_unsync(body));
        }
        _ => {}
    }
    let status = path.parse().unwrap_or(200_u16);
    let body = full(path.to_owned());
    Response::builder().status(status).body(body).unwrap()
}

/// The plugins, in a process that has two workers, with time for a machine that is busy with other tests.
fn setup() -> Setup {
    let breaker = components::shipped("circuit-breaker");
    let caller = components::fixture("caller");
    Setup::new().settings(&format!(
        "plugins:\n  circuit-breaker: {{ component: '{}', grants: [gates, windows], limits: {{ time: 1s }} }}\n  \
         caller: {{ component: '{}', limits: {{ time: 1s }} }}",
        breaker.display(),
        caller.display()
    ))
}

/// One route for everything, with a circuit that is set up so.
async fn guarded(upstream: SocketAddr, settings: &str) -> Gateway {
    setup().routes(&route(upstream, settings)).start().await
}

fn route(upstream: SocketAddr, settings: &str) -> String {
    format!(
        "upstreams: {{ up: 'http://{upstream}' }}\n\
         routes:\n  - name: all\n    plugins: [{{ circuit-breaker: {{ {settings} }} }}]\n    to: up"
    )
}

/// The status of a GET, with these header fields.
async fn status(gateway: &Gateway, path: &str, fields: &[(&str, &str)]) -> u16 {
    get(gateway, path, fields).await.status().as_u16()
}

async fn get(gateway: &Gateway, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut sent = request(Method::GET, gateway.address(), path);
    for (name, value) in fields {
        sent = sent.header(*name, *value);
    }
    client::send(gateway.address(), sent.body(empty()).unwrap()).await
}

/// How often circuits moved there.
async fn moves(gateway: &Gateway, to: &str, reason: &str) -> f64 {
    let labels = [format!("to=\"{to}\""), format!("reason=\"{reason}\"")];
    let labels = labels.each_ref().map(String::as_str);
    let metrics = gateway.metrics().await;
    metrics.sum("witgate_gate_transitions_total", &labels)
}

/// Waits until a circuit lets this call through, and it goes so.
async fn passes(gateway: &Gateway, path: &str, expected: u16) {
    eventually(&format!("{path} answering {expected}"), || async {
        status(gateway, path, &[]).await == expected
    })
    .await;
}

fn is_open(answer: &Answer) {
    answer.is_problem(503, "circuit-open");
}
