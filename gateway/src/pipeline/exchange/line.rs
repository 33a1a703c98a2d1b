//! What the access log says of an exchange.

use std::time::{Duration, SystemTime};

use http::{HeaderValue, Method, Request, Uri, Version, header};

use super::{Exchange, Outcome};
use crate::telemetry::{access::Record, metrics::Observation};

/// What it will say of the request.
pub(super) struct Line {
    time: SystemTime,
    method: Method,
    uri: Uri,
    /// The target's authority comes before it.
    host: Option<HeaderValue>,
    protocol: &'static str,
}

impl Line {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            time: SystemTime::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            host: request.headers().get(header::HOST).cloned(),
            protocol: match request.version() {
                Version::HTTP_2 => "HTTP/2",
                Version::HTTP_10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            },
        }
    }
}

impl Exchange {
    pub(super) fn log(&self, line: &Line, observation: &Observation, outcome: &Outcome) {
        let text = |value: Option<&HeaderValue>| {
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
        let identity = self.policies.identity();
        let identity = identity.as_deref();
        let notes = self.policies.notes();
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
            host: &line.uri.authority().map_or_else(
                || text(line.host.as_ref()),
                |authority| authority.as_str().to_owned(),
            ),
            path: line
                .uri
                .path_and_query()
                .map_or("", |target| target.as_str()),
            protocol: line.protocol,
            status: observation.status,
            grpc_status: observation.grpc_status,
            duration_ms: millis(observation.duration),
            route: route.map(|route| &*route.name),
            upstream: self.destination().map(|upstream| &*upstream.name),
            ending: observation.ending.name(),
            code: answer.map(|answer| answer.code),
            reason: failed.as_deref().or_else(|| answer?.reason.as_deref()),
            subject: identity.and_then(|identity| identity.subject()),
            consumer: identity.and_then(|identity| identity.consumer()),
            tenant: identity.and_then(|identity| identity.tenant()),
            peer: self.client.peer.name(),
            notes: notes.iter().map(|note| &**note).collect(),
            request_bytes: self.bodies.as_ref().map_or(0, |it| it.received.get()),
            response_bytes: self.sent,
            generation: self.pinned.snapshot().generation,
        });
    }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
