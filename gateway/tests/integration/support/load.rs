//! Clients that ask again and again over kept connections, while a test changes something under them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use http::{Method, Request};
use hyper::client::conn::{http1, http2};
use tokio::task::JoinHandle;

use super::client::{self, Answer, Content, empty, request};

/// Four connections of HTTP/1.1, and one of HTTP/2 with four streams at a time.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    address: SocketAddr,
    check: fn(&Answer),
    stop: AtomicBool,
    count: AtomicU64,
}

impl Load {
    /// Each answer must come, on the connection that it was asked on, and satisfy the check.
    pub(crate) async fn start(address: SocketAddr, check: fn(&Answer)) -> Self {
        let shared = Arc::new(Shared {
            address,
            check,
            stop: AtomicBool::new(false),
            count: AtomicU64::new(0),
        });
        let mut clients = Vec::new();
        let h2 = client::h2(address).await;
        for _ in 0..4 {
            let h1 = client::h1(address).await;
            clients.push(tokio::spawn(over_h1(h1, Arc::clone(&shared))));
            clients.push(tokio::spawn(over_h2(h2.clone(), Arc::clone(&shared))));
        }
        Self { shared, clients }
    }

    /// How many answers came so far.
    pub(crate) fn count(&self) -> u64 {
        self.shared.count.load(Ordering::Relaxed)
    }

    /// Ends all clients; fails if one of them met anything but good answers.
    pub(crate) async fn stop(self) -> u64 {
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.expect("no request is lost");
        }
        self.shared.count.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn judge(&self, answer: &Answer) {
        assert_eq!(answer.status(), 200, "{}", answer.text());
        (self.check)(answer);
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

async fn over_h1(mut connection: http1::SendRequest<Content>, shared: Arc<Shared>) {
    while shared.goes_on() {
        connection.ready().await.expect("the connection stays");
        let sent = request(Method::GET, shared.address, "/anything");
        let sent = connection.send_request(sent.body(empty()).unwrap());
        shared.judge(&Answer::of(sent.await.expect("an answer")).await);
    }
}

async fn over_h2(mut connection: http2::SendRequest<Content>, shared: Arc<Shared>) {
    let uri = format!("http://{}/anything", shared.address);
    while shared.goes_on() {
        connection.ready().await.expect("the connection stays");
        let sent = connection.send_request(Request::get(&uri).body(empty()).unwrap());
        shared.judge(&Answer::of(sent.await.expect("an answer")).await);
    }
}
