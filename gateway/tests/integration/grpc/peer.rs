//! HTTP/2 stream by stream, on both sides of the gateway: what libraries hide is what these tests are about.

use std::{future::Future, net::SocketAddr};

use bytes::Bytes;
use h2::{
    Reason, RecvStream, SendStream,
    client::{self, ResponseFuture},
    server::{self, SendResponse},
};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::support::soon;

/// A call as it comes to an upstream.
pub(crate) struct Incoming {
    pub(crate) head: http::request::Parts,
    pub(crate) body: RecvStream,
    pub(crate) respond: SendResponse<Bytes>,
}

/// Serves HTTP/2 in cleartext; each call is treated as it likes.
pub(crate) async fn upstream<F>(
    treat: impl Fn(Incoming) -> F + Clone + Send + Sync + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let treat = treat.clone();
            tokio::spawn(async move {
                let Ok(mut connection) = server::handshake(stream).await else {
                    return;
                };
                while let Some(Ok((request, respond))) = connection.accept().await {
                    let (head, body) = request.into_parts();
                    tokio::spawn(treat(Incoming {
                        head,
                        body,
                        respond,
                    }));
                }
            });
        }
    });
    address
}

impl Incoming {
    /// Sends the head of a gRPC response; messages and trailers follow.
    pub(crate) fn begin(&mut self) -> SendStream<Bytes> {
        let head = Response::builder()
            .header("content-type", "application/grpc")
            .body(())
            .unwrap();
        self.respond.send_response(head, false).unwrap()
    }

    /// Ends the call with this status and no message.
    pub(crate) fn fail(&mut self, status: &'static str) {
        let head = Response::builder()
            .header("content-type", "application/grpc")
            .header("grpc-status", status)
            .body(())
            .unwrap();
        self.respond.send_response(head, true).unwrap();
    }

    /// Answers with one message.
    pub(crate) fn succeed(&mut self, text: &str) {
        let mut stream = self.begin();
        stream.send_data(message(text), false).unwrap();
        stream.send_trailers(status("0")).unwrap();
    }

    /// All of the request's body.
    pub(crate) async fn read(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(Ok(piece)) = self.body.data().await {
            let _ = self.body.flow_control().release_capacity(piece.len());
            all.extend_from_slice(&piece);
        }
        all
    }
}

/// The reason with which the other side resets the stream.
pub(crate) async fn reset_of(stream: &mut SendStream<Bytes>) -> Reason {
    let reset = std::future::poll_fn(|cx| stream.poll_reset(cx));
    soon("a reset", reset).await.unwrap()
}

/// The same, before there is a response.
pub(crate) async fn reset_of_response(respond: &mut SendResponse<Bytes>) -> Reason {
    let reset = std::future::poll_fn(|cx| respond.poll_reset(cx));
    soon("a reset", reset).await.unwrap()
}

/// A length-prefixed message.
pub(crate) fn message(text: &str) -> Bytes {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    let mut message = vec![0];
    message.extend_from_slice(&length);
    message.extend_from_slice(text.as_bytes());
    message.into()
}

pub(crate) fn status(code: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(code));
    trailers
}

/// A client's connection.
pub(crate) struct Client(client::SendRequest<Bytes>, SocketAddr);

impl Client {
    pub(crate) async fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = client::handshake(stream).await.unwrap();
        // Its end shows in its streams.
        tokio::spawn(async move { drop(connection.await) });
        Self(sender, address)
    }

    /// Begins a call; the request's body stays open.
    pub(crate) async fn call(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let request = Request::post(format!("http://{}{path}", self.1));
        let mut request = request.body(()).unwrap();
        for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")]
            .iter()
            .chain(fields)
        {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let mut sender = self.0.clone().ready().await.unwrap();
        sender.send_request(request, false).unwrap()
    }

    /// One call with one message; what came of it.
    pub(crate) async fn unary(&mut self, path: &str, fields: &[(&str, &str)]) -> Outcome {
        let (response, mut sending) = self.call(path, fields).await;
        sending.send_data(message("hello"), true).unwrap();
        outcome(response).await
    }

    /// The same; `arrived` is notified when a piece of the answer has come.
    pub(crate) async fn unary_telling(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        arrived: &Notify,
    ) -> Outcome {
        let (response, mut sending) = self.call(path, fields).await;
        sending.send_data(message("hello"), true).unwrap();
        outcome_telling(response, arrived).await
    }
}

/// What a client sees of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) head: http::response::Parts,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
    /// The stream was reset.
    pub(crate) reset: Option<Reason>,
}

impl Outcome {
    /// `grpc-status`, and whether it came without a body, in the head.
    pub(crate) fn status(&self) -> (&str, bool) {
        let only = self.head.headers.get("grpc-status");
        let trailer = self.trailers.as_ref().and_then(|it| it.get("grpc-status"));
        let status = only.or(trailer).unwrap_or_else(|| panic!("{self:?}"));
        (status.to_str().unwrap(), only.is_some())
    }
}

pub(crate) async fn outcome(response: ResponseFuture) -> Outcome {
    outcome_telling(response, &Notify::new()).await
}

async fn outcome_telling(response: ResponseFuture, arrived: &Notify) -> Outcome {
    let (head, mut stream) = soon("a response", response).await.unwrap().into_parts();
    let mut outcome = Outcome {
        head,
        body: Vec::new(),
        trailers: None,
        reset: None,
    };
    soon("the end of the call", async {
        while let Some(piece) = stream.data().await {
            match piece {
                Ok(piece) => {
                    let _ = stream.flow_control().release_capacity(piece.len());
                    outcome.body.extend_from_slice(&piece);
                    arrived.notify_one();
                }
                Err(error) => {
                    outcome.reset = error.reason();
                    return;
                }
            }
        }
        match stream.trailers().await {
            Ok(trailers) => outcome.trailers = trailers,
            Err(error) => outcome.reset = error.reason(),
        }
    })
    .await;
    outcome
}
