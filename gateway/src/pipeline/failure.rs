//! The one table from error to answer.
//!
//! Every stage's errors become an [`Answer`] here and nowhere else: a status, a stable `code` for programs, a
//! sentence for people, who is at fault, and for gRPC a status of its own. docs/errors.md lists them.

use std::{borrow::Cow, time::Duration};

use http::{HeaderName, HeaderValue, StatusCode, header};

use super::{
    body::{BodyError, UploadFailure},
    context::Fault,
    gate,
    grpc::{
        self, DEADLINE_EXCEEDED, INTERNAL, INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED,
        UNAVAILABLE, UNIMPLEMENTED,
    },
    limit,
    limiter::Cause,
    protocol::Refusal,
    route::NoRoute,
    sandbox::{self, FailureKind},
    upstream::{self, ErrorKind},
};

/// Why the gateway answers in the upstream's place.
#[derive(Debug)]
pub enum Failure {
    Refused(Refusal),
    NoRoute(NoRoute),
    /// A rewrite or redirect made something that is no path.
    BadTarget,
    /// A page of this origin may not use the route.
    Origin,
    /// A gate of a plugin does not let it pass.
    Gate(gate::Refusal),
    /// A limit has nothing left for this request.
    Limited(Box<limit::Refusal>),
    Upload(UploadFailure),
    Upstream(upstream::Error),
    /// The route's `request` timeout passed.
    Timeout,
    /// The time passed that a gRPC client gives its call.
    Deadline,
    Plugin(sandbox::Failure),
    /// The upstream's response broke off while a plugin waited for all of it.
    Cut(BodyError),
}

/// What the client is told, and what the operator is.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub code: &'static str,
    /// For the client: nothing about the inside.
    pub detail: Cow<'static, str>,
    pub fault: Fault,
    /// <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>
    pub grpc: u8,
    pub header: Option<(HeaderName, HeaderValue)>,
    /// When to come again.
    pub retry_after: Option<Duration>,
    /// For the log.
    pub reason: Option<String>,
}

impl Answer {
    pub fn new(
        status: StatusCode,
        code: &'static str,
        fault: Fault,
        grpc: u8,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            fault,
            grpc,
            header: None,
            retry_after: None,
            reason: None,
        }
    }

    #[must_use]
    pub fn because(mut self, reason: impl std::fmt::Display) -> Self {
        self.reason = Some(reason.to_string());
        self
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refused(refusal),
            Failure::NoRoute(none) => no_route(none),
            Failure::BadTarget => Self::new(
                StatusCode::BAD_REQUEST,
                "bad-target",
                Fault::Client,
                INVALID_ARGUMENT,
                "the path cannot be rewritten",
            ),
            Failure::Origin => Self::new(
                StatusCode::FORBIDDEN,
                "origin-refused",
                Fault::Client,
                PERMISSION_DENIED,
                "pages of this origin may not use this route",
            ),
            Failure::Gate(refusal) => gated(&refusal),
            Failure::Limited(refusal) => limited(&refusal),
            Failure::Upload(failure) => upload(failure),
            Failure::Upstream(error) => upstream_failed(&error),
            Failure::Timeout => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "upstream-timeout",
                Fault::Upstream,
                DEADLINE_EXCEEDED,
                "the service did not answer in time",
            ),
            Failure::Deadline => deadline(),
            Failure::Plugin(failure) => plugin_failed(&failure),
            Failure::Cut(error) => Self::new(
                StatusCode::BAD_GATEWAY,
                "upstream-reset",
                Fault::Upstream,
                UNAVAILABLE,
                "the service broke off its answer",
            )
            .because(error),
        }
    }
}

fn deadline() -> Answer {
    Answer::new(
        StatusCode::GATEWAY_TIMEOUT,
        "call-timeout",
        Fault::Upstream,
        DEADLINE_EXCEEDED,
        "the call's deadline has passed",
    )
}

/// RFC 6585 section 4
fn limited(refusal: &limit::Refusal) -> Answer {
    let (status, code, grpc, detail) = match refusal.cause {
        Cause::Rate | Cause::Cost => (
            StatusCode::TOO_MANY_REQUESTS,
            "rate-limited",
            RESOURCE_EXHAUSTED,
            "too many requests",
        ),
        Cause::Concurrency => (
            StatusCode::TOO_MANY_REQUESTS,
            "concurrency-limited",
            RESOURCE_EXHAUSTED,
            "too many requests at a time",
        ),
        Cause::Key => (
            StatusCode::FORBIDDEN,
            "limit-key-missing",
            PERMISSION_DENIED,
            "the request does not say whom to count it for",
        ),
    };
    let mut answer = Answer::new(status, code, Fault::Client, grpc, detail).because(refusal);
    if let Some(seconds) = refusal.retry_after_seconds() {
        answer.header = Some((header::RETRY_AFTER, HeaderValue::from(seconds)));
    }
    answer
}

fn gated(refusal: &gate::Refusal) -> Answer {
    let mut answer = Answer::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "circuit-open",
        Fault::Upstream,
        UNAVAILABLE,
        "the service is given time to recover",
    )
    .because(refusal);
    answer.retry_after = Some(Duration::from_millis(refusal.after));
    answer
}

