//! A response's body. What must happen at the end of an exchange hangs on it and happens once, however it ends.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::super::{
    body::{BodyError, StageBody},
    grpc,
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
    /// So did the trailers.
    fn trailers(&mut self, trailers: &HeaderMap);
    /// The client's connection asks for the next piece.
    fn asked(&mut self);
    /// Called once.
    fn ended(self: Box<Self>, outcome: Outcome);
}

/// Where a response's body comes from.
pub type Source = StageBody<UpstreamBody>;

/// A response's body as hyper sends it: from here on its end is the end of the exchange.
pub struct ReplyBody {
    source: Source,
    guard: Option<Box<dyn Guard>>,
}

impl ReplyBody {
    pub fn new(source: Source, guard: Box<dyn Guard>) -> Self {
        Self {
            source,
            guard: Some(guard),
        }
    }

    /// A body whose exchange ends with another one inside it.
    pub fn unguarded(source: Source) -> Self {
        Self {
            source,
            guard: None,
        }
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(guard) = self.guard.take() {
            guard.ended(outcome);
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
        match Pin::new(&mut self.source).poll_frame(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(guard) = &mut self.guard {
                    guard.given(frame.data_ref().map_or(0, Buf::remaining));
                    if let Some(trailers) = frame.trailers_ref() {
                        guard.trailers(trailers);
                    }
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
                let cut = BodyCut::because(&error);
                self.end(Outcome::Failed(error));
                Poll::Ready(Some(Err(cut)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.source.size_hint()
    }
}

/// The body cannot go on; the connection, or the stream, is broken off so that the client notices.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut off")]
pub struct BodyCut {
    /// The upstream's own reason, which HTTP/2 passes on.
    #[source]
    reset: Option<h2::Error>,
}

impl BodyCut {
    fn because(error: &BodyError) -> Self {
        let reset = match error {
            BodyError::Upstream(error) => grpc::reset(error),
            _ => None,
        };
        Self {
            reset: reset.map(h2::Error::from),
        }
    }
}

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
