//! The bodies that stages hand to each other.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::deadline::{Deadline, Deadlines};

/// Why a body ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the client broke off: {0}")]
    Client(#[source] hyper::Error),
    #[error("the upstream broke off: {0}")]
    Upstream(#[source] hyper::Error),
    #[error("no byte came for {0:?}")]
    Idle(Duration),
    #[error("the body is longer than {0} bytes")]
    TooLarge(u64),
    /// The exchange's chain knows which, and why.
    #[error("a plugin broke the body off")]
    Plugin,
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
    incoming: Incoming,
    remaining: u64,
    limit: u64,
    idle: Duration,
    deadline: Deadline,
    stalled: bool,
    /// Shared with whoever answers for the exchange: why the upload failed is known here first.
    outcome: Rc<Upload>,
}

/// How a client's upload went.
#[derive(Debug, Default)]
pub struct Upload {
    pub bytes: std::cell::Cell<u64>,
    pub failure: std::cell::Cell<Option<UploadFailure>>,
}

/// What the client did wrong while it sent a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadFailure {
    TooLarge,
    Idle,
    Gone,
}

impl ClientBody {
    pub fn new(
        incoming: Incoming,
        limit: Option<u64>,
        idle: Duration,
        deadlines: &Rc<Deadlines>,
        outcome: Rc<Upload>,
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
            outcome,
        }
    }

    fn fail(
        &self,
        failure: UploadFailure,
        error: BodyError,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.outcome.failure.set(Some(failure));
        Poll::Ready(Some(Err(error)))
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
        match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Pending => {
                if !this.stalled {
                    this.stalled = true;
                    this.deadline.reset(Instant::now() + this.idle);
                }
                match this.deadline.poll(cx) {
                    Poll::Ready(()) => this.fail(UploadFailure::Idle, BodyError::Idle(this.idle)),
                    Poll::Pending => Poll::Pending,
                }
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => {
                this.fail(UploadFailure::Gone, BodyError::Client(error))
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.stalled = false;
                let length = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                if length > this.remaining {
                    return this.fail(UploadFailure::TooLarge, BodyError::TooLarge(this.limit));
                }
                this.remaining -= length;
                this.outcome.bytes.set(this.outcome.bytes.get() + length);
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
