//! Serving one client connection with hyper.

use std::{convert::Infallible, future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use http::{Request, Response};
use http_body::Body;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::Service,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::{
    super::executor::LocalExecutor,
    activity::{Activity, Order, Watched},
    normalise::Limits,
};

const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What one stream may have waiting to be written.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that the peer may reset before we have looked at them (CVE-2023-44487).
const RESETS_PENDING: usize = 20;
/// Streams that the peer may make us reset (CVE-2025-8671).
const RESETS_PROVOKED: usize = 128;
/// What hyper holds of a head beside the fields themselves: the request line's other words, line ends.
const LINE_SLACK: usize = 64;
/// The number of fields that hyper parses without an allocation.
const HYPER_FIELDS: usize = 100;

/// What a connection is served with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub limits: Limits,
    pub streams: u32,
}

/// The version that a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    Http1,
    Http2,
}

impl Serving {
    /// Looks at the first bytes of a cleartext connection (RFC 9113 section 3.3); none if it was closed.
    pub async fn detect(tcp: &TcpStream) -> Option<Self> {
        const PREFACE: &[u8] = b"PRI * HTTP/2.0";
        let mut first = [0; PREFACE.len()];
        let mut before = 0;
        loop {
            let peeked = tcp.peek(&mut first).await.ok()?;
            if peeked == 0 {
                return None;
            }
            if first[..peeked] != PREFACE[..peeked] {
                return Some(Self::Http1);
            }
            if peeked == PREFACE.len() {
                return Some(Self::Http2);
            }
            if peeked == before {
                // The socket stays readable: give the rest time to come.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            before = peeked;
        }
    }

    /// What ALPN chose.
    pub fn from_alpn(protocol: Option<&[u8]>) -> Self {
        if protocol == Some(b"h2") {
            Self::Http2
        } else {
            Self::Http1
        }
    }

    /// Serves a connection until it is closed by either side.
    pub async fn serve<I, S, B>(
        self,
        io: I,
        service: S,
        settings: Settings,
        activity: &Arc<Activity>,
    ) where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
        S::Future: 'static,
        B: Body + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let io = TokioIo::new(Watched::new(io, activity, self == Self::Http1));
        macro_rules! drive {
            ($connection:expr) => {{
                let mut connection = pin!($connection);
                let mut closing = false;
                poll_fn(|cx| match activity.order(cx) {
                    Order::Cut => Poll::Ready(()),
                    order => {
                        if order == Order::Close && !closing {
                            closing = true;
                            connection.as_mut().graceful_shutdown();
                        }
                        connection.as_mut().poll(cx).map(|ended| {
                            if let Err(error) = ended {
                                tracing::debug!(%error, "client connection");
                            }
                        })
                    }
                })
                .await
            }};
        }
        match self {
            Self::Http1 => drive!(
                http1(settings)
                    .serve_connection(io, service)
                    .with_upgrades()
            ),
            Self::Http2 => drive!(http2(settings).serve_connection(io, service)),
        }
    }
}

fn http1(settings: Settings) -> http1::Builder {
    let Limits {
        header_bytes,
        header_count,
        uri_length,
    } = settings.limits;
    let mut builder = http1::Builder::new();
    builder
        // Slow heads and idle connections are seen to by `activity`.
        .header_read_timeout(None)
        .half_close(false)
        .max_header_size(header_bytes + uri_length + LINE_SLACK + 4 * header_count);
    if header_count > HYPER_FIELDS {
        builder.max_headers(header_count);
    }
    builder
}

fn http2(settings: Settings) -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.streams)
        // Each field counts 32 bytes more here (RFC 9113 section 6.5.2).
        .max_header_list_size(
            u32::try_from(
                settings.limits.header_bytes
                    + settings.limits.uri_length
                    + 32 * settings.limits.header_count,
            )
            .unwrap_or(u32::MAX),
        )
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS_PENDING)
        .max_local_error_reset_streams(RESETS_PROVOKED);
    builder
}
