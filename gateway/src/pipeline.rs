//! A request's way through the gateway. Read this first.
//!
//! ```text
//! listen -> protocol -> route -> limit -> sandbox -> limit -> upstream
//!                 reply <- sandbox <- upstream
//! ```
//!
//! Each stage has a module of its own and knows no other; here they are put together. A stage that fails returns
//! its own error, [`failure`] makes an answer of it, [`reply`] writes it down. Around all of them, [`grpc_web`] makes
//! gRPC of gRPC-Web.

mod admission;
pub mod body;
mod connection;
pub mod context;
pub mod deadline;
mod exchange;
mod executor;
pub mod failure;
mod forward;
pub mod gate;
pub mod grpc;
pub mod grpc_web;
pub mod identity;
pub mod limit;
pub mod limiter;
pub mod listen;
mod lookup;
mod policies;
pub mod protocol;
pub mod reply;
pub mod route;
pub mod sandbox;
pub mod upstream;

use std::{convert::Infallible, rc::Rc};

use futures_util::future::{Either, ready};
use http::{Request, Response};
use hyper::body::Incoming;
use tower::{Service, ServiceBuilder};

use crate::{snapshot::Action, worker::Worker};
pub use connection::serve;

use body::{ClientStream, RequestBody};
use connection::Client;
use context::LocalResponse;
use exchange::Exchange;
use failure::Failure;
use forward::{Outgoing, Way};
use grpc_web::{GrpcWeb, Web};
use limit::Phase;
use lookup::{preflight, redirect_view, viewed};
use protocol::{Refusal, Scan, fields, forwarding, normalise};
use reply::{ReplyBody, Source};
use route::RouteIndex;

/// A response before it is bound to the end of its exchange.
type Reply = Response<Source>;

/// What an exchange came to on its way in.
type Advanced = Result<(Box<Exchange>, Reply), (Box<Exchange>, Failure)>;

/// What serves the requests of one client connection. It has no error: every failure has an answer.
pub fn stack(worker: &Rc<Worker>, client: &Rc<Client>) -> impl Served<Request<Incoming>> {
    // One count for each service: they are cloned with every request.
    let ends = Rc::new((Rc::clone(worker), Rc::clone(client)));
    let plain = exchanges::<Incoming>(Rc::clone(&ends), false);
    GrpcWeb::around(plain, exchanges::<Web>(ends, true))
}

/// A service that has an answer to everything.
pub trait Served<R>:
    Service<R, Response = Response<ReplyBody>, Error = Infallible, Future = Self::Answering> + Clone
{
    type Answering: Future<Output = Result<Response<ReplyBody>, Infallible>> + 'static;
}

impl<R, S> Served<R> for S
where
    S: Service<R, Response = Response<ReplyBody>, Error = Infallible> + Clone,
    S::Future: 'static,
{
    type Answering = S::Future;
}

/// One exchange after the other; `web` are those that tonic-web translates.
fn exchanges<B>(
    ends: Rc<(Rc<Worker>, Rc<Client>)>,
    web: bool,
) -> impl Served<(Scan, Request<B>)> + 'static
where
    B: Into<ClientStream> + 'static,
{
    ServiceBuilder::new()
        .map_request(move |(scan, request): (Scan, Request<B>)| {
            let exchange = Exchange::begin(&ends.0, &ends.1, &request, web);
            (exchange, scan, request)
        })
        .map_response(|(exchange, reply): (Box<Exchange>, Reply)| exchange.finish(reply))
        .then(unwind)
        .service_fn(advance)
}

/// An exchange and its request go in, the exchange and what came of the request come out.
///
/// Here and in `unwind` all that need not wait is done before the future is made: it is moved several times, and
/// would carry room for every value that it ever held.
fn advance<B: Into<ClientStream>>(
    (mut exchange, scan, request): (Box<Exchange>, Scan, Request<B>),
) -> impl Future<Output = Result<Advanced, Infallible>> + use<B> {
    match plan(&mut exchange, &scan, request) {
        Ok(mut planned) => Either::Left(async move {
            Ok(match run(&mut exchange, &mut planned).await {
                Ok(reply) => Ok((exchange, reply)),
                Err(failure) => Err((exchange, failure)),
            })
        }),
        Err(early) => Either::Right(ready(Ok(match *early {
            Early::Answer(response) => {
                let reply = exchange.local(response);
                Ok((exchange, reply))
            }
            Early::Failure(failure) => Err((exchange, failure)),
        }))),
    }
}

