//! A request for a token.

use std::time::Duration;

use oauth2::{
    AuthType, ClientId, RequestTokenError, Scope, StandardErrorResponse, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicErrorResponseType, BasicTokenType},
};
use witgate_plugin::{
    clock,
    http::{self, Client, HeaderValue},
    log,
};

use crate::token::{Failure, Token};

/// Longer than any that an upstream would take.
const LONGEST: usize = 16 * 1024;

/// What is asked of the server.
pub(crate) struct Question {
    pub(crate) client: Client,
    pub(crate) path: String,
    /// Empty: the gateway adds who asks.
    pub(crate) client_id: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) default_lifetime: Duration,
}

type Error = RequestTokenError<http::Error, StandardErrorResponse<BasicErrorResponseType>>;

impl Question {
    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.client.url(), self.path)
    }

    /// A failure is logged.
    pub(crate) async fn ask(&self) -> Result<Token, Failure> {
        let asked = clock::monotonic();
        let url = TokenUrl::new(self.url()).map_err(|error| {
            log::error!("no token endpoint: {error}");
            Failure::Unavailable
        })?;
        let client = BasicClient::new(ClientId::new(self.client_id.clone()))
            .set_token_uri(url)
            .set_auth_type(AuthType::RequestBody);
        let mut request = client.exchange_client_credentials();
        for scope in &self.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        for (name, value) in &self.parameters {
            request = request.add_extra_param(name, value);
        }
        let send = |request| self.client.send(request);
        let answer = request.request_async(&send).await.map_err(|error| {
            let (failure, why) = judge(&error);
            log::warn!("no token from {}: {why}", self.url());
            failure
        })?;
        let unusable = |why: &str| {
            log::warn!("no token from {}: {why}", self.url());
            Failure::Unavailable
        };
        if *answer.token_type() != BasicTokenType::Bearer {
            return Err(unusable("it gives one that is no bearer token"));
        }
        let text = answer.access_token().secret();
        if text.is_empty() || text.len() > LONGEST || HeaderValue::try_from(text).is_err() {
            return Err(unusable("it gives one that cannot stand in a header field"));
        }
        let lifetime = answer.expires_in().unwrap_or(self.default_lifetime);
        Ok(Token::new(text.clone(), asked, lifetime))
    }
}

/// What the server said, without what might be secret in it.
fn judge(error: &Error) -> (Failure, String) {
    match error {
        RequestTokenError::ServerResponse(response) => {
            let code = response.error().as_ref();
            let code = code.chars().filter(char::is_ascii_graphic).take(64);
            let code = code.collect::<String>();
            let failure = match &*code {
                "server_error" | "temporarily_unavailable" => Failure::Unavailable,
                _ => Failure::Refused,
            };
            (failure, format!("it answers `{code}`"))
        }
        RequestTokenError::Request(error) => (Failure::Unavailable, error.to_string()),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => (
            Failure::Unavailable,
            String::from("its answer is no token (RFC 6749 section 5.1)"),
        ),
    }
}
