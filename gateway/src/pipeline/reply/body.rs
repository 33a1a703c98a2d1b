//! A response's body. What must happen at the end of an exchange hangs on it and happens once, however it ends.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use super::super::{
    body::{BodyError, FilteredBody},
    upstream::UpstreamBody,
};

/// How a response's body ended.
#[derive(Debug)]
pub enum Outcome {
    /// All of it was handed to the client's connection.
    Complete,
    /// It failed on its way here.
    Failed(BodyError),
    /// The client's connection let go of it.
    Dropped,
}

/// What hangs on a response's body.
pub trait Guard {
    /// A piece was handed to the client's connection, which will ask again once it has room.
    fn given(&mut self, bytes: usize);
    /// The client's connection asks for the next piece.
    fn asked(&mut self);
    /// Called once.
    fn ended(self: Box<Self>, outcome: Outcome);
}

enum Source {
    Whole(Option<Bytes>),
    Upstream(UpstreamBody),
    Filtered(FilteredBody),
}

/// A response's body.
pub struct ReplyBody {
    source: Source,
    guard: Option<Box<dyn Guard>>,
}

impl ReplyBody {
    pub fn whole(bytes: Bytes) -> Self {
        Self {
            source: Source::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())),
            guard: None,
        }
    }

    pub fn upstream(body: UpstreamBody) -> Self {
        Self {
            source: Source::Upstream(body),
            guard: None,
        }
    }

    pub fn filtered(body: FilteredBody) -> Self {
        Self {
            source: Source::Filtered(body),
            guard: None,
        }
    }

    /// From here on the end of this body is the end of the exchange.
    #[must_use]
    pub fn guarded(mut self, guard: Box<dyn Guard>) -> Self {
        self.guard = Some(guard);
        self
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(guard) = self.guard.take() {
            guard.ended(outcome);
        }
    }

    fn poll_source(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.source {
            Source::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Source::Upstream(body) => Pin::new(body).poll_frame(cx),
            Source::Filtered(body) => body.as_mut().poll_frame(cx),
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BodyCut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyCut>>> {
        if let Some(guard) = &mut self.guard {
            guard.asked();
        }
        match self.poll_source(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(guard) = &mut self.guard {
                    guard.given(frame.data_ref().map_or(0, Buf::remaining));
                }
                if self.is_end_stream() {
                    self.end(Outcome::Complete);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                self.end(Outcome::Complete);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                self.end(Outcome::Failed(error));
                Poll::Ready(Some(Err(BodyCut)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole(bytes) => bytes.is_none(),
            Source::Upstream(body) => body.is_end_stream(),
            Source::Filtered(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Source::Upstream(body) => body.size_hint(),
            Source::Filtered(body) => body.size_hint(),
        }
    }
}

/// The body cannot go on; the connection, or the stream, is broken off so that the client notices.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body was cut off")]
pub struct BodyCut;

impl Drop for ReplyBody {
    fn drop(&mut self) {
        // A body without a byte (HEAD, 204, 304) is never asked for one.
        let outcome = if self.is_end_stream() {
            Outcome::Complete
        } else {
            Outcome::Dropped
        };
        self.end(outcome);
    }
}
