//! From what was written about a service to what workers use.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Uri, uri::Scheme};
use rustls::{ClientConfig, pki_types::ServerName};

use super::{
    health::{self, Health, Plan},
    tls,
};
use crate::config::{problem::Problem, raw, span::Spanned};

/// One service, as compiled. Workers keep their connections to it under its `id`.
#[derive(Debug)]
pub struct Upstream {
    /// Unique in the process; a changed definition is another upstream.
    pub id: u64,
    pub name: Arc<str>,
    pub endpoints: Box<[Endpoint]>,
    pub protocol: Protocol,
    pub connect_timeout: Duration,
    /// None: endpoints are not checked.
    pub health: Option<Health>,
    definition: Definition,
}

/// One server of a service.
#[derive(Debug)]
pub struct Endpoint {
    /// As it is shown: `http://127.0.0.1:9001`.
    pub url: Arc<str>,
    pub host: Box<str>,
    pub port: u16,
    /// What `host` says when the client's is not passed on.
    pub authority: HeaderValue,
    /// The name that the certificate must have.
    pub server_name: Option<ServerName<'static>>,
}

/// What is spoken.
#[derive(Clone, Debug)]
pub enum Protocol {
    Http1,
    /// Cleartext with prior knowledge.
    Http2,
    /// ALPN offers what the configuration allows; the server chooses.
    Tls(Arc<ClientConfig>),
}

/// What decides whether an upstream is still the same.
#[derive(Debug, PartialEq)]
struct Definition {
    endpoints: Vec<String>,
    protocol: Option<raw::UpstreamProtocol>,
    server_name: Option<String>,
    /// Path and content.
    authorities: Option<(PathBuf, Vec<u8>)>,
    connect_timeout: Duration,
    health: Option<Plan>,
}

/// Where an upstream was written.
#[derive(Debug)]
pub struct Origin<'a> {
    pub file: &'a Arc<PathBuf>,
    /// The folder that relative paths begin at.
    pub base: &'a Path,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// Compiles one upstream; `previous` is returned when nothing about it changed.
///
/// # Errors
/// All that is wrong with it, each at its place.
pub fn compile(
    name: &str,
    raw: &Spanned<raw::ShortOr<raw::Upstream>>,
    timeouts: &raw::Timeouts,
    origin: &Origin<'_>,
    previous: Option<&Arc<Upstream>>,
) -> Result<Arc<Upstream>, Vec<Problem>> {
    let view = View::of(&raw.value);
    let mut problems = Vec::new();
    let definition = view.definition(timeouts, origin, &mut problems);
    if let Some(previous) = previous.filter(|previous| previous.definition == definition) {
        return Ok(Arc::clone(previous));
    }
    if view.endpoints.is_empty() {
        problems.push(
            Problem::error(
                origin.file,
                raw.span,
                format!("upstream `{name}` has no endpoint"),
            )
            .hint("write `endpoints: [http://HOST:PORT]`"),
        );
    }
    let endpoints: Vec<_> = view
        .endpoints
        .iter()
        .filter_map(|url| endpoint(url, &view, origin, &mut problems))
        .collect();
    let secure = scheme(view.endpoints, origin, &mut problems);
    if let (false, Some(tls)) = (secure, view.tls) {
        problems.push(
            Problem::error(
                origin.file,
                tls.span,
                "`tls` needs endpoints that begin with `https:`",
            )
            .hint("write `https://…` or leave `tls` out"),
        );
    }
    let protocol = match (secure, definition.protocol) {
        (false, Some(raw::UpstreamProtocol::Http2)) => Protocol::Http2,
        (false, _) => Protocol::Http1,
        (true, protocol) => {
            let pem = definition
                .authorities
                .as_ref()
                .map(|(_, pem)| pem.as_slice());
            match tls::client(pem, protocol) {
                Ok(config) => Protocol::Tls(Arc::new(config)),
                Err(reason) => {
                    let span = view.tls.map_or(raw.span, |tls| tls.span);
                    problems.push(Problem::error(origin.file, span, reason));
                    Protocol::Http1
                }
            }
        }
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let health = definition.health.clone();
    let health = health.map(|plan| checked(plan, &endpoints, previous));
    Ok(Arc::new(Upstream {
        id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        name: name.into(),
        endpoints: endpoints.into(),
        protocol,
        connect_timeout: definition.connect_timeout,
        health,
        definition,
    }))
}

/// What is known of an endpoint stays, as long as it is asked for the same.
fn checked(plan: Plan, endpoints: &[Endpoint], previous: Option<&Arc<Upstream>>) -> Health {
    let before = previous.and_then(|previous| {
        let health = previous.health.as_ref();
        let health = health.filter(|health| health.asks_like(&plan))?;
        Some(previous.endpoints.iter().zip(health.states()))
    });
    let known = |url: &str| {
        let mut before = before.clone()?;
        before.find_map(|(endpoint, state)| (*endpoint.url == *url).then(|| Arc::clone(state)))
    };
    Health::new(plan, endpoints.iter().map(|it| &*it.url), known)
}

/// The short and the long form, seen alike.
struct View<'a> {
    endpoints: &'a [Spanned<String>],
    protocol: Option<&'a Spanned<raw::UpstreamProtocol>>,
    tls: Option<&'a Spanned<raw::UpstreamTls>>,
    connect_timeout: Option<Duration>,
    health: Option<&'a Spanned<raw::Health>>,
}

