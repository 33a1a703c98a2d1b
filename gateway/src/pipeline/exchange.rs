//! One exchange: what is known of it, and what must happen when it ends.
//!
//! It travels with the request through the stages and then in the response's body. Wherever it is dropped, the
//! exchange has ended there.

mod line;

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};

use super::{
    body::{Bodies, BodyError, ClientBody, ClientStream, RequestBody},
    connection::Client,
    context::{Facts, LocalResponse},
    failure::{Answer, Failure},
    grpc,
    limit::Granted,
    protocol::forwarding::X_REQUEST_ID,
    reply::{self, Guard, Outcome, ReplyBody, Source},
    route::{RouteIndex, cors::Share},
    sandbox::{self, Interruption},
    upstream::{self, Upstream},
};
use crate::{
    config::raw::AccessLog as Logged,
    snapshot::Route,
    telemetry::metrics::{Ending, Observation},
    worker::{Pinned, Worker},
};
use line::Line;

/// What a client is told when it was told nothing: it went away first.
const CLIENT_GONE: u16 = 499;

/// One exchange.
pub struct Exchange {
    pub worker: Rc<Worker>,
    pub client: Rc<Client>,
    pub pinned: Rc<Pinned>,
    pub facts: Option<Facts>,
    pub route: Option<RouteIndex>,
    pub bodies: Option<Rc<Bodies>>,
    pub policies: sandbox::Exchange,
    /// What limits have granted, on a route that has some.
    pub limits: Option<Granted>,
    /// An upstream's response is on its way to the client.
    pub forwarded: bool,
    /// Which of the upstream's endpoints was asked last.
    pub endpoint: Option<usize>,
    pub started: Instant,
    /// Until the response's head, for policies that ask.
    time_to_head: Option<Duration>,
    /// What the page that the request comes from may see, on a route with `cors`.
    pub share: Option<Share>,
    /// The client speaks gRPC-Web.
    web: bool,
    status: Option<StatusCode>,
    /// Of a gRPC call, once it is known.
    grpc_status: Option<u8>,
    answer: Option<Answer>,
    line: Option<Line>,
    sent: u64,
    waiting: bool,
    ended: bool,
}

impl Exchange {
    /// Boxed, since it moves into the response's body.
    pub fn begin<B>(
        worker: &Rc<Worker>,
        client: &Rc<Client>,
        request: &Request<B>,
        web: bool,
    ) -> Box<Self> {
        client.activity.begin();
        Box::new(Self {
            worker: Rc::clone(worker),
            client: Rc::clone(client),
            pinned: worker.pin(),
            facts: None,
            route: None,
            bodies: None,
            policies: sandbox::Exchange::none(),
            limits: None,
            forwarded: false,
            endpoint: None,
            started: Instant::now(),
            time_to_head: None,
            share: None,
            web,
            status: None,
            grpc_status: None,
            answer: None,
            line: (worker.logs() != Logged::Off).then(|| Line::of(request)),
            sent: 0,
            waiting: false,
            ended: false,
        })
    }

    /// The request's body, bounded as its route says.
    pub fn receive(&mut self, route: &Route, incoming: ClientStream) -> RequestBody {
        if incoming.is_end_stream() {
            return RequestBody::default();
        }
        let bodies = self.bodies();
        let deadlines = &self.worker.deadlines;
        RequestBody::Peer(Box::new(ClientBody::new(
            incoming,
            route.body_limit,
            route.idle_timeout,
            deadlines,
            bodies,
            self.pinned.identity.clone(),
        )))
    }

    /// What the bodies of this exchange share.
    pub fn bodies(&mut self) -> Rc<Bodies> {
        Rc::clone(self.bodies.get_or_insert_default())
    }

    /// A whole response made in the gateway.
    pub fn local(&self, response: LocalResponse) -> Response<Source> {
        let grpc = self.facts.as_ref().is_some_and(|facts| facts.grpc);
        let response = if grpc {
            reply::as_grpc(response)
        } else {
            response
        };
        response.map(Source::whole)
    }

