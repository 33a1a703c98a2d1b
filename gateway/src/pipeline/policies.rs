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
    sandbox::{self, Break, ChainBody, Flow, PhaseError, RequestLater},
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
    let flow = match exchange.policies.on_request_now(request) {
        Ok(flow) => flow.map_err(Failure::Plugin)?,
        // Boxed: exchanges that need not wait do not carry the room for it about.
        Err(later) => Box::pin(on_request_later(&exchange.policies, later, request)).await?,
    };
    match flow {
        Flow::Next(()) => Ok(None),
        Flow::Reply(response) => Ok(Some(*response)),
        Flow::Unavailable(refusal) => Err(Failure::Gate(refusal)),
    }
}

async fn on_request_later(
    policies: &sandbox::Exchange,
    later: RequestLater,
    request: &mut Request<RequestBody>,
) -> Result<Flow<()>, PhaseError<BodyError>> {
    let (mut head, body) = std::mem::take(request).into_parts();
    match policies.on_request_later(later, &mut head, body).await? {
        Flow::Next(body) => {
            let body = unfiltered(body).unwrap_or_else(RequestBody::Filtered);
            *request = Request::from_parts(head, body);
            Ok(Flow::Next(()))
        }
        Flow::Reply(reply) => Ok(Flow::Reply(reply)),
        Flow::Unavailable(refusal) => Ok(Flow::Unavailable(refusal)),
    }
}

/// The response phases, in the opposite order, for every response: also the gateway's own.
pub(super) async fn on_response(exchange: &mut Exchange, response: &mut Response<Source>) {
    if !exchange.policies.sees_responses() {
        return;
    }
    let later = match exchange.policies.on_response_now(response) {
        Ok(Ok(())) => return,
        Ok(Err(failure)) => {
            *response = exchange.answer(Failure::Plugin(failure));
            return;
        }
        Err(later) => later,
    };
    let (mut head, body) = std::mem::take(response).into_parts();
    let policies = &exchange.policies;
    *response = match Box::pin(policies.on_response_later(later, &mut head, body)).await {
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

impl From<PhaseError<BodyError>> for Failure {
    fn from(error: PhaseError<BodyError>) -> Self {
        match error {
            PhaseError::Failure(failure) => Self::Plugin(failure),
            PhaseError::Body(error) => error.into(),
        }
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
