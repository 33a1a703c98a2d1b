//! A request's way through the gateway. Read this first.
//!
//! ```text
//! listen -> protocol -> route -> sandbox -> upstream
//!                 reply <- sandbox <- upstream
//! ```
//!
//! Each stage has a module of its own and knows no other; here they are put together. A stage that fails returns
//! its own error, [`failure`] makes an answer of it, [`reply`] writes it down.

pub mod body;
pub mod context;
pub mod deadline;
mod exchange;
mod executor;
pub mod failure;
mod forward;
pub mod listen;
pub mod protocol;
pub mod reply;
pub mod route;
pub mod sandbox;
pub mod upstream;

use std::{convert::Infallible, rc::Rc};

use http::{Request, Response, request};
use hyper::body::Incoming;

use crate::{snapshot::Action, worker::Worker};
use context::{Client, Facts};
use exchange::Exchange;
use failure::Failure;
use protocol::{Refusal, fields, forwarding, normalise};
use reply::ReplyBody;
use route::{Found, NoRoute, RequestView, redirect::RedirectView};

type Reply = Response<ReplyBody>;

/// One exchange, from the request's head to a response whose body carries the rest of it.
///
/// # Errors
/// None: every failure has an answer.
pub async fn serve(
    worker: Rc<Worker>,
    client: Rc<Client>,
    request: Request<Incoming>,
) -> Result<Reply, Infallible> {
    let mut exchange = Exchange::begin(worker, client, &request);
    let reply = match run(&mut exchange, request).await {
        Ok(reply) => reply,
        Err(failure) => exchange.answer(failure.into()),
    };
    Ok(exchange.finish(reply))
}

async fn run(exchange: &mut Exchange, request: Request<Incoming>) -> Result<Reply, Failure> {
    let (mut head, body) = request.into_parts();
    let pinned = Rc::clone(&exchange.pinned);

    // protocol: refuse what is ambiguous, take off what belongs to this hop, tell of the client.
    normalise::admit(&mut head, pinned.limits).map_err(Failure::Refused)?;
    let hop = fields::take_hop(&mut head.headers);
    if hop.chunked && exchange.client.activity.is_ambiguous() {
        return Err(Failure::Refused(Refusal::AmbiguousFraming));
    }
    let facts = forwarding::apply(&mut head, &exchange.client.peer, &pinned.forwarding, || {
        exchange.worker.ids.next()
    });
    exchange.facts = Some(facts.clone());

    // route
    let found = find(&pinned.snapshot().table, &head).map_err(Failure::NoRoute)?;
    let route = pinned.snapshot().table.get(found.index);
    exchange.route = Some(found.index);

    match &route.action {
        Action::Respond(respond) => Ok(exchange.local(respond.response())),
        Action::Redirect(redirect) => {
            let view = redirect_view(&head, &facts);
            let response = redirect
                .response(&view, &found.captures)
                .map_err(|_| Failure::BadTarget)?;
            Ok(exchange.local(response))
        }
        Action::Forward { upstream, rewrite } => {
            let rewritten = rewrite
                .path_and_query(head.uri.path(), head.uri.query(), &found.captures)
                .map_err(|_| Failure::BadTarget)?;
            let outgoing = forward::Outgoing {
                route,
                upstream,
                rewrite,
                rewritten,
                hop,
            };
            forward::forward(exchange, outgoing, head, body).await
        }
    }
}

fn find<R>(table: &route::Table<R>, head: &request::Parts) -> Result<Found, NoRoute> {
    let authority = authority(head);
    let host = without_port(authority);
    let lower;
    let host = if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        lower = host.to_ascii_lowercase();
        &lower
    } else {
        host
    };
    table.find(&RequestView {
        method: &head.method,
        host,
        path: head.uri.path(),
        query: head.uri.query(),
        headers: &head.headers,
    })
}

fn redirect_view<'a>(head: &'a request::Parts, facts: &Facts) -> RedirectView<'a> {
    RedirectView {
        secure: facts.secure,
        authority: authority(head),
        path: head.uri.path(),
        query: head.uri.query(),
    }
}

/// `host`, which `normalise` has checked.
fn authority(head: &request::Parts) -> &str {
    head.headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default()
}

fn without_port(authority: &str) -> &str {
    match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
        _ => authority,
    }
}
