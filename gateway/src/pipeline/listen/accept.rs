//! Accepting connections: a loop that cannot fail, and everything slow in the connection's own task.

use std::{net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use hyper_util::service::TowerToHyperService;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{
    super::{
        context::Client,
        protocol::{Activity, Peer, Serving},
        stack,
    },
    tls::Acceptor,
};
use crate::worker::Worker;

/// After an error that is the machine's own (out of file handles), accepting again at once would only spin.
const PAUSE: Duration = Duration::from_millis(50);

/// One of a worker's listeners.
pub struct Accepting {
    pub listener: TcpListener,
    pub tls: Acceptor,
    /// Connections open at once, over all workers.
    pub permits: Arc<Semaphore>,
}

/// Accepts connections until it is dropped.
pub async fn accept(worker: Rc<Worker>, accepting: Accepting) {
    let Accepting {
        listener,
        tls,
        permits,
    } = accepting;
    loop {
        // Waiting here leaves the connection in the kernel's queue.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((tcp, address)) => {
                let connection = Connection {
                    worker: Rc::clone(&worker),
                    tcp,
                    address,
                    permit,
                };
                tokio::task::spawn_local(connection.serve(Arc::clone(&tls)));
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The client was gone before we came.
fn is_of_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

struct Connection {
    worker: Rc<Worker>,
    tcp: TcpStream,
    address: SocketAddr,
    permit: OwnedSemaphorePermit,
}

/// Counts a connection for as long as it lives.
struct Open(Rc<Worker>, usize);

impl Open {
    fn new(worker: &Rc<Worker>, activity: &Arc<Activity>) -> Self {
        worker.shard.connections_accepted.add(1);
        Self(Rc::clone(worker), worker.watch.add(activity))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.watch.remove(self.1);
        self.0.shard.connections_closed.add(1);
    }
}

impl Connection {
    async fn serve(self, tls: Acceptor) {
        let Self {
            worker,
            tcp,
            address,
            permit,
        } = self;
        let activity = Arc::new(Activity::default());
        let _open = Open::new(&worker, &activity);
        let _permit = permit;
        // Without it answers still go out, only later.
        let _ = tcp.set_nodelay(true);
        let config = tls.load_full();
        let peer = Peer::new(address, config.is_some());
        let pinned = worker.pin();
        let (settings, patience) = (pinned.connection(), pinned.settings().timeouts.request_head);
        let (idle, shard) = (pinned.settings().timeouts.idle, Arc::clone(&worker.shard));
        drop(pinned);
        let service = |serving: Serving| {
            let speaks_http2 = serving == Serving::Http2;
            let activity = Arc::clone(&activity);
            let client = Rc::new(Client {
                peer,
                speaks_http2,
                activity,
            });
            TowerToHyperService::new(stack(Rc::clone(&worker), client))
        };
        match config {
            None => {
                let detected = timeout(idle, Serving::detect(&tcp));
                if let Some(Ok(Some(serving))) = activity.unless_closing(detected).await {
                    serving
                        .serve(tcp, service(serving), settings, &activity)
                        .await;
                }
            }
            Some(config) => match timeout(patience, TlsAcceptor::from(config).accept(tcp)).await {
                Ok(Ok(tls)) => {
                    let serving = Serving::from_alpn(tls.get_ref().1.alpn_protocol());
                    serving
                        .serve(tls, service(serving), settings, &activity)
                        .await;
                }
                Ok(Err(error)) => {
                    shard.handshake_failures.add(1);
                    tracing::debug!(%error, client = %address, "TLS handshake");
                }
                Err(_) => shard.handshake_failures.add(1),
            },
        }
    }
}
