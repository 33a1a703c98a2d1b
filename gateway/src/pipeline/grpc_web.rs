//! gRPC-Web: what comes with its content types passes through the gateway as gRPC and leaves as gRPC-Web, binary or as
//! text (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>).
//!
//! tonic-web's layer translates. Only what it can translate may enter it, since it answers all else over HTTP/1.1 by
//! itself; and what it carries must be `Send`, which bodies here are not: they never leave the worker's thread.

use std::{
    cell::Cell,
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::future::Either;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use send_wrapper::SendWrapper;
use tonic_web::GrpcWebLayer;
use tower::{Layer, Service, service_fn};

use super::{
    body::{BodyError, ClientStream},
    protocol::Scan,
    reply::{BodyCut, ReplyBody, Source},
};

const BINARY: HeaderValue = HeaderValue::from_static("application/grpc-web+proto");
const TEXT: HeaderValue = HeaderValue::from_static("application/grpc-web-text+proto");

/// Lets gRPC-Web in as gRPC to `web`, and all else as it is to `plain`.
#[derive(Clone)]
pub struct GrpcWeb<P, W> {
    plain: P,
    web: W,
}

impl<P, W> GrpcWeb<P, W> {
    pub fn around(plain: P, web: W) -> Self {
        Self { plain, web }
    }
}

type Answered = Result<Response<ReplyBody>, Infallible>;

impl<P, W> Service<Request<Incoming>> for GrpcWeb<P, W>
where
    P: Service<(Scan, Request<Incoming>), Response = Response<ReplyBody>, Error = Infallible>,
    W: Service<(Scan, Request<Web>), Response = Response<ReplyBody>, Error = Infallible>
        + Clone
        + 'static,
    W::Future: 'static,
{
    type Response = Response<ReplyBody>;
    type Error = Infallible;
    type Future = Either<P::Future, Pin<Box<dyn Future<Output = Answered>>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.plain.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        let scan = Scan::of(request.headers());
        if scan.grpc_web && *request.method() == Method::POST && settle(request.headers_mut()) {
            Either::Right(Box::pin(translate(self.web.clone(), request)))
        } else {
            Either::Left(self.plain.call((scan, request)))
        }
    }
}

/// Whether this is gRPC-Web as it can be translated: with protobuf messages. Its fields get the spelling that
/// tonic-web knows, and say in which form the response goes out: as asked, or like the request.
fn settle(headers: &mut HeaderMap) -> bool {
    let Some(text) = headers.get(header::CONTENT_TYPE).and_then(is_text) else {
        return false;
    };
    let wanted = headers.get_all(header::ACCEPT).iter().find_map(|value| {
        let value = value.to_str().ok()?;
        value.contains("application/grpc-web").then(|| {
            let first = value.split("application/grpc-web").nth(1);
            first.is_some_and(|rest| rest.starts_with("-text"))
        })
    });
    let form = |text| if text { TEXT } else { BINARY };
    headers.insert(header::CONTENT_TYPE, form(text));
    headers.insert(header::ACCEPT, form(wanted.unwrap_or(text)));
    true
}

/// None for a content type that cannot be translated.
fn is_text(content_type: &HeaderValue) -> Option<bool> {
    let essence = content_type.to_str().ok()?.split(';').next()?.trim();
    match essence {
        "application/grpc-web" | "application/grpc-web+proto" => Some(false),
        "application/grpc-web-text" | "application/grpc-web-text+proto" => Some(true),
        _ => None,
    }
}

async fn translate<W>(mut web: W, request: Request<Incoming>) -> Answered
where
    W: Service<(Scan, Request<Web>), Response = Response<ReplyBody>, Error = Infallible>,
{
    let broken = Broken::default();
    let seen = SendWrapper::new(Rc::clone(&broken));
    let inner = service_fn(|request: Request<tonic::body::Body>| {
        let mut request = request.map(|body| {
            Web(Box::new(WebRequestBody {
                body,
                broken: Rc::clone(&broken),
            }))
        });
        // They are of the client's hop: the one is settled, the other tonic-web's own.
        request.headers_mut().remove(header::ACCEPT);
        request.headers_mut().remove(header::ACCEPT_ENCODING);
        let scan = Scan::of(request.headers());
        let answered = web.call((scan, request));
        async { Ok::<_, Infallible>(answered.await?.map(|body| Carried(SendWrapper::new(body)))) }
    });
    let request = request.map(|incoming| WebStream { incoming, seen });
    let response = GrpcWebLayer::new().layer(inner).call(request).await?;
    Ok(response.map(|body| {
        let body = WebReplyBody(body);
        ReplyBody::unguarded(Source::Filtered(Box::pin(body)))
    }))
}

/// Why the client's body broke off; tonic-web would make a text of it.
type Broken = Rc<Cell<Option<hyper::Error>>>;

/// The request's body on its way into tonic-web.
struct WebStream {
    incoming: Incoming,
    seen: SendWrapper<Broken>,
}

/// The client broke off, and why is noted.
#[derive(Debug, thiserror::Error)]
#[error("the client broke off")]
struct Noted;

impl Body for WebStream {
    type Data = Bytes;
    type Error = Noted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Noted>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        polled.map_err(|error| {
            self.seen.set(Some(error));
            Noted
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }
}

/// The request's body as tonic-web hands it on: gRPC.
pub struct WebRequestBody {
    body: tonic::body::Body,
    broken: Broken,
}

/// Boxed: see [`ClientStream`].
pub struct Web(Box<WebRequestBody>);

impl From<Web> for ClientStream {
    fn from(web: Web) -> Self {
        Self::Web(web.0)
    }
}

impl Body for WebRequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        polled.map_err(|status| match self.broken.take() {
            Some(error) => BodyError::Client(error),
            None => BodyError::malformed(status.message()),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    /// tonic-web's own is that of the text.
    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// The response's body on its way into tonic-web.
struct Carried(SendWrapper<ReplyBody>);

impl Body for Carried {
    type Data = Bytes;
    type Error = BodyCut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyCut>>> {
        Pin::new(&mut *self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}

/// The response's body as it goes out.
struct WebReplyBody(tonic::body::Body);

impl Body for WebReplyBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.0).poll_frame(cx);
        polled.map_err(|status| BodyError::malformed(status.message()))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_translated_is() {
        for (content_type, accept, settled) in [
            ("application/grpc-web", None, Some((BINARY, BINARY))),
            (
                "application/grpc-web+proto; charset=utf-8",
                Some("*/*"),
                Some((BINARY, BINARY)),
            ),
            ("application/grpc-web-text", None, Some((TEXT, TEXT))),
            (
                "application/grpc-web-text+proto",
                Some("application/grpc-web+proto"),
                Some((TEXT, BINARY)),
            ),
            (
                "application/grpc-web",
                Some("text/html, application/grpc-web-text"),
                Some((BINARY, TEXT)),
            ),
            ("application/grpc-web+json", None, None),
            ("application/grpc-websocket", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            let fields = settle(&mut headers).then(|| {
                let field = |name| headers[name].clone();
                (field(header::CONTENT_TYPE), field(header::ACCEPT))
            });
            assert_eq!(fields, settled, "{content_type}");
        }
    }
}
