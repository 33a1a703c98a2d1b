//! What `witgate.yaml` says of one client, judged.

use std::{path::PathBuf, sync::Arc, time::Duration};

use http::{HeaderValue, Uri};
use rustls::pki_types::ServerName;

use super::authorization::Authorization;
use crate::{
    config::{
        problem::Problem,
        raw::{self, ByteSize, ShortOr},
        span::{Span, Spanned},
    },
    pipeline::sandbox::capabilities::secrets::{Handle, Secrets},
};

const TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(300);
const RESPONSE: u64 = 64 << 10;
const LARGEST_RESPONSE: u64 = 8 << 20;
const IN_FLIGHT: u32 = 64;
const MOST_IN_FLIGHT: u32 = 1024;

/// A client whose definition did not change survives a reload with its connections.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition {
    pub(super) url: Url,
    pub(super) timeout: Duration,
    pub(super) max_response: usize,
    pub(super) max_in_flight: usize,
    pub(super) authorization: Option<Authorization>,
}

/// A server, and the path above which no request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// Without a slash at its end.
    pub(super) text: String,
    pub(super) host: Arc<str>,
    pub(super) port: u16,
    /// As `host` says it.
    pub(super) authority: HeaderValue,
    /// Without a slash at its end.
    pub(super) path: String,
    /// The name that its certificate must have; none for cleartext.
    pub(super) secure: Option<ServerName<'static>>,
}

impl Url {
    /// Whether an absolute URL is one of this server.
    pub(super) fn is_of(&self, scheme: &str, other: &Uri) -> bool {
        let same_scheme = scheme == self.scheme();
        let authority = other.authority().map_or("", |authority| authority.as_str());
        let host = other.host().unwrap_or_default();
        let port = other.port_u16().unwrap_or_else(|| port_of(scheme));
        same_scheme
            && !authority.contains('@')
            && unbracketed(host).eq_ignore_ascii_case(&self.host)
            && port == self.port
    }

    fn scheme(&self) -> &'static str {
        match self.secure {
            Some(_) => "https",
            None => "http",
        }
    }
}

fn port_of(scheme: &str) -> u16 {
    match scheme {
        "https" => 443,
        _ => 80,
    }
}

/// An IPv6 address stands in brackets in a URL, and without them everywhere else.
fn unbracketed(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

impl Definition {
    pub(super) fn new(
        raw: &Spanned<ShortOr<raw::HttpClient>>,
        file: &Arc<PathBuf>,
        secrets: &Secrets,
    ) -> Result<Self, Vec<Problem>> {
        let judge = Judge { file, secrets };
        match &raw.value {
            ShortOr::Short(url) => Ok(Self {
                url: judge.url(url)?,
                timeout: TIMEOUT,
                max_response: RESPONSE as usize,
                max_in_flight: IN_FLIGHT as usize,
                authorization: None,
            }),
            ShortOr::Full(full) => judge.full(full, raw.span),
        }
    }
}

struct Judge<'a> {
    file: &'a Arc<PathBuf>,
    secrets: &'a Secrets,
}

impl Judge<'_> {
    fn full(&self, raw: &raw::HttpClient, span: Span) -> Result<Definition, Vec<Problem>> {
        let timeout = raw.timeout.map_or(TIMEOUT, |written| written.0);
        let response = raw.max_response.map_or(RESPONSE, |ByteSize(size)| size);
        let in_flight = raw.max_in_flight.unwrap_or(IN_FLIGHT);
        let mut problems = Vec::new();
        let mut bounds = |fits: bool, what: &str| {
            if !fits {
                problems.push(Problem::error(self.file, span, what));
            }
        };
        bounds(
            !timeout.is_zero() && timeout <= LONGEST_TIMEOUT,
            "`timeout` is 1ms to 5m",
        );
        bounds(
            (1..=LARGEST_RESPONSE).contains(&response),
            "`max-response` is 1 to 8MiB",
        );
        bounds(
            (1..=MOST_IN_FLIGHT).contains(&in_flight),
            "`max-in-flight` is 1 to 1024",
        );
        let url = self.url(&raw.url).map_err(|found| problems.extend(found));
        let authorization = raw
            .authorization
            .as_ref()
            .map(|raw| self.authorization(raw))
            .transpose()
            .map_err(|found| problems.push(found));
        match (url, authorization) {
            (Ok(url), Ok(authorization)) if problems.is_empty() => Ok(Definition {
                url,
                timeout,
                // Bounded above.
                max_response: response as usize,
                max_in_flight: in_flight as usize,
                authorization,
            }),
            _ => Err(problems),
        }
    }

    fn url(&self, written: &Spanned<String>) -> Result<Url, Vec<Problem>> {
        url(written).map_err(|what| {
            let problem = Problem::error(self.file, written.span, what);
            vec![problem.hint("write it as `https://login.example.com/realms/shop`")]
        })
    }

    fn authorization(&self, raw: &Spanned<raw::Authorization>) -> Result<Authorization, Problem> {
        match (&raw.basic, &raw.client_credentials, &raw.bearer) {
            (Some(basic), None, None) if basic.user.contains(':') => {
                let what = "a user with a colon cannot be told from the password";
                Err(Problem::error(self.file, basic.user.span, what)
                    .hint("RFC 7617 allows none in it"))
            }
            (Some(basic), None, None) => Ok(Authorization::Basic {
                user: basic.user.value.clone(),
                password: self.secret(&basic.password)?,
            }),
            (None, Some(client), None) => Ok(Authorization::ClientCredentials {
                id: client.id.value.clone(),
                secret: self.secret(&client.secret)?,
                send: client.send,
            }),
            (None, None, Some(token)) => Ok(Authorization::Bearer(self.secret(token)?)),
            _ => Err(
                Problem::error(self.file, raw.span, "there is one way to prove who asks")
                    .hint("write one of `basic`, `client-credentials` and `bearer`"),
            ),
        }
    }

    fn secret(&self, name: &Spanned<String>) -> Result<(String, Handle), Problem> {
        let handle = self.secrets.find(name);
        let handle = handle.map_err(|message| Problem::error(self.file, name.span, message))?;
        Ok((name.value.clone(), handle))
    }
}

/// What is wrong with it, otherwise. Nothing of what may be secret in it is repeated.
pub(super) fn url(text: &str) -> Result<Url, String> {
    let uri = text
        .parse::<Uri>()
        .map_err(|error| format!("this is no URL: {error}"))?;
    let (Some(scheme @ ("http" | "https")), Some(authority), Some(host)) =
        (uri.scheme_str(), uri.authority(), uri.host())
    else {
        return Err("an HTTP client has an http or https URL".into());
    };
    if authority.as_str().contains('@') {
        return Err("user and password do not stand in the URL; write `authorization`".into());
    }
    if uri.query().is_some() || text.contains('#') {
        return Err("the URL of an HTTP client ends with its path".into());
    }
    let path = uri.path().trim_end_matches('/').to_owned();
    let authority = authority.as_str().to_ascii_lowercase();
    let host: Arc<str> = unbracketed(host).to_ascii_lowercase().into();
    let secure = match scheme {
        "https" => Some(
            ServerName::try_from(host.to_string())
                .map_err(|_| format!("`{host}` is no name for a server"))?,
        ),
        _ => None,
    };
    Ok(Url {
        text: format!("{scheme}://{authority}{path}"),
        port: uri.port_u16().unwrap_or_else(|| port_of(scheme)),
        authority: HeaderValue::try_from(authority).map_err(|error| error.to_string())?,
        host,
        path,
        secure,
    })
}
