//! One worker's connections to upstreams, and how a request finds one.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use http::{Request, Response};
use hyper::client::conn::TrySendError;

use super::{
    super::{body::RequestBody, deadline::Deadlines, gate::Endpoints},
    balance::{Choice, RoundRobin},
    body::UpstreamBody,
    compile::{Endpoint, Protocol, Upstream},
    connect::{Connected, connect},
    error::{Error, ErrorKind},
    form,
    http1::Http1,
    http2::Http2,
    repeat::repeatable,
    retry::{Budget, Retry},
};
use crate::telemetry::metrics::{Shard, UpstreamCounters};

/// Idle connections kept for one endpoint.
const IDLE_KEPT: usize = 512;
/// How long an idle connection is kept.
const IDLE_AGE: Duration = Duration::from_secs(60);
/// A connection idle for longer may be just being closed by its server: what is sent on it must be repeatable.
const DOUBTFUL_AGE: Duration = Duration::from_secs(1);

/// One worker's connections.
pub struct Pools {
    worker: usize,
    by_upstream: RefCell<HashMap<u64, Rc<Pool>, FixedState>>,
    deadlines: Rc<Deadlines>,
    shard: Arc<Shard>,
}

/// One worker's connections to one upstream.
pub struct Pool {
    upstream: Arc<Upstream>,
    balance: RoundRobin,
    endpoints: Box<[Connections]>,
    pub(super) counters: Arc<UpstreamCounters>,
    pub(super) budget: Budget,
}

/// A connection that can carry a request.
enum Way {
    Http1(Box<Http1>),
    Http2(Http2),
}

#[derive(Default)]
struct Connections {
    #[allow(
        clippy::vec_box,
        reason = "connections move in and out with every request, and are large"
    )]
    idle: RefCell<Vec<Box<Http1>>>,
    shared: RefCell<Vec<Http2>>,
}

type Request1 = Request<RequestBody>;

/// What a request to an upstream needs beside itself.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub upstream: &'a Arc<Upstream>,
    /// When the exchange began.
    pub began: Instant,
    /// Bounds the time between two pieces of the response's body.
    pub idle: Duration,
    /// The route's; none: what is sent again is certain to have gone nowhere.
    pub retry: Option<&'a Retry>,
    /// Which endpoint was asked last.
    pub asked: &'a Cell<Option<usize>>,
    /// What has a say in which endpoint is asked.
    pub gates: Option<&'a dyn Endpoints>,
}

/// A try that failed.
pub(super) struct Failed {
    pub(super) kind: ErrorKind,
    /// The request is whole again, and can be sent elsewhere.
    pub(super) again: bool,
}

impl Pools {
    pub fn new(worker: usize, deadlines: &Rc<Deadlines>, shard: &Arc<Shard>) -> Self {
        Self {
            worker,
            by_upstream: RefCell::default(),
            deadlines: Rc::clone(deadlines),
            shard: Arc::clone(shard),
        }
    }

    fn pool(&self, upstream: &Arc<Upstream>) -> Rc<Pool> {
        let mut pools = self.by_upstream.borrow_mut();
        let pool = pools.entry(upstream.id).or_insert_with(|| {
            Rc::new(Pool {
                upstream: Arc::clone(upstream),
                balance: RoundRobin::new(self.worker),
                endpoints: upstream
                    .endpoints
                    .iter()
                    .map(|_| Connections::default())
                    .collect(),
                counters: self.shard.upstream(&upstream.name),
                budget: Budget::new(),
            })
        });
        Rc::clone(pool)
    }

