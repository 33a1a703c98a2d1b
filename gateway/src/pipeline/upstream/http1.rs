//! An HTTP/1.1 connection that is driven by whoever uses it.
//!
//! hyper splits a connection into a handle and a driver, and the usual place for the driver is a task of its
//! own. One HTTP/1.1 connection serves one exchange at a time, so here the exchange polls the driver itself:
//! no second task, no waking across tasks. What the driver hands back within the same poll needs no waker,
//! hence the no-op ones.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
    time::Instant,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1},
};
use hyper_util::rt::TokioIo;
use pin_project_lite::pin_project;

use super::{super::body::RequestBody, connect::Io};

/// A connection between two exchanges, or in the hands of one.
pub struct Http1 {
    sender: http1::SendRequest<RequestBody>,
    driver: http1::Connection<TokioIo<Io>, RequestBody>,
    closed: bool,
    stirred: Arc<Stirred>,
    /// When the last exchange ended.
    pub idle_since: Instant,
    /// It has carried an exchange before.
    pub reused: bool,
}

/// Something has come from the server, most often its end, since the last exchange was settled.
struct Stirred(AtomicBool);

impl Wake for Stirred {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

impl Http1 {
    pub async fn handshake(io: Io) -> hyper::Result<Box<Self>> {
        let (sender, driver) = http1::Builder::new().handshake(TokioIo::new(io)).await?;
        Ok(Box::new(Self {
            sender,
            driver,
            closed: false,
            stirred: Arc::new(Stirred(AtomicBool::new(true))),
            idle_since: Instant::now(),
            reused: false,
        }))
    }

    /// Looks whether the connection could carry a request now, without waiting.
    pub fn is_usable(&mut self) -> bool {
        !self.stirred.0.load(Relaxed) || self.settle()
    }

    /// Ends an exchange: whether the connection can carry another one.
    pub fn settle(&mut self) -> bool {
        self.stirred.0.store(false, Relaxed);
        let waker = Waker::from(Arc::clone(&self.stirred));
        self.drive(&mut Context::from_waker(&waker));
        !self.closed && self.sender.is_ready()
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.closed && Pin::new(&mut self.driver).poll(cx).is_ready() {
            self.closed = true;
        }
    }

    /// Sends a request; the response's body must be polled through [`Http1::poll_body`].
    ///
    /// # Errors
    /// The request comes back if not a byte of it was sent.
    pub fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>> {
        Sending {
            response: self.sender.try_send_request(request),
            connection: self,
        }
    }

    /// The next frame of the response's body.
    pub fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut Incoming,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let mut silent = Context::from_waker(Waker::noop());
        // Asking is what makes the driver read on; it goes first and last.
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(&mut silent) {
            return Poll::Ready(frame);
        }
        self.drive(cx);
        Pin::new(body).poll_frame(&mut silent)
    }

    /// Leaves HTTP: the driver runs on as a task until the protocol has been switched or refused.
    pub fn into_upgradeable(self) -> http1::SendRequest<RequestBody> {
        let driver = self.driver.with_upgrades();
        tokio::task::spawn_local(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "upgraded upstream connection");
            }
        });
        self.sender
    }
}

pin_project! {
    struct Sending<'a, F> {
        #[pin]
        response: F,
        connection: &'a mut Http1,
    }
}

impl<F: Future> Future for Sending<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.connection.drive(cx);
        this.response.poll(&mut Context::from_waker(Waker::noop()))
    }
}
