//! The workers: their listeners, their threads, and their orderly end.

use std::{
    io,
    net::SocketAddr,
    num::NonZero,
    rc::Rc,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, watch},
};

use super::{control::Control, error::Error};
use crate::{
    config::raw,
    pipeline::{
        self,
        listen::{Acceptor, accept, bind},
        protocol::activity::Watch,
        sandbox::Host,
    },
    telemetry::access::AccessLog,
    worker::{Parts, Worker},
};

/// Bound listeners, and no thread yet.
pub(super) struct Crew {
    /// For each worker its sockets, in the order of the listeners.
    sockets: Vec<Vec<(std::net::TcpListener, Acceptor)>>,
    addresses: Vec<(SocketAddr, bool)>,
    host: Arc<Host>,
}

/// Running workers.
pub(super) struct Serving {
    addresses: Vec<(SocketAddr, bool)>,
    drain: watch::Sender<Option<Instant>>,
    /// Closed when the last worker has ended.
    ended: mpsc::Receiver<()>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Crew {
    /// Binds every listener once for each worker.
    pub(super) fn bind(
        control: &Control,
        raw: &raw::Gateway,
        host: &Arc<Host>,
    ) -> Result<Self, Error> {
        let workers = raw
            .workers
            .as_ref()
            .map_or_else(cores, |workers| usize::from(**workers))
            .max(1);
        let mut sockets: Vec<_> = (0..workers).map(|_| Vec::new()).collect();
        let mut addresses = Vec::new();
        for (listener, acceptor) in raw.listeners.iter().zip(control.acceptors()) {
            let address = *listener.address;
            let bound = bind(address, workers).map_err(|source| Error::Bind { address, source })?;
            let local = bound[0].local_addr().map_err(Error::Machine)?;
            addresses.push((local, listener.tls.is_some()));
            for (worker, socket) in sockets.iter_mut().zip(bound) {
                worker.push((socket, Arc::clone(acceptor)));
            }
        }
        Ok(Self {
            sockets,
            addresses,
            host: Arc::clone(host),
        })
    }

    /// Starts the threads.
    pub(super) fn start(
        self,
        control: &Control,
        raw: &raw::Gateway,
        access: &AccessLog,
    ) -> Result<Serving, Error> {
        let (drain, draining) = watch::channel(None);
        let (alive, ended) = mpsc::channel(1);
        let permits = Arc::new(Semaphore::new(raw.limits.connections as usize));
        let logged = raw.logging.access;
        let mut threads = Vec::with_capacity(self.sockets.len());
        for (index, sockets) in self.sockets.into_iter().enumerate() {
            let parts = Parts {
                index,
                snapshots: control.cell(),
                shard: control.add_shard(),
                access: (logged != raw::AccessLog::Off).then(|| (access.clone(), logged)),
                retired: control.retired(),
                host: Arc::clone(&self.host),
            };
            let (permits, draining) = (Arc::clone(&permits), draining.clone());
            let alive = alive.clone();
            let thread = thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || {
                    if let Err(error) = work(parts, sockets, &permits, draining) {
                        tracing::error!(%error, worker = index, "a worker could not start");
                    }
                    drop(alive);
                });
            threads.push(thread.map_err(Error::Machine)?);
        }
        Ok(Serving {
            addresses: self.addresses,
            drain,
            ended,
            threads,
        })
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// The whole life of a worker's thread.
fn work(
    parts: Parts,
    sockets: Vec<(std::net::TcpListener, Acceptor)>,
    permits: &Arc<Semaphore>,
    mut draining: watch::Receiver<Option<Instant>>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(Default::default())?;
    runtime.block_on(async {
        let worker = Worker::new(parts);
        tokio::task::spawn_local(Rc::clone(&worker.deadlines).run());
        tokio::task::spawn_local(Rc::clone(&worker).tick());
        tokio::task::spawn_local(worker.sandbox.clone().maintain());
        let mut accepting = Vec::with_capacity(sockets.len());
        for (socket, tls) in sockets {
            let listener = TcpListener::from_std(socket)?;
            let permits = Arc::clone(permits);
            let worker = Rc::clone(&worker);
            let hand_over = move |accepted| {
                let served = pipeline::serve(Rc::clone(&worker), accepted, Arc::clone(&tls));
                tokio::task::spawn_local(served);
            };
            accepting.push(tokio::task::spawn_local(accept(
                listener, permits, hand_over,
            )));
        }
        // An error means that nobody can tell us to drain any more: the process is ending.
        let until = match draining.wait_for(Option::is_some).await {
            Ok(until) => until.unwrap_or_else(Instant::now),
            Err(_) => Instant::now(),
        };
        accepting.iter().for_each(tokio::task::JoinHandle::abort);
        drain(&worker, until).await;
        worker.finish();
        Ok(())
    })
}

/// Lets what is in flight finish, and cuts what does not.
async fn drain(worker: &Worker, until: Instant) {
    /// Tasks of connections that were cut need a moment to end.
    const CUT: Duration = Duration::from_secs(1);
    while !worker.watch.is_empty() && Instant::now() < until {
        worker.watch.close_all(false);
        tokio::time::sleep(
            Watch::INTERVAL.min(until.saturating_duration_since(Instant::now())) / 10,
        )
        .await;
    }
    let left = worker.watch.len();
    if left > 0 {
        tracing::warn!(connections = left, "cut at the end of the drain timeout");
        worker.watch.close_all(true);
        let cut = async {
            while !worker.watch.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let _ = tokio::time::timeout(CUT, cut).await;
    }
}

impl Serving {
    /// Says where the gateway listens.
    pub(super) fn announce(&self, admin: SocketAddr) {
        for (index, (address, tls)) in self.addresses.iter().enumerate() {
            tracing::info!(listener = %index, %address, tls, "listening");
        }
        tracing::info!(listener = "admin", address = %admin, tls = false, "listening");
    }

    /// Ends all workers, within `timeout` and a little more.
    pub(super) async fn drain(mut self, timeout: Duration) {
        // No receiver is left when all workers have ended already.
        let _ = self.drain.send(Some(Instant::now() + timeout));
        while self.ended.recv().await.is_some() {}
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker ended by a panic");
            }
        }
    }
}
