//! One exchange: what is known of it, and what must happen when it ends.
//!
//! It travels with the request through the stages and then in the response's body. Wherever it is dropped, the
//! exchange has ended there.

use std::{
    rc::Rc,
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;

use super::{
    body::{BodyError, Upload},
    context::{Client, Facts, LocalResponse},
    failure::Answer,
    protocol::forwarding::X_REQUEST_ID,
    reply::{self, Guard, Outcome, ReplyBody},
    route::RouteIndex,
};
use crate::{
    config::raw::AccessLog as Logged,
    snapshot::Route,
    telemetry::{
        access::Record,
        metrics::{Ending, Observation},
    },
    worker::{Pinned, Worker},
};

/// What a client is told when it was told nothing: it went away first.
const CLIENT_GONE: u16 = 499;

/// One exchange.
pub struct Exchange {
    pub worker: Rc<Worker>,
    pub client: Rc<Client>,
    pub pinned: Rc<Pinned>,
    pub facts: Option<Facts>,
    pub route: Option<RouteIndex>,
    pub upload: Option<Rc<Upload>>,
    /// An upstream's response is on its way to the client.
    pub forwarded: bool,
    pub started: Instant,
    status: Option<StatusCode>,
    answer: Option<Answer>,
    line: Option<Line>,
    sent: u64,
    waiting: bool,
    ended: bool,
}

/// What the access log will say of the request.
struct Line {
    time: SystemTime,
    method: Method,
    uri: Uri,
    host: Option<http::HeaderValue>,
    protocol: &'static str,
}

impl Exchange {
    /// Boxed, since it moves into the response's body.
    pub fn begin(worker: Rc<Worker>, client: Rc<Client>, request: &Request<Incoming>) -> Box<Self> {
        client.activity.begin();
        let line = (worker.logs() != Logged::Off).then(|| Line::of(request));
        Box::new(Self {
            pinned: worker.pin(),
            worker,
            client,
            facts: None,
            route: None,
            upload: None,
            forwarded: false,
            started: Instant::now(),
            status: None,
            answer: None,
            line,
            sent: 0,
            waiting: false,
            ended: false,
        })
    }

    /// A whole response made in the gateway.
    pub fn local(&self, response: LocalResponse) -> Response<ReplyBody> {
        let grpc = self.facts.as_ref().is_some_and(|facts| facts.grpc);
        let mut response = if grpc {
            reply::as_grpc(response)
        } else {
            response
        };
        if let Some(route) = self.matched() {
            route.response_headers.apply(response.headers_mut());
        }
        response.map(ReplyBody::whole)
    }

    /// The gateway's own answer to a failure.
    pub fn answer(&mut self, answer: Answer) -> Response<ReplyBody> {
        let response = reply::answer(&answer, self.facts.as_ref());
        self.answer = Some(answer);
        let closes = self.route.is_none() && response.status() == StatusCode::BAD_REQUEST;
        let mut response = response.map(ReplyBody::whole);
        if closes {
            // What comes next on a connection whose framing is in doubt must not be read (RFC 9112 section 11.2).
            response
                .headers_mut()
                .insert(header::CONNECTION, http::HeaderValue::from_static("close"));
        }
        response
    }

    /// Sends the exchange off with its response.
    pub fn finish(mut self: Box<Self>, mut response: Response<ReplyBody>) -> Response<ReplyBody> {
        self.status = Some(response.status());
        self.identify(response.headers_mut());
        let (head, body) = response.into_parts();
        Response::from_parts(head, body.guarded(self))
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
        if self.waiting {
            self.client.activity.take();
        }
        self.client.activity.end();
        let observation = Observation {
            status: self.status.map_or(CLIENT_GONE, |status| status.as_u16()),
            duration: self.started.elapsed(),
            ending: self.ending(outcome),
        };
        self.worker.counters.observe(self.matched(), &observation);
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
            (Outcome::Failed(BodyError::Idle(_)), _) => Ending::Timeout,
            (Outcome::Failed(_), _) => Ending::UpstreamFailed,
            (Outcome::Complete, Some(answer)) if timeout(answer) => Ending::Timeout,
            (Outcome::Complete, Some(answer)) if answer.code.starts_with("upstream") => {
                Ending::UpstreamFailed
            }
            (Outcome::Complete, _) if self.forwarded => Ending::Complete,
            (Outcome::Complete, _) => Ending::AnsweredHere,
        }
    }

    fn log(&self, line: &Line, observation: &Observation, outcome: &Outcome) {
        let text = |value: Option<&http::HeaderValue>| {
            value
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .unwrap_or_default()
        };
        let route = self.matched();
        let failed = match outcome {
            Outcome::Failed(error) => Some(error.to_string()),
            Outcome::Complete | Outcome::Dropped => None,
        };
        let answer = self.answer.as_ref();
        let time = line
            .time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        self.worker.log(&Record {
            time: time.as_secs_f64(),
            id: &text(self.facts.as_ref().map(|facts| &facts.id)),
            client: self
                .facts
                .as_ref()
                .map_or(self.client.peer.address, |facts| facts.client)
                .ip(),
            method: line.method.as_str(),
            host: &text(line.host.as_ref()),
            path: line
                .uri
                .path_and_query()
                .map_or("", |target| target.as_str()),
            protocol: line.protocol,
            status: observation.status,
            duration_ms: millis(observation.duration),
            route: route.map(|route| &*route.name),
            upstream: route
                .and_then(Route::upstream)
                .map(|upstream| &*upstream.name),
            ending: observation.ending.name(),
            code: answer.map(|answer| answer.code),
            reason: failed.as_deref().or_else(|| answer?.reason.as_deref()),
            request_bytes: self.upload.as_ref().map_or(0, |upload| upload.bytes.get()),
            response_bytes: self.sent,
            generation: self.pinned.snapshot().generation,
        });
    }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

impl Line {
    fn of(request: &Request<Incoming>) -> Self {
        Self {
            time: SystemTime::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            host: request.headers().get(header::HOST).cloned(),
            protocol: if request.version() == http::Version::HTTP_2 {
                "HTTP/2"
            } else {
                "HTTP/1.1"
            },
        }
    }
}

impl Guard for Exchange {
    fn given(&mut self, bytes: usize) {
        self.sent += bytes as u64;
        if !self.waiting {
            self.waiting = true;
            self.client.activity.give();
        }
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
