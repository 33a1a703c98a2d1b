//! One client connection, from its acceptance to its end.

use std::{rc::Rc, sync::Arc};

use hyper::service::service_fn;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::Service;

use super::{
    identity::Certificate,
    listen::{Accepted, Acceptor},
    protocol::{Activity, Peer, Serving},
    stack,
};
use crate::worker::Worker;

/// A client connection, as its exchanges see it.
#[derive(Debug)]
pub struct Client {
    pub peer: Peer,
    pub speaks_http2: bool,
    pub activity: Arc<Activity>,
}

/// Serves a connection until either side closes it.
pub async fn serve(worker: Rc<Worker>, accepted: Accepted, tls: Acceptor) {
    let Accepted {
        tcp,
        address,
        permit: _permit,
    } = accepted;
    // Without it answers still go out, only later.
    let _ = tcp.set_nodelay(true);
    let config = tls.load_full();
    let mut connection = Connection::new(worker, Peer::new(address, config.is_some()));
    match config {
        None => {
            if let Some(serving) = connection.detect(&tcp).await {
                connection.serve(serving, tcp).await;
            }
        }
        Some(config) => {
            let shaken = connection.shake_hands(TlsAcceptor::from(config), tcp).await;
            if let Some(tls) = shaken
                && connection.learn(&tls)
            {
                let serving = Serving::from_alpn(tls.get_ref().1.alpn_protocol());
                connection.serve(serving, tls).await;
            }
        }
    }
}

/// Counted for as long as it lives.
struct Connection {
    worker: Rc<Worker>,
    peer: Peer,
    activity: Arc<Activity>,
    /// In the worker's `watch`.
    key: usize,
}

impl Connection {
    fn new(worker: Rc<Worker>, peer: Peer) -> Self {
        worker.shard.connections_accepted.add(1);
        let activity = Arc::new(Activity::default());
        let key = worker.watch.add(&activity);
        Self {
            worker,
            peer,
            activity,
            key,
        }
    }

    async fn detect(&self, tcp: &TcpStream) -> Option<Serving> {
        let idle = self.worker.pin().settings().timeouts.idle;
        let detected = timeout(idle, Serving::detect(tcp));
        self.activity.unless_closing(detected).await?.ok()?
    }

    async fn shake_hands(
        &self,
        acceptor: TlsAcceptor,
        tcp: TcpStream,
    ) -> Option<TlsStream<TcpStream>> {
        let patience = self.worker.pin().settings().timeouts.request_head;
        let shaken = timeout(patience, acceptor.accept(tcp));
        match self.activity.unless_closing(shaken).await? {
            Ok(Ok(tls)) => return Some(tls),
            Ok(Err(error)) => tracing::debug!(%error, client = %self.peer.address, "TLS handshake"),
            Err(_) => tracing::debug!(client = %self.peer.address, "TLS handshake took too long"),
        }
        self.worker.shard.handshake_failures.add(1);
        None
    }

    /// Reads the client's certificate, once for all requests. False when it cannot be read.
    fn learn(&mut self, tls: &TlsStream<TcpStream>) -> bool {
        let shown = tls.get_ref().1.peer_certificates().unwrap_or_default();
        let Some(certificate) = shown.first() else {
            return true;
        };
        self.peer.certificate = Certificate::read(certificate).map(Arc::new);
        if self.peer.certificate.is_none() {
            tracing::debug!(client = %self.peer.address, "the client's certificate cannot be read");
            self.worker.shard.handshake_failures.add(1);
        }
        self.peer.certificate.is_some()
    }

    async fn serve(
        &self,
        serving: Serving,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) {
        let client = Rc::new(Client {
            peer: self.peer.clone(),
            speaks_http2: serving == Serving::Http2,
            activity: Arc::clone(&self.activity),
        });
        let settings = self.worker.pin().connection();
        let stack = stack(&self.worker, &client);
        // None of its layers is ever not ready, so none is asked.
        let service = service_fn(move |request| stack.clone().call(request));
        serving.serve(io, service, settings, &self.activity).await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.worker.watch.remove(self.key);
        self.worker.shard.connections_closed.add(1);
    }
}
