//! To the upstream and back.

use std::{pin::pin, rc::Rc, sync::Arc, time::Instant};

use http::{
    HeaderValue, Request, Response, StatusCode, Uri, Version, header, request, uri::PathAndQuery,
};
use hyper::upgrade::OnUpgrade;

use super::{
    Reply,
    body::RequestBody,
    deadline::{Deadline, within},
    exchange::Exchange,
    failure::Failure,
    protocol::{
        fields::{self, Hop},
        upgrade,
    },
    reply::Source,
    route::Rewrite,
    upstream::{Upstream, UpstreamBody},
};
use crate::snapshot::Route;

/// A request on its way out.
pub(super) struct Outgoing<'a> {
    pub(super) route: &'a Route,
    pub(super) upstream: &'a Arc<Upstream>,
    pub(super) rewrite: &'a Rewrite,
    /// The target that matched, and what the rewrite makes of it; none: nothing.
    pub(super) target: Option<(Uri, PathAndQuery)>,
    pub(super) hop: Hop,
}

pub(super) async fn forward(
    exchange: &mut Exchange,
    mut outgoing: Outgoing<'_>,
    mut head: request::Parts,
    body: RequestBody,
) -> Result<Reply, Failure> {
    let client_upgrade = outgoing
        .hop
        .upgrade
        .as_ref()
        .and_then(|_| head.extensions.remove::<OnUpgrade>());
    outgoing.prepare(&mut head, client_upgrade.is_some());
    let request = Request::from_parts(head, body);

    let worker = Rc::clone(&exchange.worker);
    let idle = outgoing.route.idle_timeout;
    let mut deadline = Deadline::new(
        &worker.deadlines,
        exchange.started + outgoing.route.request_timeout,
    );
    let sent = async {
        match client_upgrade {
            Some(_) => Box::pin(worker.pools.upgrade(outgoing.upstream, request, idle)).await,
            None => worker.pools.send(outgoing.upstream, request, idle).await,
        }
    };
    let response = match within(&mut deadline, pin!(sent)).await {
        None => return Err(Failure::Timeout),
        Some(Ok(response)) => response,
        Some(Err(error)) => return exchange.blame(error),
    };
    exchange.forwarded = true;
    Ok(receive(exchange, &outgoing, response, client_upgrade))
}

impl Outgoing<'_> {
    /// What the upstream is to see.
    fn prepare(&mut self, head: &mut request::Parts, upgrades: bool) {
        // A path that a policy has set is the last word on it.
        if let Some((matched, target)) = self.target.take()
            && head.uri == matched
        {
            head.uri = Uri::from(target);
        }
        if let Some(host) = self.rewrite.host() {
            head.headers.insert(header::HOST, host.clone());
        }
        // It has been answered here, when the body was first asked for (RFC 9110 section 10.1.1).
        head.headers.remove(header::EXPECT);
        self.route.request_headers.apply(&mut head.headers);
        if self.hop.trailers {
            head.headers
                .insert(header::TE, HeaderValue::from_static("trailers"));
        }
        if let (true, Some(protocol)) = (upgrades, self.hop.upgrade.take()) {
            upgrade::announce(&mut head.headers, protocol);
        }
        head.version = Version::HTTP_11;
    }
}

fn receive(
    exchange: &Exchange,
    outgoing: &Outgoing<'_>,
    mut response: Response<UpstreamBody>,
    client_upgrade: Option<OnUpgrade>,
) -> Reply {
    let hop = fields::take_hop(response.headers_mut());
    *response.version_mut() = Version::HTTP_11;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(client) = client_upgrade
        && let Some(protocol) = hop.upgrade
    {
        upgrade::announce(response.headers_mut(), protocol);
        let upstream = hyper::upgrade::on(&mut response);
        tunnel(exchange, outgoing.route, client, upstream);
    }
    response.map(Source::Upstream)
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
