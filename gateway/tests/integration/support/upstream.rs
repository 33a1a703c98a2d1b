//! Upstreams that speak HTTP/1.1 and HTTP/2, and one that tells what it saw.

use std::{
    convert::Infallible,
    future::Future,
    hash::{DefaultHasher, Hasher},
    net::SocketAddr,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::client::{Content, full};

/// Serves HTTP/1.1 and cleartext HTTP/2.
pub(crate) async fn serve<F>(
    handler: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) -> SocketAddr
where
    F: Future<Output = Response<Content>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, handler.clone()));
        }
    });
    address
}

/// Serves over TLS.
pub(crate) async fn serve_tls<F>(
    acceptor: TlsAcceptor,
    handler: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) -> SocketAddr
where
    F: Future<Output = Response<Content>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, handler) = (acceptor.clone(), handler.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    connection(stream, handler).await;
                }
            });
        }
    });
    address
}

async fn connection<S, F>(
    stream: S,
    handler: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Response<Content>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let response = handler(request);
        async { Ok::<_, Infallible>(response.await) }
    });
    // A connection that breaks is the client's affair.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

/// An upstream that answers with what it saw, as JSON.
pub(crate) async fn echo() -> SocketAddr {
    serve(tell).await
}

/// What an echo upstream saw of a request.
pub(crate) async fn tell(request: Request<Incoming>) -> Response<Content> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Response::builder()
            .status(400)
            .body(full("the body broke off"))
            .unwrap();
    };
    let pairs = |headers: &http::HeaderMap| {
        let pairs = headers
            .iter()
            .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]));
        pairs.collect::<Vec<_>>()
    };
    let trailers = body.trailers().map(&pairs).unwrap_or_default();
    let bytes = body.to_bytes();
    let seen = json!({
        "version": format!("{:?}", head.version),
        "method": head.method.as_str(),
        "target": head.uri.path_and_query().map(ToString::to_string),
        "authority": head.uri.authority().map(ToString::to_string),
        "headers": pairs(&head.headers),
        "trailers": trailers,
        "length": bytes.len(),
        "digest": digest(&bytes),
    });
    Response::builder()
        .header("content-type", "application/json")
        .body(full(seen.to_string()))
        .unwrap()
}

/// Equal bytes have equal digests.
pub(crate) fn digest(bytes: &Bytes) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}

/// The values of a field that an echo upstream saw.
pub(crate) fn seen(echo: &Value, name: &str) -> Vec<String> {
    let fields = echo["headers"]
        .as_array()
        .expect("an echo upstream answers");
    let values = fields
        .iter()
        .filter(|field| field[0] == name)
        .map(|field| field[1].as_str().unwrap().to_owned());
    values.collect()
}