fn plugin_failed(failure: &sandbox::Failure) -> Answer {
    let (status, code, grpc, detail) = match (&failure.kind, failure.fault()) {
        (FailureKind::BodyTooLarge(_), Fault::Client) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            RESOURCE_EXHAUSTED,
            "the body is too long",
        ),
        (FailureKind::BodyTooLarge(_), _) => (
            StatusCode::BAD_GATEWAY,
            "upstream-body-too-large",
            INTERNAL,
            "the answer is too long",
        ),
        (FailureKind::Timeout(_) | FailureKind::Waited(_), _) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "plugin-timeout",
            UNAVAILABLE,
            "a policy took too long",
        ),
        (FailureKind::Exhausted(_), _) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "plugin-exhausted",
            UNAVAILABLE,
            "a policy is overloaded",
        ),
        (FailureKind::Unready(_), _) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "plugin-unready",
            UNAVAILABLE,
            "a policy waits for what it needs to know",
        ),
        (
            FailureKind::Trap(_)
            | FailureKind::Memory(_)
            | FailureKind::Failed(_)
            | FailureKind::Invalid(_),
            _,
        ) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "plugin-failed",
            INTERNAL,
            "a policy failed",
        ),
    };
    Answer::new(status, code, failure.fault(), grpc, detail).because(failure)
}

fn refused(refusal: Refusal) -> Answer {
    let (status, code, grpc) = match refusal {
        Refusal::Connect => (
            StatusCode::NOT_IMPLEMENTED,
            "connect-refused",
            UNIMPLEMENTED,
        ),
        Refusal::Trace => (StatusCode::NOT_IMPLEMENTED, "trace-refused", UNIMPLEMENTED),
        Refusal::UriTooLong => (StatusCode::URI_TOO_LONG, "uri-too-long", RESOURCE_EXHAUSTED),
        Refusal::HeadTooLarge => (
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "head-too-large",
            RESOURCE_EXHAUSTED,
        ),
        Refusal::NoHost | Refusal::ManyHosts | Refusal::BadHost => {
            (StatusCode::BAD_REQUEST, "bad-host", INTERNAL)
        }
        Refusal::BadEscape
        | Refusal::ControlCharacter
        | Refusal::Backslash
        | Refusal::AboveRoot => (StatusCode::BAD_REQUEST, "bad-path", INTERNAL),
        Refusal::AmbiguousFraming => (StatusCode::BAD_REQUEST, "ambiguous-framing", INTERNAL),
    };
    Answer::new(status, code, Fault::Client, grpc, refusal.to_string())
}

fn no_route(none: NoRoute) -> Answer {
    match none {
        NoRoute::NotFound => Answer::new(
            StatusCode::NOT_FOUND,
            "no-route",
            Fault::Client,
            UNIMPLEMENTED,
            "no route matches this request",
        ),
        NoRoute::MethodNotAllowed { allow } => {
            let mut answer = Answer::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                Fault::Client,
                UNIMPLEMENTED,
                "no route at this path takes this method",
            );
            answer.header = Some((header::ALLOW, allow));
            answer
        }
    }
}

fn upload(failure: UploadFailure) -> Answer {
    let (status, code, grpc, detail) = match failure {
        UploadFailure::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            RESOURCE_EXHAUSTED,
            "the body is too long",
        ),
        UploadFailure::Idle => (
            StatusCode::REQUEST_TIMEOUT,
            "body-timeout",
            DEADLINE_EXCEEDED,
            "the body came too slowly",
        ),
        UploadFailure::Gone => (
            StatusCode::BAD_REQUEST,
            "body-incomplete",
            INTERNAL,
            "the body did not come to its end",
        ),
        UploadFailure::Malformed => (
            StatusCode::BAD_REQUEST,
            "body-malformed",
            INTERNAL,
            "the body is not what its content type says",
        ),
        UploadFailure::Deadline => return deadline(),
    };
    Answer::new(status, code, Fault::Client, grpc, detail)
}

fn upstream_failed(error: &upstream::Error) -> Answer {
    let (status, code, detail) = match error.kind {
        ErrorKind::Connect(_) => (
            StatusCode::BAD_GATEWAY,
            "upstream-unreachable",
            "the service cannot be reached",
        ),
        ErrorKind::Tls(_) => (
            StatusCode::BAD_GATEWAY,
            "upstream-tls",
            "the service could not be reached safely",
        ),
        ErrorKind::ConnectTimeout(_) => (
            StatusCode::GATEWAY_TIMEOUT,
            "upstream-connect-timeout",
            "the service cannot be reached",
        ),
        ErrorKind::Unhealthy | ErrorKind::Gated => (
            StatusCode::SERVICE_UNAVAILABLE,
            "upstream-unhealthy",
            "the service is not available",
        ),
        ErrorKind::Handshake(_) | ErrorKind::Exchange(_) => (
            StatusCode::BAD_GATEWAY,
            "upstream-reset",
            "the service broke off its answer",
        ),
    };
    let grpc = match &error.kind {
        ErrorKind::Exchange(error) => grpc::reset(error).map(grpc::status_of_reset),
        _ => None,
    };
    let grpc = grpc.unwrap_or(UNAVAILABLE);
    Answer::new(status, code, Fault::Upstream, grpc, detail).because(error)
}

/// Why a body that plugins wait for did not come.
impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge(_) => Self::Upload(UploadFailure::TooLarge),
            BodyError::Idle(_) => Self::Upload(UploadFailure::Idle),
            BodyError::Malformed { .. } => Self::Upload(UploadFailure::Malformed),
            BodyError::Deadline(_) => Self::Deadline,
            BodyError::Client(_)
            | BodyError::Upstream(_)
            | BodyError::NoStatus
            | BodyError::Plugin
            | BodyError::Superseded(_) => Self::Upload(UploadFailure::Gone),
        }
    }
}
