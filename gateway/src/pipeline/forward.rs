//! To the upstream and back.

use std::{cell::Cell, pin::pin, rc::Rc, sync::Arc, time::Instant};

use http::{HeaderValue, Request, Response, StatusCode, Uri, Version, header, uri::PathAndQuery};
use hyper::upgrade::OnUpgrade;

use super::{
    Reply,
    body::RequestBody,
    deadline::{Deadline, within},
    exchange::Exchange,
    failure::Failure,
    gate::Endpoints,
    grpc,
    protocol::{
        Scan,
        fields::{self, Hop},
        upgrade,
    },
    reply::Source,
    route::Rewrite,
    sandbox::Shut,
    upstream::{self, Call, ErrorKind, Upstream, UpstreamBody},
};
use crate::snapshot::Route;

/// Where a request is sent.
pub(super) struct Way<'a> {
    pub(super) route: &'a Route,
    pub(super) upstream: &'a Arc<Upstream>,
    pub(super) rewrite: &'a Rewrite,
}

impl<'a> Way<'a> {
    /// The route's upstream, or the one that a gate sends the request to.
    fn destination(&self, diverted: Option<usize>) -> &'a Arc<Upstream> {
        let fallback = diverted.and_then(|index| self.route.fallbacks.get(index));
        fallback.unwrap_or(self.upstream)
    }
}

/// No endpoint was asked, since gates are open for all of them.
fn is_gated<T>(sent: &Option<Result<T, upstream::Error>>) -> bool {
    let error = sent.as_ref().and_then(|sent| sent.as_ref().err());
    error.is_some_and(|error| matches!(error.kind, ErrorKind::Gated))
}

/// What the request's head no longer says.
pub(super) struct Outgoing {
    /// The target that matched, and what the rewrite makes of it; none: nothing.
    pub(super) target: Option<Box<(Uri, PathAndQuery)>>,
    pub(super) hop: Hop,
}

/// Sends the request, and leaves an empty one.
pub(super) async fn forward(
    exchange: &mut Exchange,
    way: Way<'_>,
    outgoing: &mut Outgoing,
    request: &mut Request<RequestBody>,
) -> Result<Reply, Failure> {
    let client_upgrade = match outgoing.hop.upgrade {
        Some(_) => request.extensions_mut().remove::<OnUpgrade>(),
        None => None,
    };
    outgoing.prepare(&way, request, client_upgrade.is_some());
    exchange.introduce(request);

    // Of what goes out: a policy may have made a gRPC call of the request, or taken time from it.
    let grpc = if way.route.chain.is_empty() {
        exchange.facts.as_ref().is_some_and(|facts| facts.grpc)
    } else {
        grpc::is_call(request.headers())
    };
    let limit = exchange.started + way.route.request_timeout;
    let ends = if grpc {
        exchange.limit_call(request)?
    } else {
        None
    };

    let worker = Rc::clone(&exchange.worker);
    let asked = Cell::new(None);
    let gates = exchange.policies.endpoint_gates();
    let mut call = Call {
        upstream: way.destination(exchange.policies.diverted()),
        began: exchange.started,
        idle: way.route.idle_timeout,
        retry: way.route.retry.as_deref(),
        asked: &asked,
        gates: gates.as_ref().map(|gates| gates as &dyn Endpoints),
    };
    let ends = ends.filter(|ends| *ends < limit);
    let mut deadline = Deadline::new(&worker.deadlines, ends.unwrap_or(limit));
    let sent = loop {
        let sent = async {
            if client_upgrade.is_some() {
                Box::pin(worker.pools.upgrade(call, request)).await
            } else {
                worker.pools.send(call, request).await
            }
        };
        let sent = within(&mut deadline, pin!(sent)).await;
        exchange.endpoint = asked.get();
        if !is_gated(&sent) {
            break sent;
        }
        match exchange.policies.shut() {
            Some(Shut::Unavailable(refusal)) => return Err(Failure::Gate(refusal)),
            Some(Shut::Reply(reply)) => return Ok(exchange.local(*reply)),
            Some(Shut::Upstream(fallback)) if call.gates.is_some() => {
                (call.upstream, call.gates) = (way.destination(Some(fallback)), None);
            }
            Some(Shut::Upstream(_)) | None => break sent,
        }
    };
    let response = match sent {
        None if ends.is_some() => return Err(Failure::Deadline),
        None => return Err(Failure::Timeout),
        Some(Ok(mut response)) => {
            if grpc && has_calls_body(&response) {
                response.body_mut().is_call(&exchange.bodies());
            }
            response
        }
        Some(Err(error)) => return exchange.blame(error),
    };
    exchange.forwarded = true;
    Ok(receive(exchange, way.route, response, client_upgrade))
}

