//! A connection to the server, over TLS if its URL says so.

use std::{net::SocketAddr, sync::Arc};

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
};
use tokio_rustls::TlsConnector;

use super::{definition::Url, error::Error, exchange::Permit, pool::Sender};
use crate::pipeline::sandbox::capabilities::tls;

/// Bytes of an answer's head.
const HEAD: usize = 64 * 1024;
/// Fields of an answer's head.
const FIELDS: usize = 100;

pub(super) async fn connect(url: &Url, permit: &Permit) -> Result<Sender, Error> {
    let (host, port) = (&*url.host, url.port);
    let unreachable =
        |error| Error::Unreachable(format!("cannot connect to {host}:{port}: {error}"));
    let addresses = resolve(url, permit).await.map_err(unreachable)?;
    let tcp = TcpStream::connect(&*addresses).await.map_err(unreachable)?;
    // Requests are small and go out at once.
    let _ = tcp.set_nodelay(true);
    let Some(name) = &url.secure else {
        return handshake(tcp).await;
    };
    let tls = TlsConnector::from(tls::client().map_err(Error::Tls)?)
        .connect(name.clone(), tcp)
        .await
        .map_err(|error| Error::Tls(error.to_string()))?;
    handshake(tls).await
}

/// The system's resolver blocks a thread, also for a request that has been given up: as long as it does, the request
/// counts as one in flight.
async fn resolve(url: &Url, permit: &Permit) -> std::io::Result<Vec<SocketAddr>> {
    let (host, port) = (Arc::clone(&url.host), url.port);
    let permit = Arc::clone(permit);
    let looking = tokio::spawn(async move {
        let _permit = permit;
        lookup_host((&*host, port)).await.map(Iterator::collect)
    });
    looking.await.map_err(std::io::Error::other)?
}

async fn handshake<S>(stream: S) -> Result<Sender, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD)
        .max_headers(FIELDS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Error::Broken(error.to_string()))?;
    // It ends with its sender.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an HTTP client's connection");
        }
    });
    Ok(sender)
}
