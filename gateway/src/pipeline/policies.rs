//! The chain of a route's policies around its action.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;

use super::{
    body::{BodyError, FilteredBody, RequestBody},
    context::{LocalResponse, Replaced},
    exchange::Exchange,
    failure::Failure,
    reply::{Source, speaks_grpc},
    sandbox::{Break, ChainBody, Flow, PhaseError},
};
use crate::snapshot::Route;

/// The request phases, in the order written; some: the answer of one of them.
pub(super) async fn on_request(
    exchange: &mut Exchange,
    route: &Route,
    request: &mut Request<RequestBody>,
) -> Result<Option<LocalResponse>, Failure> {
    if route.chain.is_empty() {
        return Ok(None);
    }
    if let Some(facts) = &exchange.facts {
        exchange.policies = exchange.worker.sandbox.begin(&route.chain, facts);
    }
    let (mut head, body) = std::mem::take(request).into_parts();
    // Boxed: routes without policies do not carry the room for them about.
    match Box::pin(exchange.policies.on_request(&mut head, body)).await {
        Ok(Flow::Next(body)) => {
            let body = unfiltered(body).unwrap_or_else(RequestBody::Filtered);
            *request = Request::from_parts(head, body);
            Ok(None)
        }
        Ok(Flow::Reply(response)) => Ok(Some(response)),
        Ok(Flow::Unavailable(refusal)) => Err(Failure::Gate(refusal)),
        Err(PhaseError::Failure(failure)) => Err(Failure::Plugin(failure)),
        Err(PhaseError::Body(error)) => Err(error.into()),
    }
}

/// The response phases, in the opposite order, for every response: also the gateway's own.
pub(super) async fn on_response(exchange: &mut Exchange, response: &mut Response<Source>) {
    if !exchange.policies.sees_responses() {
        return;
    }
    let (mut head, body) = std::mem::take(response).into_parts();
    *response = match Box::pin(exchange.policies.on_response(&mut head, body)).await {
        Ok(body) => {
            let replaced = head.extensions.remove::<Replaced>().is_some();
            let grpc = exchange.facts.as_ref().is_some_and(|facts| facts.grpc);
            if replaced && grpc && !speaks_grpc(head.status, &head.headers) {
                // A status has no body.
                exchange.local(Response::from_parts(head, Bytes::new()))
            } else {
                let body = unfiltered(body).unwrap_or_else(Source::Filtered);
                Response::from_parts(head, body)
            }
        }
        Err(PhaseError::Failure(failure)) => exchange.answer(Failure::Plugin(failure)),
        Err(PhaseError::Body(error)) => exchange.answer(Failure::Cut(error)),
    };
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
