//! What an issuer publishes of itself (OpenID Connect Discovery 1.0), fetched once for all workers and kept while the
//! issuer is down.

use std::{cell::RefCell, rc::Rc, time::Duration};

use oauth2::{AuthUrl, TokenUrl, url::Url};
use serde::Deserialize;
use witgate_plugin::{
    clock,
    http::{Client, Request, StatusCode},
    kv::{self, Entry},
    log,
};

/// Longer than any client of the gateway waits for an answer.
const LEASE: Duration = Duration::from_secs(60);

const FRESH: Duration = Duration::from_secs(3600);

/// How long an old document serves before the issuer that is down is asked again.
const STALE: Duration = Duration::from_secs(10);

/// Those who wait for an issuer that is down share this, instead of asking one after the other.
const FAILED: Duration = Duration::from_secs(1);

/// Where an issuer does what.
#[derive(Debug, Deserialize)]
pub(crate) struct Endpoints {
    issuer: String,
    #[serde(rename = "authorization_endpoint")]
    pub(crate) authorization: AuthUrl,
    #[serde(rename = "token_endpoint")]
    pub(crate) token: TokenUrl,
    #[serde(rename = "userinfo_endpoint")]
    pub(crate) userinfo: Option<Url>,
    #[serde(rename = "end_session_endpoint")]
    pub(crate) end_session: Option<Url>,
    /// RFC 8414 section 2.
    #[serde(rename = "revocation_endpoint")]
    pub(crate) revocation: Option<Url>,
    /// RFC 9207 section 3.
    #[serde(rename = "authorization_response_iss_parameter_supported", default)]
    pub(crate) names_itself: bool,
}

/// An issuer, and how to ask it.
pub(crate) struct Issuer {
    pub(crate) name: String,
    client: Client,
    /// What its document is shared under.
    key: String,
    known: RefCell<Option<(u64, Rc<Endpoints>)>>,
}

/// It does not say where it does what.
#[derive(Debug)]
pub(crate) struct Unavailable;

impl Issuer {
    pub(crate) fn new(name: String, client: Client, client_name: &str) -> Self {
        Self {
            name,
            client,
            key: format!("issuer {client_name:.200}"),
            known: RefCell::default(),
        }
    }

    pub(crate) async fn endpoints(&self) -> Result<Rc<Endpoints>, Unavailable> {
        let now = clock::unix_seconds();
        if let Some((until, known)) = &*self.known.borrow()
            && now < *until
        {
            return Ok(Rc::clone(known));
        }
        let endpoints = match kv::get_or_claim(&self.key, LEASE).await {
            Entry::Value(document) => self.read(&document).map_err(|_| Unavailable)?,
            Entry::Claimed(_claim) => self.fetch().await?,
        };
        let endpoints = Rc::new(endpoints);
        let until = now.saturating_add(STALE.as_secs());
        *self.known.borrow_mut() = Some((until, Rc::clone(&endpoints)));
        Ok(endpoints)
    }

    async fn fetch(&self) -> Result<Endpoints, Unavailable> {
        let old = format!("{} before", self.key);
        let reason = match self.ask().await {
            Ok(document) => match self.read(&document) {
                Ok(endpoints) => {
                    kv::set(&self.key, &document, FRESH);
                    kv::keep(&old, &document);
                    return Ok(endpoints);
                }
                Err(reason) => reason,
            },
            Err(reason) => reason,
        };
        log::warn!("the issuer's configuration cannot be had: {reason}");
        if let Some(document) = kv::get(&old)
            && let Ok(endpoints) = self.read(&document)
        {
            kv::set(&self.key, &document, STALE);
            return Ok(endpoints);
        }
        kv::set(&self.key, b"", FAILED);
        Err(Unavailable)
    }

    async fn ask(&self) -> Result<Vec<u8>, String> {
        let url = format!("{}/.well-known/openid-configuration", self.client.url());
        let request = Request::get(url).header("accept", "application/json");
        let request = request
            .body(Vec::new())
            .map_err(|error| error.to_string())?;
        let response = self.client.send(request).await;
        let response = response.map_err(|error| error.to_string())?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(format!("it answers {status}")),
        }
    }

    fn read(&self, document: &[u8]) -> Result<Endpoints, String> {
        let endpoints: Endpoints = serde_json::from_slice(document)
            .map_err(|_| String::from("it is no OpenID provider configuration"))?;
        // Discovery section 4.3.
        if endpoints.issuer != self.name {
            return Err(format!(
                "it is that of another issuer; write `issuer: {:?}` if that one is meant",
                endpoints.issuer
            ));
        }
        Ok(endpoints)
    }
}
