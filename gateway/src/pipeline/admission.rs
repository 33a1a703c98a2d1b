//! A route's limits around its policies.

use http::Request;

use super::{
    body::RequestBody,
    exchange::Exchange,
    failure::Failure,
    limit::{Asker, Granted, Phase, RouteLimits},
    limiter::{Awaited, Moment},
};
use crate::snapshot::Route;

/// Asks the limits of one phase.
pub(super) async fn admit(
    exchange: &mut Exchange,
    route: &Route,
    phase: Phase,
    request: &Request<RequestBody>,
) -> Result<(), Failure> {
    let Some(limits) = &route.limits else {
        return Ok(());
    };
    // From here on the client is told of the limits, whoever answers.
    exchange.limits.get_or_insert_default();
    if !limits.has(phase) {
        return Ok(());
    }
    let now = match phase {
        // It has only just begun, and the clock has been read for that.
        Phase::Before => exchange.started.into(),
        Phase::After => Moment::now(),
    };
    match ask(exchange, (route, limits), phase, request, now)? {
        None => Ok(()),
        // Boxed: limits that answer at once do not carry the room for it about.
        Some(awaited) => Box::pin(wait(exchange, (route, limits), phase, request, awaited)).await,
    }
}

/// Some: a limit that answers later.
fn ask(
    exchange: &mut Exchange,
    (route, limits): (&Route, &RouteLimits),
    phase: Phase,
    request: &Request<RequestBody>,
    now: Moment,
) -> Result<Option<Awaited>, Failure> {
    let identity = match phase {
        Phase::Before => None,
        Phase::After => exchange.policies.identity(),
    };
    let client = exchange.facts.as_ref().map(|facts| &facts.client);
    let asker = Asker {
        route: &route.name,
        client: client.unwrap_or(&exchange.client.peer.address).ip(),
        headers: request.headers(),
        identity: identity.as_deref(),
    };
    let granted = exchange.limits.get_or_insert_default();
    limits
        .ask(granted, phase, &asker, now)
        .map_err(|refusal| Failure::Limited(Box::new(refusal)))
}

async fn wait(
    exchange: &mut Exchange,
    (route, limits): (&Route, &RouteLimits),
    phase: Phase,
    request: &Request<RequestBody>,
    mut awaited: Awaited,
) -> Result<(), Failure> {
    loop {
        let decision = awaited.await;
        let granted: &mut Granted = exchange.limits.get_or_insert_default();
        limits
            .settle(granted, decision)
            .map_err(|refusal| Failure::Limited(Box::new(refusal)))?;
        match ask(exchange, (route, limits), phase, request, Moment::now())? {
            None => return Ok(()),
            Some(next) => awaited = next,
        }
    }
}
