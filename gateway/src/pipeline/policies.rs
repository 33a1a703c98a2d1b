//! The chain of a route's policies around its action.

use bytes::Bytes;
use http::{Response, request};
use http_body::Body;
use http_body_util::BodyExt;

use super::{
    body::{BodyError, FilteredBody, RequestBody},
    context::LocalResponse,
    exchange::Exchange,
    failure::Failure,
    reply::Source,
    sandbox::{Break, ChainBody, Flow, PhaseError},
};
use crate::snapshot::Route;

/// What the policies make of a request.
pub(super) enum Admitted {
    Next(RequestBody),
    Reply(LocalResponse),
}

/// The request phases, in the order written.
pub(super) async fn on_request(
    exchange: &mut Exchange,
    route: &Route,
    head: &mut request::Parts,
    body: RequestBody,
) -> Result<Admitted, Failure> {
    if route.chain.is_empty() {
        return Ok(Admitted::Next(body));
    }
    if let Some(facts) = &exchange.facts {
        exchange.policies = exchange.worker.sandbox.begin(&route.chain, facts);
    }
    // Boxed: routes without policies do not carry the room for them about.
    match Box::pin(exchange.policies.on_request(head, body)).await {
        Ok(Flow::Next(body)) => Ok(Admitted::Next(
            unfiltered(body).unwrap_or_else(RequestBody::Filtered),
        )),
        Ok(Flow::Reply(response)) => Ok(Admitted::Reply(response)),
        Err(PhaseError::Failure(failure)) => Err(Failure::Plugin(failure)),
        Err(PhaseError::Body(error)) => Err(error.into()),
    }
}

/// The response phases, in the opposite order, for every response: also the gateway's own.
pub(super) async fn on_response(
    exchange: &mut Exchange,
    response: Response<Source>,
) -> Response<Source> {
    if exchange.policies.is_empty() {
        return response;
    }
    let (mut head, body) = response.into_parts();
    match Box::pin(exchange.policies.on_response(&mut head, body)).await {
        Ok(body) => {
            let body = unfiltered(body).unwrap_or_else(Source::Filtered);
            Response::from_parts(head, body)
        }
        Err(PhaseError::Failure(failure)) => exchange.answer(Failure::Plugin(failure)),
        Err(PhaseError::Body(error)) => exchange.answer(Failure::Cut(error)),
    }
}

/// A body behind a chain, as others see it: itself, when no plugin takes part in it.
fn unfiltered<B>(body: ChainBody<B>) -> Result<B, FilteredBody>
where
    B: Body<Data = Bytes, Error = BodyError> + Unpin + 'static,
{
    body.into_inner().map_err(|filtered| {
        Box::pin(filtered.map_err(|broken| match broken {
            Break::Interrupted => BodyError::Plugin,
            Break::Source(error) => error,
        })) as FilteredBody
    })
}
