//! Where a body comes from: the wire, or the gateway's memory.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

pub(super) enum Source<B> {
    Stream(B),
    Whole {
        data: Bytes,
        trailers: Option<HeaderMap>,
    },
}

impl<B: Body<Data = Bytes> + Unpin> Source<B> {
    pub(super) fn whole(data: Bytes, trailers: Option<HeaderMap>) -> Self {
        Self::Whole { data, trailers }
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self {
            Self::Stream(body) => Pin::new(body).poll_frame(cx),
            Self::Whole { data, .. } if !data.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(data)))))
            }
            Self::Whole { trailers, .. } => {
                Poll::Ready(trailers.take().map(Frame::trailers).map(Ok))
            }
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        match self {
            Self::Stream(body) => body.is_end_stream(),
            Self::Whole { data, trailers } => data.is_empty() && trailers.is_none(),
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Stream(body) => body.size_hint(),
            Self::Whole { data, .. } => SizeHint::with_exact(data.len() as u64),
        }
    }
}
