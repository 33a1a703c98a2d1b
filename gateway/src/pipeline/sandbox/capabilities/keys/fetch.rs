//! One fetch of a JWK set over HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::jwks::{self, Jwks};
use crate::pipeline::sandbox::capabilities::tls;

/// From the first packet to the last byte.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What was fetched.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) jwks: Jwks,
    /// How long the issuer calls it fresh.
    pub(super) max_age: Option<Duration>,
}

pub(super) async fn fetch(url: &Uri) -> Result<Fetched, String> {
    tokio::time::timeout(TIMEOUT, exchange(url))
        .await
        .unwrap_or_else(|_| Err(format!("no whole answer within {TIMEOUT:?}")))
}

async fn exchange(url: &Uri) -> Result<Fetched, String> {
    let host = url.host().ok_or("the URL has no host")?;
    let secure = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    // An IPv6 address stands in brackets in a URL, and without them everywhere else.
    let host = host.trim_matches(['[', ']']);
    let tcp = TcpStream::connect((host, port))
        .await
        .map_err(|error| format!("cannot connect to {host}:{port}: {error}"))?;
    if !secure {
        return ask(tcp, url).await;
    }
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| format!("`{host}` is no name for a server"))?;
    let tls = TlsConnector::from(tls::client()?)
        .connect(name, tcp)
        .await
        .map_err(|error| format!("the TLS handshake with {host} failed: {error}"))?;
    ask(tls, url).await
}

async fn ask<S>(stream: S, url: &Uri) -> Result<Fetched, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let request = request(url)?;
    // The connection does the work of `exchange` and ends with it.
    let exchange = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| format!("no answer: {error}"))?;
        read(response).await
    };
    tokio::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        fetched = &mut exchange => fetched,
        ended = &mut connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(format!("the connection broke: {error}")),
        },
    }
}

fn request(url: &Uri) -> Result<Request<Empty<Bytes>>, String> {
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
        .map_err(|error| error.to_string())
}

async fn read(response: Response<Incoming>) -> Result<Fetched, String> {
    if response.status() != StatusCode::OK {
        let status = response.status();
        return Err(match response.headers().get(header::LOCATION) {
            Some(to) => format!("it answers {status} to {to:?}: write the URL that has the keys"),
            None => format!("it answers {status}"),
        });
    }
    let max_age = max_age(&response);
    let body = Limited::new(response.into_body(), jwks::MOST_BYTES)
        .collect()
        .await
        .map_err(|error| format!("the answer cannot be read: {error}"))?;
    let jwks = jwks::check(body.to_bytes().into())?;
    Ok(Fetched { jwks, max_age })
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
