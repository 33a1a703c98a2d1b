//! To the upstream and back.

use std::{pin::pin, rc::Rc, sync::Arc, time::Instant};

use http::{HeaderValue, Request, Response, StatusCode, Uri, Version, header, uri::PathAndQuery};
use hyper::upgrade::OnUpgrade;

use super::{
    Reply,
    body::RequestBody,
    deadline::{Deadline, within},
    exchange::Exchange,
    failure::Failure,
    protocol::{
        Scan,
        fields::{self, Hop},
        upgrade,
    },
    reply::Source,
    route::Rewrite,
    upstream::{Call, Upstream, UpstreamBody},
};
use crate::snapshot::Route;

/// Where a request is sent.
pub(super) struct Way<'a> {
    pub(super) route: &'a Route,
    pub(super) upstream: &'a Arc<Upstream>,
    pub(super) rewrite: &'a Rewrite,
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

    let worker = Rc::clone(&exchange.worker);
    let call = Call {
        upstream: way.upstream,
        began: exchange.started,
        idle: way.route.idle_timeout,
    };
    let mut deadline = Deadline::new(
        &worker.deadlines,
        exchange.started + way.route.request_timeout,
    );
    let sent = async {
        if client_upgrade.is_some() {
            Box::pin(worker.pools.upgrade(call, request)).await
        } else {
            worker.pools.send(call, request).await
        }
    };
    let response = match within(&mut deadline, pin!(sent)).await {
        None => return Err(Failure::Timeout),
        Some(Ok(response)) => response,
        Some(Err(error)) => return exchange.blame(error),
    };
    exchange.forwarded = true;
    Ok(receive(exchange, way.route, response, client_upgrade))
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
        if self.hop.trailers {
            headers.insert(header::TE, HeaderValue::from_static("trailers"));
        }
        if let (true, Some(protocol)) = (upgrades, self.hop.upgrade.take()) {
            upgrade::announce(headers, protocol);
        }
    }
}

fn receive(
    exchange: &Exchange,
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

/// The stream lives on when the exchange has ended; the connection counts as busy until then.
fn tunnel(exchange: &Exchange, route: &Route, client: OnUpgrade, upstream: OnUpgrade) {
    let (worker, connection) = (Rc::clone(&exchange.worker), Rc::clone(&exchange.client));
    let idle = route.idle_timeout;
    worker.shard.upgrades.add(1);
    connection.activity.begin();
    tokio::task::spawn_local(async move {
        let begun = Instant::now();
        let (sent, received) = upgrade::tunnel(client, upstream, idle).await;
        connection.activity.end();
        tracing::debug!(sent, received, duration = ?begun.elapsed(), "an upgraded stream ended");
    });
}
