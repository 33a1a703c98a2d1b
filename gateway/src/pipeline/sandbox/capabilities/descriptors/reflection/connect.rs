//! One HTTP/2 connection to a gRPC server, as a tonic client wants it.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, Uri, uri::PathAndQuery};
use hyper::{
    body::Incoming,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tower::Service;

use crate::pipeline::sandbox::capabilities::tls;

/// What `v1alpha` calls the method.
const ALPHA: &str = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

/// A connection that ends when it is dropped.
pub(super) struct Connection {
    sender: SendRequest<Body>,
    task: JoinHandle<()>,
    /// Calls go to `v1alpha`.
    alpha: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) async fn connect(server: &Uri, alpha: bool) -> Result<Connection, String> {
    let host = server.host().ok_or("the URL has no host")?;
    let secure = server.scheme_str() == Some("https");
    let port = server.port_u16().unwrap_or(if secure { 443 } else { 80 });
    // An IPv6 address stands in brackets in a URL, and without them everywhere else.
    let host = host.trim_matches(['[', ']']);
    let tcp = TcpStream::connect((host, port))
        .await
        .map_err(|error| format!("cannot connect to {host}:{port}: {error}"))?;
    if !secure {
        return handshake(tcp, alpha).await;
    }
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| format!("`{host}` is no name for a server"))?;
    let mut config = ClientConfig::clone(&*tls::client()?);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tls = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .map_err(|error| format!("the TLS handshake with {host} failed: {error}"))?;
    handshake(tls, alpha).await
}

async fn handshake<S>(stream: S, alpha: bool) -> Result<Connection, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .map_err(|error| format!("the server does not speak HTTP/2: {error}"))?;
    let task = tokio::spawn(async move {
        // Whoever waits for an answer is told.
        let _ = connection.await;
    });
    Ok(Connection {
        sender,
        task,
        alpha,
    })
}

impl Service<Request<Body>> for Connection {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.sender.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if self.alpha {
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = Some(PathAndQuery::from_static(ALPHA));
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
        Box::pin(self.sender.send_request(request))
    }
}
