//! The bodies that stages hand to each other.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{
    deadline::{Deadline, Deadlines},
    grpc_web::WebRequestBody,
    identity::IdentityHeaders,
};

/// Why a body ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the client broke off: {}", in_full(.0))]
    Client(#[source] hyper::Error),
    #[error("the upstream broke off: {}", in_full(.0))]
    Upstream(#[source] hyper::Error),
    #[error("no byte came for {0:?}")]
    Idle(Duration),
    #[error("the body is longer than {0} bytes")]
    TooLarge(u64),
    /// The exchange's chain knows which, and why.
    #[error("a plugin broke the body off")]
    Plugin,
    /// Of the gRPC call that the body belongs to; a peer that gets a reset for it is told CANCEL.
    #[error("the call's deadline has passed")]
    Deadline(#[source] h2::Error),
    /// The request is sent again: what still reads for the last time does so in vain.
    #[error("the request is sent again")]
    Superseded(#[source] h2::Error),
    /// A gRPC call's response without trailers.
    #[error("the response ended without a status")]
    NoStatus,
    /// Of gRPC-Web.
    #[error("the body is not what its content type says: {message}")]
    Malformed {
        message: String,
        #[source]
        reset: h2::Error,
    },
}

/// hyper's errors leave what is most telling to their cause.
pub fn in_full(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

impl BodyError {
    pub fn deadline() -> Self {
        Self::Deadline(h2::Reason::CANCEL.into())
    }

    pub fn superseded() -> Self {
        Self::Superseded(h2::Reason::CANCEL.into())
    }

    pub fn malformed(message: impl std::fmt::Display) -> Self {
        Self::Malformed {
            message: message.to_string(),
            reset: h2::Reason::CANCEL.into(),
        }
    }
}

/// A boxed body: what plugins with a body phase make of one.
pub type FilteredBody = Pin<Box<dyn Body<Data = Bytes, Error = BodyError>>>;

/// A body between two stages: what was made here, what still comes from a peer, or what plugins make of one.
pub enum StageBody<P> {
    Whole(Option<Bytes>),
    Peer(P),
    Filtered(FilteredBody),
}

/// A request's body on its way to the upstream. The client's is boxed: requests move often, and most have none.
pub type RequestBody = StageBody<Box<ClientBody>>;

/// The client's body: bounded in size, and in the time between two pieces.
pub struct ClientBody {
    incoming: ClientStream,
    remaining: u64,
    limit: u64,
    idle: Duration,
    deadline: Deadline,
    stalled: bool,
    /// Shared with whoever answers for the exchange: why the upload failed is known here first.
    bodies: Rc<Bodies>,
    /// What a trailer section must not say either.
    identity: Option<Rc<IdentityHeaders>>,
}

/// What a client's body is read from.
pub enum ClientStream {
    Plain(Incoming),
    /// gRPC-Web, as gRPC.
    Web(Box<WebRequestBody>),
}

impl From<Incoming> for ClientStream {
    fn from(incoming: Incoming) -> Self {
        Self::Plain(incoming)
    }
}

/// What the bodies of one exchange are to know, and tell.
#[derive(Default)]
pub struct Bodies {
    /// Bytes that the client has sent.
    pub received: Cell<u64>,
    pub failure: Cell<Option<UploadFailure>>,
    /// The deadline of the gRPC call that they belong to.
    pub ends: Cell<Option<Instant>>,
    /// Why the response of a gRPC call got its status here.
    pub cut: Cell<Option<BodyError>>,
}

/// What the client did wrong while it sent a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadFailure {
    TooLarge,
    Idle,
    Gone,
    Malformed,
    /// The deadline of the gRPC call has passed.
    Deadline,
}

impl ClientBody {
    pub fn new(
        incoming: ClientStream,
        limit: Option<u64>,
        idle: Duration,
        deadlines: &Rc<Deadlines>,
        bodies: Rc<Bodies>,
        identity: Option<Rc<IdentityHeaders>>,
    ) -> Self {
        let limit = limit.unwrap_or(u64::MAX);
        // Set anew when the client first makes us wait.
        let deadline = Deadline::new(deadlines, Instant::now());
        Self {
            incoming,
            remaining: limit,
            limit,
            idle,
            deadline,
            stalled: false,
            bodies,
            identity,
        }
    }

    fn fail(
        &self,
        failure: UploadFailure,
        error: BodyError,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.bodies.failure.set(Some(failure));
        Poll::Ready(Some(Err(error)))
    }

    fn fail_late(&self) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let ends = self.bodies.ends.get();
        if ends.is_some_and(|ends| ends <= Instant::now()) {
            self.fail(UploadFailure::Deadline, BodyError::deadline())
        } else {
            self.fail(UploadFailure::Idle, BodyError::Idle(self.idle))
        }
    }
}

impl ClientStream {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Plain(incoming) => Pin::new(incoming).poll_frame(cx).map_err(BodyError::Client),
            Self::Web(body) => Pin::new(body).poll_frame(cx),
        }
    }

    pub fn is_end_stream(&self) -> bool {
        match self {
            Self::Plain(incoming) => incoming.is_end_stream(),
            Self::Web(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain(incoming) => incoming.size_hint(),
            Self::Web(body) => body.size_hint(),
        }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match this.incoming.poll_frame(cx) {
            Poll::Pending => {
                if !this.stalled {
                    this.stalled = true;
                    let idle = Instant::now() + this.idle;
                    let ends = this.bodies.ends.get();
                    this.deadline
                        .reset(ends.map_or(idle, |ends| ends.min(idle)));
                }
                match this.deadline.poll(cx) {
                    Poll::Ready(()) => this.fail_late(),
                    Poll::Pending => Poll::Pending,
                }
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => {
                let failure = match error {
                    BodyError::Malformed { .. } => UploadFailure::Malformed,
                    _ => UploadFailure::Gone,
                };
                this.fail(failure, error)
            }
            Poll::Ready(Some(Ok(mut frame))) => {
                this.stalled = false;
                if let (Some(identity), Some(trailers)) = (&this.identity, frame.trailers_mut()) {
                    identity.strip(trailers, true);
                }
                let length = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                if length > this.remaining {
                    return this.fail(UploadFailure::TooLarge, BodyError::TooLarge(this.limit));
                }
                this.remaining -= length;
                this.bodies
                    .received
                    .set(this.bodies.received.get() + length);
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl<P> StageBody<P> {
    pub fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl<P> Default for StageBody<P> {
    /// No byte.
    fn default() -> Self {
        Self::Whole(None)
    }
}

impl<P: Body<Data = Bytes, Error = BodyError> + Unpin> Body for StageBody<P> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Peer(body) => Pin::new(body).poll_frame(cx),
            Self::Filtered(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Peer(body) => body.is_end_stream(),
            Self::Filtered(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Peer(body) => body.size_hint(),
            Self::Filtered(body) => body.size_hint(),
        }
    }
}
