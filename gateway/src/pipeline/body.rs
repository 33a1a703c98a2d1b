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

/// A request's body on its way to the upstream.
#[derive(Default)]
pub enum RequestBody {
    #[default]
    Empty,
    Whole(Option<Bytes>),
    /// Boxed, since requests move often and most have no body.
    Client(Box<ClientBody>),
    Filtered(FilteredBody),
}

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

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Pending => {
                if !self.stalled {
                    self.stalled = true;
                    self.deadline.reset(Instant::now() + self.idle);
                }
                match self.deadline.poll(cx) {
                    Poll::Ready(()) => self.fail(UploadFailure::Idle, BodyError::Idle(self.idle)),
                    Poll::Pending => Poll::Pending,
                }
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => {
                self.fail(UploadFailure::Gone, BodyError::Client(error))
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.stalled = false;
                let length = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                if length > self.remaining {
                    return self.fail(UploadFailure::TooLarge, BodyError::TooLarge(self.limit));
                }
                self.remaining -= length;
                self.outcome.bytes.set(self.outcome.bytes.get() + length);
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Client(body) => body.poll(cx),
            Self::Filtered(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(bytes) => bytes.is_none(),
            Self::Client(body) => body.incoming.is_end_stream(),
            Self::Filtered(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Client(body) => body.incoming.size_hint(),
            Self::Filtered(body) => body.size_hint(),
        }
    }
}

impl RequestBody {
    /// Nothing will come of it: the request can be sent again as it was.
    pub fn is_empty(&self) -> bool {
        self.is_end_stream()
    }
}
