//! HTTP clients: one for a single request, and connections over HTTP/1.1, HTTP/2 and TLS.

use std::{net::SocketAddr, pin::Pin};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header::HOST};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper::{
    body::{Body, Frame, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::mpsc,
};

use super::soon;

pub(crate) type Content = UnsyncBoxBody<Bytes, std::io::Error>;

pub(crate) fn empty() -> Content {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn full(bytes: impl Into<Bytes>) -> Content {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body that is sent piece by piece, while the test goes on. Dropping the sender ends it.
pub(crate) fn streamed() -> (mpsc::Sender<Frame<Bytes>>, Content) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, Pieces(receiver).boxed_unsync())
}

struct Pieces(mpsc::Receiver<Frame<Bytes>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: http::response::Parts,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
}

impl Answer {
    pub(crate) async fn of(response: Response<Incoming>) -> Self {
        Self::complete(response).await.expect("the whole response")
    }

    pub(crate) async fn complete(response: Response<Incoming>) -> hyper::Result<Self> {
        let (head, body) = response.into_parts();
        let collected = soon("the end of the response", body.collect()).await?;
        let trailers = collected.trailers().cloned().unwrap_or_default();
        Ok(Self {
            head,
            body: collected.to_bytes(),
            trailers,
        })
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The one value of a field; nothing if it is not there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.head.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} comes more than once");
        value
    }

    /// Checks that this is a problem document (RFC 9457) of the gateway, complete and true to its status.
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status(), status, "{}", self.text());
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["code"], code, "{problem}");
        assert!(
            problem["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty()),
            "{problem}"
        );
        assert!(
            problem["request-id"]
                .as_str()
                .is_some_and(|id| !id.is_empty()),
            "{problem}"
        );
    }
}

/// A request with the address as its authority.
pub(crate) fn request(method: Method, address: SocketAddr, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, address.to_string())
}

/// One GET over a new HTTP/1.1 connection.
pub(crate) async fn get_with_token(address: SocketAddr, path: &str, token: &str) -> Answer {
    let sent = request(Method::GET, address, path)
        .header("authorization", format!("Bearer {token}"))
        .body(empty())
        .unwrap();
    send(address, sent).await
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    send(
        address,
        request(Method::GET, address, path).body(empty()).unwrap(),
    )
    .await
}

/// One request over a new HTTP/1.1 connection.
pub(crate) async fn send(address: SocketAddr, request: Request<Content>) -> Answer {
    let mut connection = h1(address).await;
    Answer::of(
        soon("a response", connection.send_request(request))
            .await
            .expect("a response"),
    )
    .await
}

/// An HTTP/1.1 connection.
pub(crate) async fn h1(address: SocketAddr) -> http1::SendRequest<Content> {
    h1_over(TcpStream::connect(address).await.unwrap()).await
}

pub(crate) async fn h1_over<S>(stream: S) -> http1::SendRequest<Content>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    sender
}

/// An HTTP/2 connection: in cleartext, with prior knowledge.
pub(crate) async fn h2(address: SocketAddr) -> http2::SendRequest<Content> {
    h2_over(TcpStream::connect(address).await.unwrap()).await
}

pub(crate) async fn h2_over<S>(stream: S) -> http2::SendRequest<Content>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

/// One request over HTTP/2; its URI must be absolute.
pub(crate) async fn send_h2(address: SocketAddr, request: Request<Content>) -> Answer {
    let mut connection = h2(address).await;
    Answer::of(
        soon("a response", connection.send_request(request))
            .await
            .expect("a response"),
    )
    .await
}
