//! The authorization server, and how it is asked: once for each token, however many requests wait on however many
//! workers (RFC 7662 section 2).

use std::{cell::Cell, fmt::Display, rc::Rc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth2::{
    AccessToken, ClientId, ClientSecret, EmptyExtraTokenFields, EndpointNotSet, EndpointSet,
    ExtraTokenFields, HttpRequest, IntrospectionUrl, RequestTokenError, StandardRevocableToken,
    StandardTokenIntrospectionResponse, TokenIntrospectionResponse,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenType},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use witgate_plugin::{
    clock, crypto,
    http::{self, Client, header},
    kv::{self, Entry},
    log,
    metrics::Counter,
};

use crate::finding::{Active, Finding};

/// Longer than any client of the gateway waits for an answer.
const LEASE: Duration = Duration::from_secs(60);

/// Those who wait for an answer that does not come share this, instead of asking one after the other.
const FAILED_AGE: Duration = Duration::from_secs(1);

/// Identifies a token together with the server that was asked about it.
pub(crate) type Digest = [u8; 32];

/// What the server says beyond RFC 7662.
#[derive(Debug, Serialize, Deserialize)]
struct Further(Map<String, Value>);

impl ExtraTokenFields for Further {}

type Answer = StandardTokenIntrospectionResponse<Further, BasicTokenType>;

type Questioner = oauth2::Client<
    BasicErrorResponse,
    oauth2::StandardTokenResponse<EmptyExtraTokenFields, BasicTokenType>,
    Answer,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
>;

/// The introspection endpoint of one authorization server.
pub(crate) struct Server {
    http: Client,
    questioner: Questioner,
    /// What sets its tokens apart from those of others.
    place: String,
    max_age: Duration,
    inactive_age: Duration,
    active: Counter,
    inactive: Counter,
    failed: Counter,
}

impl Server {
    /// Fails when client and path together are no URL.
    pub(crate) fn new(
        name: &str,
        http: Client,
        path: &str,
        max_age: Duration,
        inactive_age: Duration,
    ) -> Result<Self, String> {
        if !path.is_empty() && !path.starts_with('/') {
            return Err(String::from(
                "a path begins with `/`; write `/oauth2/introspect`",
            ));
        }
        let url = IntrospectionUrl::new(format!("{}{path}", http.url()))
            .map_err(|error| format!("with the URL of `{name}`, this makes none: {error}"))?;
        // The gateway adds the credentials, and `ask` removes what the crate puts in their place.
        let questioner: Questioner = oauth2::Client::new(ClientId::new(String::new()))
            .set_client_secret(ClientSecret::new(String::new()))
            .set_introspection_url(url);
        let counter = |result| Counter::new("introspections", &[("result", result)]);
        Ok(Self {
            http,
            questioner,
            place: format!("{name}\0{path}\0"),
            max_age,
            inactive_age,
            active: counter("active"),
            inactive: counter("inactive"),
            failed: counter("failed"),
        })
    }

    pub(crate) fn digest(&self, token: &str) -> Digest {
        let digest = crypto::sha256([&self.place, token].concat().as_bytes());
        digest.try_into().unwrap_or_default()
    }

    /// What the server says of a token, or said not long ago.
    pub(crate) async fn find(self: Rc<Self>, digest: Digest, token: String) -> Finding {
        let key = URL_SAFE_NO_PAD.encode(digest);
        match kv::get_or_claim(&key, LEASE).await {
            Entry::Value(shared) => Finding::read(&shared),
            Entry::Claimed(_claim) => {
                let finding = self.ask(&key, &AccessToken::new(token)).await;
                self.share(&key, &finding);
                finding
            }
        }
    }

    fn share(&self, key: &str, finding: &Finding) {
        let age = match finding {
            Finding::Active(active) => {
                self.active.add(1);
                active.until.saturating_sub(clock::unix_seconds())
            }
            Finding::Inactive => {
                self.inactive.add(1);
                self.inactive_age.as_secs()
            }
            Finding::Failed => {
                self.failed.add(1);
                FAILED_AGE.as_secs()
            }
        };
        if age > 0 {
            // One that is too long to be shared is asked for again.
            kv::set(key, &finding.write(), Duration::from_secs(age));
        }
    }

    async fn ask(&self, key: &str, token: &AccessToken) -> Finding {
        let status = Cell::new(None);
        let send = |mut request: HttpRequest| {
            request.headers_mut().remove(header::AUTHORIZATION);
            let call = self.http.send(request);
            let status = &status;
            async move {
                let response = call.await?;
                status.set(Some(response.status()));
                Ok::<_, http::Error>(response)
            }
        };
        let question = self.questioner.introspect(token);
        let question = question.set_token_type_hint("access_token");
        match question.request_async(&send).await {
            Ok(answer) if answer.active() => self.accept(&answer),
            Ok(_) => Finding::Inactive,
            Err(error) => {
                let reason = reason(&error);
                match status.get() {
                    Some(status) => {
                        log::warn!(
                            "introspection of {:.8} failed: status {status}, {reason}",
                            key
                        );
                    }
                    None => log::warn!("introspection of {:.8} failed: {reason}", key),
                }
                Finding::Failed
            }
        }
    }

    fn accept(&self, answer: &Answer) -> Finding {
        let now = clock::unix_seconds();
        let expires = answer.exp().map_or(u64::MAX, |date| {
            u64::try_from(date.timestamp()).unwrap_or_default()
        });
        match serde_json::to_value(answer) {
            Ok(claims) => Finding::Active(Active {
                claims,
                until: expires.min(now.saturating_add(self.max_age.as_secs())),
            }),
            Err(_) => Finding::Failed,
        }
    }
}

/// Without anything of the answer's body: it may hold what nobody should read.
fn reason<T: oauth2::ErrorResponse + Display>(error: &RequestTokenError<http::Error, T>) -> String {
    match error {
        RequestTokenError::Request(error) => error.to_string(),
        RequestTokenError::ServerResponse(_) => {
            String::from("the server refuses the gateway; see `authorization` of the HTTP client")
        }
        RequestTokenError::Parse(error, _) => {
            format!(
                "this is no answer to an introspection, see `{}`",
                error.path()
            )
        }
        RequestTokenError::Other(_) => String::from("this is no answer to an introspection"),
    }
}