    /// Sends a request to one of the upstream's endpoints. It is taken by reference, and an empty one is left: a
    /// future that owned it would be moved with it.
    ///
    /// # Errors
    /// When every try failed that could safely be made.
    pub async fn send(
        &self,
        call: Call<'_>,
        request: &mut Request1,
    ) -> Result<Response<UpstreamBody>, Error> {
        let pool = self.pool(call.upstream);
        pool.counters.requests.add(1);
        if let Some(retry) = call.retry {
            return Box::pin(self.send_again(&pool, call, retry, request)).await;
        }
        let mut tries = 1 + call.upstream.endpoints.len();
        loop {
            let index = pool.choose(&[], call.gates)?;
            call.asked.set(Some(index));
            tries -= 1;
            match self.attempt(&pool, index, call, request).await {
                Ok(response) => return Ok(response),
                Err(Failed { again: true, kind }) if tries > 0 => {
                    if let (Some(gates), Some(how)) = (call.gates, kind.how()) {
                        gates.failed(how);
                    }
                    pool.counters.retries.add(1);
                }
                Err(Failed { kind, .. }) => return Err(pool.failed(index, kind)),
            }
        }
    }

    /// Sends a request that asks for another protocol, on a connection of its own.
    ///
    /// # Errors
    /// When the endpoint cannot be reached or does not answer.
    pub async fn upgrade(
        &self,
        call: Call<'_>,
        request: &mut Request1,
    ) -> Result<Response<UpstreamBody>, Error> {
        let pool = self.pool(call.upstream);
        pool.counters.requests.add(1);
        let index = pool.choose(&[], call.gates)?;
        call.asked.set(Some(index));
        let sent = async {
            let connected = pool.open(index).await?;
            let connection = Http1::handshake(connected.io)
                .await
                .map_err(ErrorKind::Handshake)?;
            connection
                .into_upgradeable()
                .send_request(std::mem::take(request))
                .await
                .map_err(ErrorKind::Exchange)
        };
        let response = sent.await.map_err(|kind| pool.failed(index, kind))?;
        Ok(response.map(|body| UpstreamBody::detached(body, call, &self.deadlines)))
    }

    pub(super) async fn attempt(
        &self,
        pool: &Rc<Pool>,
        index: usize,
        call: Call<'_>,
        request: &mut Request1,
    ) -> Result<Response<UpstreamBody>, Failed> {
        let way = match pool.endpoints[index].take() {
            Some(way) => way,
            // Boxed, since it is rare and large: what is kept for it would be moved with every request.
            None => Box::pin(pool.connect(index))
                .await
                .map_err(|kind| Failed { kind, again: true })?,
        };
        match way {
            Way::Http1(connection) => {
                self.send_http1((pool, index), connection, call, request)
                    .await
            }
            Way::Http2(connection) => self.send_http2(pool, connection, call, request).await,
        }
    }

    async fn send_http1(
        &self,
        (pool, index): (&Rc<Pool>, usize),
        mut connection: Box<Http1>,
        call: Call<'_>,
        request: &mut Request1,
    ) -> Result<Response<UpstreamBody>, Failed> {
        form::for_http1(request);
        let unused = call.began.saturating_duration_since(connection.idle_since);
        let doubtful = connection.reused && unused > DOUBTFUL_AGE;
        let copy = if doubtful { repeatable(request) } else { None };
        match connection.send(std::mem::take(request)).await {
            Ok(response) => Ok(response.map(|body| {
                let source = (connection, Rc::clone(pool), index);
                UpstreamBody::http1(body, source, call, &self.deadlines)
            })),
            Err(error) => Err(failed(error, copy, request)),
        }
    }

    async fn send_http2(
        &self,
        pool: &Pool,
        mut connection: Http2,
        call: Call<'_>,
        request: &mut Request1,
    ) -> Result<Response<UpstreamBody>, Failed> {
        let secure = matches!(pool.upstream.protocol, Protocol::Tls(_));
        form::for_http2(request, secure);
        let stream = connection.occupy();
        let copy = repeatable(request);
        let sent = connection.sender.try_send_request(std::mem::take(request));
        match sent.await {
            Ok(response) => {
                let deadlines = &self.deadlines;
                Ok(response.map(|body| UpstreamBody::http2(body, stream, call, deadlines)))
            }
            Err(error) => {
                let mut failed = failed(error, None, request);
                if !failed.again
                    && failed.kind.is_unsent()
                    && let Some(copy) = copy
                {
                    *request = *copy;
                    failed.again = true;
                }
                Err(failed)
            }
        }
    }