    /// The gateway's own answer to a failure.
    pub fn answer(&mut self, failure: Failure) -> Response<Source> {
        // What comes next on a connection whose framing is in doubt must not be read (RFC 9112 section 11.2).
        let closes = matches!(failure, Failure::Refused(_));
        let answer = Answer::from(failure);
        let mut response = reply::answer(&answer, self.facts.as_ref());
        if closes && !self.client.speaks_http2 {
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        self.answer = Some(answer);
        response.map(Source::whole)
    }

    /// Who is at fault when an upstream did not answer: a body that breaks off shows as the upstream's failure.
    ///
    /// # Errors
    /// Always, unless a plugin broke the request's body off with an answer of its own.
    pub fn blame(&self, error: upstream::Error) -> Result<Response<Source>, Failure> {
        match self.policies.interruption() {
            Some(Interruption::Reply(response)) => return Ok(self.local(*response)),
            Some(Interruption::Failure(failure)) => return Err(Failure::Plugin(failure)),
            None => {}
        }
        let bodies = self.bodies.as_ref();
        let upload = bodies.and_then(|bodies| bodies.failure.get());
        Err(upload.map_or(Failure::Upstream(error), Failure::Upload))
    }

    /// Sends the exchange off with its response.
    pub fn finish(mut self: Box<Self>, mut response: Response<Source>) -> Response<ReplyBody> {
        if self.web {
            response = for_web(response);
        }
        if let Some(route) = self.matched() {
            route.response_headers.apply(response.headers_mut());
            if let (Some(limits), Some(granted)) = (&route.limits, &self.limits) {
                limits.tell(granted, response.headers_mut());
            }
            if let (Some(cors), Some(share)) = (&route.cors, &self.share) {
                let call = self.facts.as_ref().is_some_and(|facts| facts.grpc);
                cors.apply(share, call, response.headers_mut());
            }
        }
        self.status = Some(response.status());
        if !self.policies.is_empty() {
            self.time_to_head = Some(self.started.elapsed());
        }
        self.take_grpc_status(response.headers());
        self.identify(response.headers_mut());
        let (head, body) = response.into_parts();
        Response::from_parts(head, ReplyBody::new(body, self))
    }

    fn take_grpc_status(&mut self, fields: &HeaderMap) {
        if self.facts.as_ref().is_some_and(|facts| facts.grpc)
            && let Some(status) = grpc::status(fields)
        {
            self.grpc_status = Some(status);
        }
    }

    fn identify(&self, headers: &mut HeaderMap) {
        if let Some(facts) = &self.facts {
            headers.insert(X_REQUEST_ID, facts.id.clone());
        }
    }

    fn matched(&self) -> Option<&Route> {
        self.route
            .map(|index| &**self.pinned.snapshot().table.get(index))
    }

    fn end(&mut self, outcome: &Outcome) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        // A gRPC call that was cut ends with a status, as whole as any.
        let cut = self.bodies.as_ref().and_then(|bodies| bodies.cut.take());
        let cut = cut.map(Outcome::Failed);
        let outcome = cut.as_ref().unwrap_or(outcome);
        if self.waiting {
            self.client.activity.take();
        }
        self.client.activity.end();
        let observation = Observation {
            status: self.status.map_or(CLIENT_GONE, |status| status.as_u16()),
            duration: self.started.elapsed(),
            ending: self.ending(outcome),
            grpc_status: self.grpc_status,
        };
        self.worker.counters.observe(self.matched(), &observation);
        for note in self.policies.notes() {
            self.worker.counters.note(self.matched(), &note);
        }
        if !self.policies.is_empty() {
            self.policies.end(self.summary(&observation), |summary| {
                let upstream = self.destination();
                summary.upstream = upstream.map(|upstream| Arc::clone(&upstream.name));
                summary.endpoint = self.endpoint();
            });
        }
        if self.route.is_none() {
            self.worker.shard.requests_refused.add(1);
        }
        if let Some(line) = &self.line
            && (self.worker.logs() == Logged::On || self.answer.is_some())
        {
            self.log(line, &observation, outcome);
        }
    }

    fn ending(&self, outcome: &Outcome) -> Ending {
        let timeout = |answer: &Answer| answer.code.ends_with("timeout");
        match (outcome, &self.answer) {
            (Outcome::Dropped, _) => Ending::ClientGone,
            (Outcome::Failed(BodyError::Idle(_) | BodyError::Deadline(_)), _) => Ending::Timeout,
            (Outcome::Failed(_), _) => Ending::UpstreamFailed,
            (Outcome::Complete, Some(answer)) if timeout(answer) => Ending::Timeout,
            (Outcome::Complete, Some(answer)) if answer.code.starts_with("upstream") => {
                Ending::UpstreamFailed
            }
            (Outcome::Complete, _) if self.forwarded => Ending::Complete,
            (Outcome::Complete, _) => Ending::AnsweredHere,
        }
    }

    /// Without the upstream and the endpoint.
    fn summary(&self, observation: &Observation) -> sandbox::Summary {
        let ending = match observation.ending {
            Ending::Complete => sandbox::Ending::Complete,
            Ending::ClientGone => sandbox::Ending::ClientGone,
            Ending::UpstreamFailed => sandbox::Ending::UpstreamFailed,
            Ending::Timeout => sandbox::Ending::Timeout,
            Ending::AnsweredHere => sandbox::Ending::AnsweredHere,
        };
        sandbox::Summary {
            status: self.status.map(|status| status.as_u16()),
            duration: observation.duration,
            time_to_head: self.time_to_head,
            grpc_status: self.grpc_status,
            code: self.answer.as_ref().map(|answer| answer.code),
            ..sandbox::Summary::new(ending)
        }
    }

    /// The upstream that was asked, or would have been.
    fn destination(&self) -> Option<&Arc<Upstream>> {
        let route = self.matched()?;
        let fallback = self.policies.diverted();
        let fallback = fallback.and_then(|index| route.fallbacks.get(index));
        fallback.or_else(|| route.upstream())
    }

    /// The URL of the endpoint that was asked last.
    fn endpoint(&self) -> Option<Arc<str>> {
        let endpoints = &self.destination()?.endpoints;
        Some(Arc::clone(&endpoints.get(self.endpoint?)?.url))
    }
}

/// A response as gRPC-Web can carry it.
fn for_web(mut response: Response<Source>) -> Response<Source> {
    if !grpc::is_call(response.headers()) {
        response = reply::as_status(&response).map(Source::whole);
    }
    // What goes out is longer: it has the trailers, and may be text.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
}

impl Guard for Exchange {
    fn given(&mut self, bytes: usize) {
        self.sent += bytes as u64;
        if !self.waiting {
            self.waiting = true;
            self.client.activity.give();
        }
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        self.take_grpc_status(trailers);
    }

    fn asked(&mut self) {
        if self.waiting {
            self.waiting = false;
            self.client.activity.take();
        }
    }

    fn ended(mut self: Box<Self>, outcome: Outcome) {
        self.end(&outcome);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(&Outcome::Dropped);
    }
}
