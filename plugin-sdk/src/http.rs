//! Capability `http-client`: requests to the servers that the operator declared under `http-clients` in
//! `witgate.yaml`. A plugin names them; it cannot name a server. What the operator declared as `authorization`, the
//! gateway adds.
//!
//! Requests and responses are those of the crate [`http`](https://docs.rs/http), with their bodies as `Vec<u8>`; so
//! they fit crates that want to be given a client, as `oauth2` does:
//! `token.request_async(&|request| client.send(request))`. See [`task`](crate::task) for how to wait.

use std::{
    future::{Future, poll_fn},
    rc::Rc,
    task::Poll,
};

pub use ::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header,
};

use crate::backend;

/// Why there is no answer. The gateway's log says more, about the connection in particular.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request is none that this client may send; nothing was sent. What is wrong with it.
    #[error("the request cannot be sent: {0}")]
    Invalid(String),
    /// The client has as many requests in flight as it may; nothing was sent.
    #[error("too many requests are in flight")]
    Busy,
    /// No connection: no such name, nobody listens, no way there.
    #[error("the server cannot be reached")]
    Unreachable,
    /// The TLS handshake failed, or the certificate is not to be trusted.
    #[error("the TLS handshake failed")]
    Tls,
    /// The whole answer was not here in time.
    #[error("no whole answer in time")]
    Timeout,
    /// The answer is longer than the client's `max-response`.
    #[error("the answer is too long")]
    TooLarge,
    /// The connection broke, or what came is not HTTP.
    #[error("the connection broke")]
    Broken,
    /// The client is declared no more.
    #[error("the HTTP client is declared no more")]
    Gone,
}

/// A server that requests can be sent to. Cheap to clone.
#[derive(Clone)]
pub struct Client(Rc<backend::Client>);

impl Client {
    /// Fails when no client has that name.
    pub fn open(name: &str) -> Result<Self, String> {
        backend::Client::open(name).map(|client| Self(Rc::new(client)))
    }

    /// The server and the path above which no request goes, without user and password, as in
    /// `https://login.example.com/realms/a`; never with a `/` at its end.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Sends a request. Its URI is a path with a query, or absolute: in either case on the client's server, and not above
    /// the path of [`url`](Self::url). Redirects are answers like others. Dropping the future cancels the request.
    pub fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> impl Future<Output = Result<Response<Vec<u8>>, Error>> + 'static {
        let client = Rc::clone(&self.0);
        async move {
            let call = backend::start(&client, request);
            poll_fn(|_| match backend::take(&call) {
                Some(result) => Poll::Ready(result),
                None => Poll::Pending,
            })
            .await
        }
    }
}

/// As the world has it: status, fields and body.
#[cfg(target_arch = "wasm32")]
pub(crate) fn response(
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
) -> Result<Response<Vec<u8>>, Error> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).map_err(|_| Error::Broken)?;
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|_| Error::Broken)?;
        let value = HeaderValue::try_from(value).map_err(|_| Error::Broken)?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}