    /// Lets go of what is closed, too old, or belongs to an upstream that is no longer configured.
    pub fn sweep(&self, now: Instant) {
        self.by_upstream.borrow_mut().retain(|_, pool| {
            for connections in &pool.endpoints {
                connections.sweep(now);
            }
            // The pool's own, and none in a live snapshot.
            Arc::strong_count(&pool.upstream) > 1
        });
    }
}

impl Pool {
    pub(super) fn put_back(&self, endpoint: usize, mut connection: Box<Http1>) {
        if !connection.settle() {
            return;
        }
        let mut idle = self.endpoints[endpoint].idle.borrow_mut();
        if idle.len() < IDLE_KEPT {
            connection.reused = true;
            connection.idle_since = Instant::now();
            idle.push(connection);
        }
    }

    /// A new connection, ready to carry a request.
    async fn connect(&self, index: usize) -> Result<Way, ErrorKind> {
        let connected = self.open(index).await?;
        if connected.http2 {
            let connection = Http2::handshake(connected.io).await;
            let connection = connection.map_err(ErrorKind::Handshake)?;
            self.endpoints[index]
                .shared
                .borrow_mut()
                .push(connection.clone());
            Ok(Way::Http2(connection))
        } else {
            let connection = Http1::handshake(connected.io).await;
            Ok(Way::Http1(connection.map_err(ErrorKind::Handshake)?))
        }
    }

    async fn open(&self, index: usize) -> Result<Connected, ErrorKind> {
        self.counters.connects.add(1);
        let connected = connect(&self.upstream, self.endpoint(index)).await;
        if connected.is_err() {
            self.counters.connect_failures.add(1);
        }
        connected
    }

    fn endpoint(&self, index: usize) -> &Endpoint {
        &self.upstream.endpoints[index]
    }

    pub(super) fn failed(&self, index: usize, kind: ErrorKind) -> Error {
        self.counters.failures.add(1);
        Error {
            upstream: Arc::clone(&self.upstream.name),
            endpoint: Arc::clone(&self.endpoint(index).url),
            kind,
        }
    }

    /// Which endpoint gets the request.
    pub(super) fn choose(
        &self,
        tried: &[usize],
        gates: Option<&dyn Endpoints>,
    ) -> Result<usize, Error> {
        let endpoints = Choice {
            count: self.upstream.endpoints.len(),
            health: self.upstream.health.as_ref(),
            tried,
            gates,
        };
        let chosen = self.balance.choose(&endpoints);
        chosen.map_err(|kind| self.failed(self.balance.pick(endpoints.count), kind))
    }
}

impl Connections {
    /// A connection that can carry a request now.
    fn take(&self) -> Option<Way> {
        self.take_idle()
            .map(Way::Http1)
            .or_else(|| self.take_shared().map(Way::Http2))
    }

    /// The connection that was used last: the others may grow old and go.
    fn take_idle(&self) -> Option<Box<Http1>> {
        let mut idle = self.idle.borrow_mut();
        while let Some(mut connection) = idle.pop() {
            if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    fn take_shared(&self) -> Option<Http2> {
        let mut shared = self.shared.borrow_mut();
        shared.retain(|connection| !connection.sender.is_closed());
        shared
            .iter()
            .find(|connection| connection.has_room())
            .cloned()
    }

    fn sweep(&self, now: Instant) {
        self.idle.borrow_mut().retain_mut(|connection| {
            now.saturating_duration_since(connection.idle_since) < IDLE_AGE
                && connection.is_usable()
        });
        self.shared
            .borrow_mut()
            .retain(|connection| !connection.sender.is_closed());
    }
}

/// Puts the request back, if there is one to be put back.
fn failed(
    mut error: TrySendError<Request1>,
    copy: Option<Box<Request1>>,
    request: &mut Request1,
) -> Failed {
    let unsent = error.take_message().or(copy.map(|copy| *copy));
    let again = unsent.is_some();
    if let Some(unsent) = unsent {
        *request = unsent;
    }
    Failed {
        kind: ErrorKind::Exchange(error.into_error()),
        again,
    }
}
