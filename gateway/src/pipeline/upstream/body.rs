//! The body of an upstream's response; with it travels the connection that it comes from.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{
    super::{
        body::BodyError,
        deadline::{Deadline, Deadlines},
    },
    http1::Http1,
    http2::Stream,
    pool::{Call, Pool},
};

/// A response's body as the upstream sends it.
pub struct UpstreamBody {
    incoming: Incoming,
    source: Source,
    idle: Duration,
    deadline: Deadline,
    stalled: bool,
}

enum Source {
    /// Gives the connection back when the body has ended.
    Http1 {
        connection: Option<Box<Http1>>,
        pool: Rc<Pool>,
        endpoint: usize,
    },
    /// Held only to be dropped.
    Http2 { _stream: Stream },
    /// The driver is a task of its own.
    Detached,
}

impl UpstreamBody {
    fn new(incoming: Incoming, source: Source, call: Call<'_>, deadlines: &Rc<Deadlines>) -> Self {
        // Set anew when the upstream first makes us wait.
        let deadline = Deadline::new(deadlines, call.began);
        Self {
            incoming,
            source,
            idle: call.idle,
            deadline,
            stalled: false,
        }
    }

    pub(super) fn http1(
        incoming: Incoming,
        (connection, pool, endpoint): (Box<Http1>, Rc<Pool>, usize),
        call: Call<'_>,
        deadlines: &Rc<Deadlines>,
    ) -> Self {
        let source = Source::Http1 {
            connection: Some(connection),
            pool,
            endpoint,
        };
        let mut body = Self::new(incoming, source, call, deadlines);
        if body.incoming.is_end_stream() {
            body.release();
        }
        body
    }

    pub(super) fn http2(
        incoming: Incoming,
        stream: Stream,
        call: Call<'_>,
        deadlines: &Rc<Deadlines>,
    ) -> Self {
        Self::new(incoming, Source::Http2 { _stream: stream }, call, deadlines)
    }

    pub(super) fn detached(incoming: Incoming, call: Call<'_>, deadlines: &Rc<Deadlines>) -> Self {
        Self::new(incoming, Source::Detached, call, deadlines)
    }

    /// The exchange is over for the connection.
    fn release(&mut self) {
        if let Source::Http1 {
            connection,
            pool,
            endpoint,
        } = &mut self.source
            && let Some(connection) = connection.take()
        {
            pool.put_back(*endpoint, connection);
        }
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        match &mut self.source {
            Source::Http1 {
                connection: Some(connection),
                ..
            } => connection.poll_body(cx, &mut self.incoming),
            Source::Http1 {
                connection: None, ..
            } => Poll::Ready(None),
            Source::Http2 { .. } | Source::Detached => Pin::new(&mut self.incoming).poll_frame(cx),
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match this.poll_source(cx) {
            Poll::Pending => {
                if !this.stalled {
                    this.stalled = true;
                    this.deadline.reset(Instant::now() + this.idle);
                }
                this.deadline
                    .poll(cx)
                    .map(|()| Some(Err(BodyError::Idle(this.idle))))
            }
            Poll::Ready(None) => {
                this.release();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.stalled = false;
                if this.incoming.is_end_stream() {
                    this.release();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Upstream(error)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
