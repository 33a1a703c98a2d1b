//! One JSON document, asked for over HTTP once and read within bounds.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::{body::Body, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::failure::{Failure, Kind, shown};
use crate::pipeline::sandbox::capabilities::tls;

/// What a server answered with 200.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) bytes: Vec<u8>,
    /// How long the server calls it fresh.
    pub(super) max_age: Option<Duration>,
}

/// Not a byte more than `most` is kept, whatever the server sends. Redirects are not followed: whom keys come from, the
/// operator says.
pub(super) async fn get(url: &Uri, most: usize) -> Result<Document, Failure> {
    let host = url
        .host()
        .ok_or_else(|| Failure::new(Kind::UnsafeUrl, "the URL has no host"))?;
    let secure = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    // An IPv6 address stands in brackets in a URL, and without them everywhere else.
    let host = host.trim_matches(['[', ']']);
    let tcp = TcpStream::connect((host, port)).await.map_err(|error| {
        let message = format!("cannot connect to {host}:{port}: {error}");
        Failure::new(Kind::Unreachable, message)
    })?;
    if !secure {
        return ask(tcp, url, most).await;
    }
    let failed = |message: String| Failure::new(Kind::Tls, message);
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| failed(format!("`{host}` is no name for a server")))?;
    let tls = TlsConnector::from(tls::client().map_err(failed)?)
        .connect(name, tcp)
        .await
        .map_err(|error| failed(format!("the TLS handshake with {host} failed: {error}")))?;
    ask(tls, url, most).await
}

async fn ask<S>(stream: S, url: &Uri, most: usize) -> Result<Document, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |message: String| Failure::new(Kind::Broken, message);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(error.to_string()))?;
    let request = request(url).map_err(|error| broken(error.to_string()))?;
    // The connection does the work of `exchange` and ends with it.
    let exchange = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| broken(format!("no answer: {error}")))?;
        read(response, most).await
    };
    tokio::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        document = &mut exchange => document,
        ended = &mut connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(broken(format!("the connection broke: {error}"))),
        },
    }
}

fn request(url: &Uri) -> http::Result<Request<Empty<Bytes>>> {
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or(authority);
    Request::get(target)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/jwk-set+json, application/json")
        .header(
            header::USER_AGENT,
            concat!("witgate/", env!("CARGO_PKG_VERSION")),
        )
        .header(header::CONNECTION, "close")
        .body(Empty::new())
}

async fn read(response: Response<Incoming>, most: usize) -> Result<Document, Failure> {
    let status = response.status();
    if status != StatusCode::OK {
        let to = response.headers().get(header::LOCATION);
        return Err(match to.filter(|_| status.is_redirection()) {
            Some(to) => {
                let to = shown(&String::from_utf8_lossy(to.as_bytes()));
                let message = format!(
                    "it answers {status} to {to}, which is not followed: write the URL that has the keys"
                );
                Failure::new(Kind::Redirect, message)
            }
            None => Failure::new(Kind::Status, format!("it answers {status}")),
        });
    }
    let too_large = || Failure::new(Kind::TooLarge, format!("it is longer than {most} bytes"));
    if response.body().size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let max_age = max_age(&response);
    let body = Limited::new(response.into_body(), most).collect().await;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return too_large();
        }
        Failure::new(Kind::Broken, format!("it breaks off: {error}"))
    })?;
    Ok(Document {
        bytes: body.to_bytes().into(),
        max_age,
    })
}

/// RFC 9111 section 5.2.2.1.
fn max_age(response: &Response<Incoming>) -> Option<Duration> {
    let field = response
        .headers()
        .get(header::CACHE_CONTROL)?
        .to_str()
        .ok()?;
    let seconds = field.split(',').find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        let value = value.trim_matches('"').parse::<u64>().ok();
        name.eq_ignore_ascii_case("max-age").then_some(value)?
    });
    seconds.map(Duration::from_secs)
}
