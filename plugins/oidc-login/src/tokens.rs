//! The issuer's tokens: for a code, for a refresh token (OpenID Connect Core sections 3.1.3 and 12), and what it tells
//! for them (section 5.3).

use oauth2::{
    AuthorizationCode, ClientId, EmptyExtraTokenFields, EndpointNotSet, ExtraTokenFields,
    PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, StandardRevocableToken,
    StandardTokenIntrospectionResponse, StandardTokenResponse, TokenResponse,
    basic::{
        BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse, BasicTokenType,
    },
    url::{Url, form_urlencoded},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use witgate_plugin::{
    http::{self, Client, Request, StatusCode},
    log,
};

use crate::{attempt::Attempt, issuer::Endpoints, sessions::Access};

/// What OpenID Connect adds to a token response.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IdTokenField {
    pub(crate) id_token: Option<String>,
}

impl ExtraTokenFields for IdTokenField {}

pub(crate) type Tokens = StandardTokenResponse<IdTokenField, BasicTokenType>;

/// The `oauth2` crate's client, without any endpoint.
pub(crate) type Questioner = oauth2::Client<
    BasicErrorResponse,
    Tokens,
    StandardTokenIntrospectionResponse<EmptyExtraTokenFields, BasicTokenType>,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
>;

/// Why there are no tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The issuer accepts the code or the refresh token no more (RFC 6749 section 5.2).
    Refused,
    /// It gives no answer, or none that can be understood.
    Unavailable,
}

/// One client at one issuer.
pub(crate) struct Grants {
    /// Has the credentials of the client.
    pub(crate) tokens: Client,
    /// Has none.
    pub(crate) plain: Client,
    questioner: Questioner,
}

impl Grants {
    pub(crate) fn new(client_id: &str, tokens: Client, plain: Client) -> Self {
        Self {
            tokens,
            plain,
            questioner: oauth2::Client::new(ClientId::new(client_id.to_owned())),
        }
    }

    pub(crate) fn questioner(&self) -> Questioner {
        self.questioner.clone()
    }

    pub(crate) async fn for_code(
        &self,
        endpoints: &Endpoints,
        code: String,
        attempt: &Attempt,
    ) -> Result<Tokens, Fault> {
        let Ok(redirect_uri) = RedirectUrl::new(attempt.redirect_uri.clone()) else {
            return Err(Fault::Refused);
        };
        let client = self.questioner().set_token_uri(endpoints.token.clone());
        let client = client.set_redirect_uri(redirect_uri);
        let request = client.exchange_code(AuthorizationCode::new(code));
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier.clone()));
        let send = |request| self.tokens.send(request);
        let result = request.request_async(&send).await;
        result.map_err(|error| fault("code", &error))
    }

    pub(crate) async fn for_refresh_token(
        &self,
        endpoints: &Endpoints,
        token: &str,
    ) -> Result<Tokens, Fault> {
        let client = self.questioner().set_token_uri(endpoints.token.clone());
        let token = RefreshToken::new(token.to_owned());
        let request = client.exchange_refresh_token(&token);
        let send = |request| self.tokens.send(request);
        let result = request.request_async(&send).await;
        result.map_err(|error| fault("refresh token", &error))
    }

    /// The issuer forgets a refresh token, and those that came with it (RFC 7009). If it does not answer, nothing more
    /// can be done here.
    pub(crate) async fn revoke(&self, endpoint: &Url, token: &str) {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("token_type_hint", "refresh_token")
            .append_pair("client_id", self.questioner.client_id())
            .finish();
        let request = Request::post(endpoint.as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.into_bytes());
        let Ok(request) = request else {
            return;
        };
        match self.tokens.send(request).await {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => log::warn!("a revocation is answered {}", response.status()),
            Err(error) => log::warn!("a refresh token cannot be revoked: {error}"),
        }
    }

    /// What the issuer tells of the subject of an ID token.
    pub(crate) async fn userinfo(
        &self,
        endpoints: &Endpoints,
        tokens: &Tokens,
        subject: Option<&Value>,
    ) -> Result<Map<String, Value>, Fault> {
        let answer = async {
            let url = endpoints
                .userinfo
                .as_ref()
                .ok_or("it has no such endpoint")?;
            let authorization = format!("Bearer {}", tokens.access_token().secret());
            let request = Request::get(url.as_str())
                .header("authorization", authorization)
                .header("accept", "application/json")
                .body(Vec::new())
                .map_err(|_| "its access token is none")?;
            let response = self.plain.send(request).await.map_err(|_| "no answer")?;
            if response.status() != StatusCode::OK {
                return Err("it refuses the access token");
            }
            serde_json::from_slice::<Map<String, Value>>(response.body())
                .map_err(|_| "it is no JSON object")
        };
        let told = answer.await.map_err(|reason| {
            log::warn!("the issuer's userinfo cannot be had: {reason}");
            Fault::Unavailable
        })?;
        // Section 5.3.2: else it is about somebody else.
        if told.get("sub") != subject {
            log::warn!("the issuer's userinfo is about somebody else");
            return Err(Fault::Unavailable);
        }
        Ok(told)
    }
}

/// What of the tokens a session keeps.
pub(crate) fn access(tokens: &Tokens, keeps_token: bool, before: Access, now: u64) -> Access {
    let lasts = tokens.expires_in().map(|lasts| lasts.as_secs());
    // Well before the end, and never all the time.
    let ahead = |lasts: u64| lasts - (lasts / 4).min(60);
    let refresh = tokens.refresh_token().map(|token| token.secret().clone());
    let refresh = refresh.or(before.refresh);
    Access {
        token: keeps_token.then(|| tokens.access_token().secret().clone()),
        expires: lasts.map(|lasts| now.saturating_add(lasts)),
        refresh_at: match refresh {
            Some(_) => lasts.map(|lasts| now.saturating_add(ahead(lasts))),
            None => None,
        },
        refresh,
    }
}

/// Without anything of the answer's body but the error that it names: it may hold what nobody should read.
fn fault(what: &str, error: &RequestTokenError<http::Error, BasicErrorResponse>) -> Fault {
    let reason = match error {
        RequestTokenError::ServerResponse(response) => match response.error() {
            BasicErrorResponseType::InvalidGrant => {
                log::info!("the issuer accepts a {what} no more");
                return Fault::Refused;
            }
            BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
                String::from(
                    "the issuer refuses the gateway; see `authorization` of the HTTP client",
                )
            }
            _ => String::from("the issuer refuses the request"),
        },
        RequestTokenError::Request(error) => error.to_string(),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            String::from("the issuer's answer is no token response")
        }
    };
    log::warn!("no tokens for a {what}: {reason}");
    Fault::Unavailable
}