/// On the way back: a failure gets its answer, and the policies see whatever goes to the client.
fn unwind(
    advanced: Result<Advanced, Infallible>,
) -> impl Future<Output = Result<(Box<Exchange>, Reply), Infallible>> {
    let (mut exchange, mut reply) = match advanced.unwrap_or_else(|never| match never {}) {
        Ok(advanced) => advanced,
        Err((mut exchange, failure)) => {
            let reply = exchange.answer(failure);
            (exchange, reply)
        }
    };
    async move {
        policies::on_response(&mut exchange, &mut reply).await;
        Ok((exchange, reply))
    }
}

/// A request that has found its route, and what the route's action makes of the path that it came with.
struct Planned {
    route: RouteIndex,
    request: Request<RequestBody>,
    outgoing: Outgoing,
    redirect: Option<Box<LocalResponse>>,
}

/// What goes back to the client before any policy has seen the request.
enum Early {
    Answer(LocalResponse),
    Failure(Failure),
}

impl From<Failure> for Box<Early> {
    fn from(failure: Failure) -> Self {
        Self::new(Early::Failure(failure))
    }
}

/// The stages before the policies.
fn plan<B: Into<ClientStream>>(
    exchange: &mut Exchange,
    scan: &Scan,
    request: Request<B>,
) -> Result<Planned, Box<Early>> {
    let (mut head, body) = request.into_parts();
    let pinned = Rc::clone(&exchange.pinned);

    // protocol: refuse what is ambiguous, take off what belongs to this hop, tell of the client.
    let admitted = normalise::admit(&mut head, scan, pinned.limits);
    let hop = fields::take_hop(&mut head.headers, scan);
    if let Some(identity) = &pinned.identity {
        identity.strip(&mut head.headers, scan.claims);
    }
    // Also of a request that is refused: its answer and its record have an id, and a gRPC client is told in its way.
    let peer = &exchange.client.peer;
    let facts = forwarding::apply(&mut head, scan, peer, &pinned.forwarding, || {
        exchange.worker.ids.next()
    });
    let facts = &*exchange.facts.insert(facts);
    admitted.map_err(Failure::Refused)?;
    if hop.chunked && exchange.client.activity.is_ambiguous() {
        return Err(Failure::Refused(Refusal::AmbiguousFraming).into());
    }
    if scan.preflight
        && let Some((route, answer)) = preflight(&pinned.snapshot().table, &head)
    {
        exchange.route = Some(route);
        return Err(answer.map(Early::Answer).map_or_else(Box::from, Box::new));
    }

    // route: whatever the action makes of the path, it makes of the one that matched.
    let table = &pinned.snapshot().table;
    let found = viewed(&head, &head.method, |view| table.find(view)).map_err(Failure::NoRoute)?;
    exchange.route = Some(found.index);
    let route = table.get(found.index);
    if let Some(cors) = &route.cors {
        exchange.share = Some(cors.share(&head.headers));
    }
    let (mut target, mut redirect) = (None, None);
    match &route.action {
        Action::Respond(_) => {}
        Action::Redirect(action) => {
            let response = action.response(&redirect_view(&head, facts), &found.captures);
            redirect = response.ok().map(Box::new);
        }
        Action::Forward { rewrite, .. } => {
            let (path, query) = (head.uri.path(), head.uri.query());
            let rewritten = rewrite.path_and_query(path, query, &found.captures);
            let rewritten = rewritten.map_err(|_| Failure::BadTarget)?;
            target = rewritten.map(|rewritten| Box::new((head.uri.clone(), rewritten)));
        }
    }
    let body = exchange.receive(route, body.into());
    Ok(Planned {
        route: found.index,
        request: Request::from_parts(head, body),
        outgoing: Outgoing { target, hop },
        redirect,
    })
}

/// The stages that may wait.
async fn run(exchange: &mut Exchange, planned: &mut Planned) -> Result<Reply, Failure> {
    let pinned = Rc::clone(&exchange.pinned);
    let route = pinned.snapshot().table.get(planned.route);

    // limit
    admission::admit(exchange, route, Phase::Before, &planned.request).await?;

    // sandbox
    let reply = policies::on_request(exchange, route, &mut planned.request).await?;
    if let Some(response) = reply {
        return Ok(exchange.local(response));
    }

    // limit, by what the policies have found out of who asks
    admission::admit(exchange, route, Phase::After, &planned.request).await?;

    match &route.action {
        Action::Respond(respond) => Ok(exchange.local(respond.response())),
        Action::Redirect(_) => match planned.redirect.take() {
            Some(response) => Ok(exchange.local(*response)),
            None => Err(Failure::BadTarget),
        },
        // upstream
        Action::Forward { upstream, rewrite } => {
            let way = Way {
                route,
                upstream,
                rewrite,
            };
            forward::forward(exchange, way, &mut planned.outgoing, &mut planned.request).await
        }
    }
}

#[cfg(test)]
mod tests;
