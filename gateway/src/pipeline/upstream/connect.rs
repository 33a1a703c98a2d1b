//! Opening a connection to an endpoint.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    compile::{Endpoint, Protocol, Upstream},
    error::ErrorKind,
};

/// A connection to an endpoint, and what is spoken on it.
pub struct Connected {
    pub io: Io,
    pub http2: bool,
}

/// Opens a connection within the upstream's connect timeout.
pub async fn connect(upstream: &Upstream, endpoint: &Endpoint) -> Result<Connected, ErrorKind> {
    let limit = upstream.connect_timeout;
    match tokio::time::timeout(limit, open(&upstream.protocol, endpoint)).await {
        Ok(connected) => connected,
        Err(_) => Err(ErrorKind::ConnectTimeout(limit)),
    }
}

async fn open(protocol: &Protocol, endpoint: &Endpoint) -> Result<Connected, ErrorKind> {
    let tcp = TcpStream::connect((&*endpoint.host, endpoint.port))
        .await
        .map_err(ErrorKind::Connect)?;
    // Without it requests still go out, only later: no reason to fail.
    let _ = tcp.set_nodelay(true);
    match protocol {
        Protocol::Http1 => Ok(Connected {
            io: Io::Plain(tcp),
            http2: false,
        }),
        Protocol::Http2 => Ok(Connected {
            io: Io::Plain(tcp),
            http2: true,
        }),
        Protocol::Tls(config) => handshake(tcp, config, endpoint)
            .await
            .map_err(ErrorKind::Tls),
    }
}

async fn handshake(
    tcp: TcpStream,
    config: &Arc<ClientConfig>,
    endpoint: &Endpoint,
) -> io::Result<Connected> {
    let name = endpoint
        .server_name
        .clone()
        .ok_or(io::ErrorKind::InvalidInput)?;
    let tls = TlsConnector::from(Arc::clone(config))
        .connect(name, tcp)
        .await?;
    let only_http2 = config.alpn_protocols.len() == 1 && config.alpn_protocols[0] == b"h2";
    let http2 = match tls.get_ref().1.alpn_protocol() {
        Some(protocol) => protocol == b"h2",
        None if only_http2 => {
            return Err(io::Error::other(
                "the server did not agree to HTTP/2 (ALPN)",
            ));
        }
        None => false,
    };
    Ok(Connected {
        io: Io::Tls(Box::new(tls)),
        http2,
    })
}

/// A byte stream to an endpoint.
pub enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! each {
    ($self:ident, $io:ident => $call:expr) => {
        match $self.get_mut() {
            Self::Plain($io) => $call,
            Self::Tls($io) => $call,
        }
    };
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_read(cx, buf))
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => Pin::new(io).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => Pin::new(io).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Tls(io) => io.is_write_vectored(),
        }
    }
}