impl<'a> View<'a> {
    fn of(raw: &'a raw::ShortOr<raw::Upstream>) -> Self {
        match raw {
            raw::ShortOr::Short(url) => Self {
                endpoints: std::slice::from_ref(url),
                protocol: None,
                tls: None,
                connect_timeout: None,
                health: None,
            },
            raw::ShortOr::Full(full) => Self {
                endpoints: &full.endpoints,
                protocol: full.protocol.as_ref(),
                tls: full.tls.as_ref(),
                connect_timeout: full.connect_timeout.map(|timeout| timeout.0),
                health: full.health.as_ref(),
            },
        }
    }

    fn may_speak_http2(&self) -> bool {
        let secure = || self.endpoints.iter().any(|url| url.starts_with("https:"));
        match self.protocol {
            Some(protocol) => protocol.value == raw::UpstreamProtocol::Http2,
            None => secure(),
        }
    }

    fn definition(
        &self,
        timeouts: &raw::Timeouts,
        origin: &Origin<'_>,
        problems: &mut Vec<Problem>,
    ) -> Definition {
        let authorities = self
            .tls
            .and_then(|tls| tls.authorities.as_ref())
            .and_then(|path| {
                let full = origin.base.join(&path.value);
                match std::fs::read(&full) {
                    Ok(pem) => Some((full, pem)),
                    Err(error) => {
                        let message = format!("cannot read `{}`: {error}", full.display());
                        problems.push(Problem::error(origin.file, path.span, message));
                        None
                    }
                }
            });
        Definition {
            endpoints: self.endpoints.iter().map(|url| url.value.clone()).collect(),
            protocol: self.protocol.map(|protocol| protocol.value),
            server_name: self
                .tls
                .and_then(|tls| tls.server_name.as_ref())
                .map(|server_name| server_name.value.clone()),
            authorities,
            connect_timeout: self.connect_timeout.unwrap_or(timeouts.connect.0),
            health: self.health.and_then(|health| {
                health::compile(health, self.may_speak_http2(), origin.file, problems)
            }),
        }
    }
}

/// Whether the endpoints are `https:`; they must all be alike.
fn scheme(endpoints: &[Spanned<String>], origin: &Origin<'_>, problems: &mut Vec<Problem>) -> bool {
    let secure = |url: &Spanned<String>| url.starts_with("https:");
    let Some((first, others)) = endpoints.split_first() else {
        return false;
    };
    if let Some(other) = others.iter().find(|other| secure(other) != secure(first)) {
        problems.push(
            Problem::error(
                origin.file,
                other.span,
                "the endpoints of one upstream must have the same scheme",
            )
            .related(origin.file, first.span, "the first endpoint"),
        );
    }
    secure(first)
}

fn endpoint(
    url: &Spanned<String>,
    view: &View<'_>,
    origin: &Origin<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Endpoint> {
    const FORM: &str = "write `http://HOST:PORT` or `https://HOST:PORT`";
    let mut refuse = |message: String| {
        problems.push(Problem::error(origin.file, url.span, message).hint(FORM));
        None
    };
    let uri: Uri = match url.parse() {
        Ok(uri) => uri,
        Err(error) => return refuse(format!("`{}` is not a URL: {error}", url.value)),
    };
    let secure = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => false,
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        _ => return refuse(format!("`{}` is neither `http:` nor `https:`", url.value)),
    };
    if uri.path_and_query().is_some_and(|path| path != "/") {
        return refuse(format!(
            "`{}` has a path: an endpoint is a server, `rewrite` changes paths",
            url.value
        ));
    }
    let authority = uri.authority()?;
    if authority.as_str().contains('@') {
        return refuse("an endpoint cannot have credentials".into());
    }
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let name = view.tls.and_then(|tls| tls.server_name.as_ref());
    let server_name = match name
        .map_or(host, |name| name.value.as_str())
        .to_owned()
        .try_into()
    {
        _ if !secure => None,
        Ok(server_name) => Some(server_name),
        Err(_) => return refuse(format!("`{host}` cannot be the name in a certificate")),
    };
    Some(Endpoint {
        url: url.trim_end_matches('/').into(),
        host: host.into(),
        port: authority
            .port_u16()
            .unwrap_or(if secure { 443 } else { 80 }),
        authority: HeaderValue::from_str(authority.as_str()).ok()?,
        server_name,
    })
}
