//! The body of an upstream's response; with it travels the connection that it comes from.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{
    super::{
        body::{Bodies, BodyError},
        deadline::{Deadline, Deadlines},
    },
    call_end::CallEnd,
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
    /// Of a gRPC call.
    call: Option<CallEnd>,
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
            call: None,
        }
    }

    /// The response is that of a gRPC call, and has a body: from here on it ends with a status, and in time.
    pub fn is_call(&mut self, bodies: &Rc<Bodies>) {
        self.call = Some(CallEnd::new(Rc::clone(bodies)));
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

    fn poll_in_time(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.poll_source(cx) {
            Poll::Pending => {
                if !self.stalled {
                    self.stalled = true;
                    let idle = Instant::now() + self.idle;
                    let call = self.call.as_ref();
                    self.deadline
                        .reset(call.map_or(idle, |call| call.before(idle)));
                }
                self.deadline.poll(cx).map(|()| Some(Err(self.too_late())))
            }
            Poll::Ready(None) => {
                self.release();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.stalled = false;
                if self.incoming.is_end_stream() {
                    self.release();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Upstream(error)))),
        }
    }

    fn too_late(&self) -> BodyError {
        match &self.call {
            Some(call) if call.is_late() => BodyError::deadline(),
            _ => BodyError::Idle(self.idle),
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
        if this.call.as_ref().is_some_and(CallEnd::is_over) {
            return Poll::Ready(None);
        }
        let polled = ready!(this.poll_in_time(cx));
        Poll::Ready(match &mut this.call {
            None => polled,
            Some(call) => call.close(polled),
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.call {
            None => self.incoming.is_end_stream(),
            Some(call) => call.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.call {
            None => self.incoming.size_hint(),
            Some(_) => SizeHint::default(),
        }
    }
}