impl Exchange {
    /// Tells the upstream who asks: the last word on the fields that say so.
    fn introduce<B>(&self, request: &mut Request<B>) {
        let Some(fields) = &self.pinned.identity else {
            return;
        };
        let identity = self.policies.identity();
        if !fields.tell(request.headers_mut(), identity.as_deref()) {
            self.policies.note("identity-not-told");
        }
    }

    /// When a gRPC call is to be over, if its client says so.
    fn limit_call<B>(&mut self, request: &Request<B>) -> Result<Option<Instant>, Failure> {
        let Some(timeout) = grpc::timeout(request.headers()) else {
            return Ok(None);
        };
        let ends = self.started.checked_add(timeout);
        if ends.is_some_and(|ends| ends <= Instant::now()) {
            return Err(Failure::Deadline);
        }
        self.bodies().ends.set(ends);
        Ok(ends)
    }
}

/// Whether the response is one of gRPC, whose status has yet to come.
fn has_calls_body<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::OK
        && grpc::is_call(response.headers())
        && !response.headers().contains_key(grpc::GRPC_STATUS)
}

impl Outgoing {
    /// What the upstream is to see.
    fn prepare(&mut self, way: &Way<'_>, request: &mut Request<RequestBody>, upgrades: bool) {
        // A path that a policy has set is the last word on it.
        if let Some(target) = self.target.take()
            && *request.uri() == target.0
        {
            *request.uri_mut() = Uri::from(target.1);
        }
        *request.version_mut() = Version::HTTP_11;
        let headers = request.headers_mut();
        if let Some(host) = way.rewrite.host() {
            headers.insert(header::HOST, host.clone());
        }
        // It has been answered here, when the body was first asked for (RFC 9110 section 10.1.1).
        headers.remove(header::EXPECT);
        way.route.request_headers.apply(headers);
        // A policy may have made a gRPC call of it, which needs that field and cannot set it.
        if self.hop.trailers || (!way.route.chain.is_empty() && grpc::is_call(headers)) {
            headers.insert(header::TE, HeaderValue::from_static("trailers"));
        }
        if let (true, Some(protocol)) = (upgrades, self.hop.upgrade.take()) {
            upgrade::announce(headers, protocol);
        }
    }
}

fn receive(
    exchange: &mut Exchange,
    route: &Route,
    mut response: Response<UpstreamBody>,
    client_upgrade: Option<OnUpgrade>,
) -> Reply {
    let scan = Scan::of(response.headers());
    let hop = fields::take_hop(response.headers_mut(), &scan);
    *response.version_mut() = Version::HTTP_11;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(client) = client_upgrade
        && let Some(protocol) = hop.upgrade
    {
        upgrade::announce(response.headers_mut(), protocol);
        let upstream = hyper::upgrade::on(&mut response);
        tunnel(exchange, route, client, upstream);
    }
    response.map(Source::Peer)
}

/// The stream lives on when the exchange has ended; until then the connection counts as busy, and permits are held.
fn tunnel(exchange: &mut Exchange, route: &Route, client: OnUpgrade, upstream: OnUpgrade) {
    let (worker, connection) = (Rc::clone(&exchange.worker), Rc::clone(&exchange.client));
    let permits = exchange.limits.as_mut().map(|limits| limits.take_permits());
    let idle = route.idle_timeout;
    worker.shard.upgrades.add(1);
    connection.activity.begin();
    tokio::task::spawn_local(async move {
        let begun = Instant::now();
        let (sent, received) = upgrade::tunnel(client, upstream, idle).await;
        connection.activity.end();
        drop(permits);
        tracing::debug!(sent, received, duration = ?begun.elapsed(), "an upgraded stream ended");
    });
}
