//! From a browser without a session to one with a session (OpenID Connect Core section 3.1).

use std::{rc::Rc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth2::{
    CsrfToken, PkceCodeChallenge, PkceCodeVerifier, Scope, TokenResponse, url::form_urlencoded,
};
use serde_json::{Map, Value};
use witgate_jose::Keys;
use witgate_plugin::{
    Request, Result, clock, crypto,
    kv::{self, Entry},
    log,
};

use crate::{
    attempt::{self, Attempt},
    cookies::{self, Cookies},
    decision::{Decision, Refusal},
    id_token::{self, Expected},
    issuer::{Endpoints, Issuer},
    sessions::{Open, Session, Sessions},
    settings::Fixed,
    site::Site,
    tokens::{self, Fault, Grants, Tokens},
    visit::{Place, Visit},
};

/// Longer than any client of the gateway waits for an answer.
const LEASE: Duration = Duration::from_secs(60);

/// The policy of one route.
pub(crate) struct Login {
    pub(crate) settings: Fixed,
    pub(crate) issuer: Issuer,
    pub(crate) grants: Grants,
    pub(crate) keys: Rc<Keys>,
    pub(crate) sessions: Sessions,
}

impl Login {
    pub(crate) async fn decide(self: Rc<Self>, visit: Visit) -> Decision {
        match visit.place {
            Place::Callback => self.complete(&visit).await,
            Place::Logout => self.log_out(&visit).await,
            Place::Protected => self.guard(&visit).await,
        }
    }

    /// What the upstream sees of a session: who it is, and nothing that belongs to the gateway.
    pub(crate) fn pass_on(&self, request: &mut Request, open: &Open) -> Result<()> {
        request.set_identity(&open.identity)?;
        Cookies::strip(request, &self.settings.cookie)?;
        if let Some(token) = &open.session.access.token {
            request.set_header("authorization", format!("Bearer {token}"))?;
        }
        Ok(())
    }

    /// The name of the session's cookie.
    pub(crate) fn cookie(&self, site: &Site) -> String {
        format!("{}{}", site.cookie_prefix(), self.settings.cookie)
    }

    /// Sends the browser to the issuer.
    pub(crate) async fn begin(&self, visit: &Visit) -> Decision {
        let Ok(endpoints) = self.issuer.endpoints().await else {
            return Decision::refuse(Refusal::Unavailable, Vec::new());
        };
        let now = clock::unix_seconds();
        let attempt = Attempt::new(visit, &self.settings.callback, now);
        let mut set =
            cookies::remove_chunks(&visit.site, &visit.cookies, &self.cookie(&visit.site), 0);
        set.extend(self.remember(visit, &attempt, now));
        Decision::redirect(&self.question(&endpoints, &attempt), set)
    }

    fn question(&self, endpoints: &Endpoints, attempt: &Attempt) -> String {
        let verifier = PkceCodeVerifier::new(attempt.verifier.clone());
        let client = self.grants.questioner();
        let client = client.set_auth_uri(endpoints.authorization.clone());
        let state = attempt.state.clone();
        let mut question = client
            .authorize_url(|| CsrfToken::new(state))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_extra_param("redirect_uri", attempt.redirect_uri.clone())
            .add_extra_param("nonce", attempt.nonce.clone());
        for scope in &self.settings.scopes {
            question = question.add_scope(Scope::new(scope.clone()));
        }
        for (name, value) in &self.settings.parameters {
            question = question.add_extra_param(name.clone(), value.clone());
        }
        question.url().0.into()
    }

    /// The browser is back from the issuer.
    async fn complete(&self, visit: &Visit) -> Decision {
        let now = clock::unix_seconds();
        let Some(state) = parameter(visit, "state") else {
            return Decision::refuse(Refusal::State, Vec::new());
        };
        let Some(attempt) = self.attempt(visit, &state, now) else {
            return Decision::refuse(Refusal::State, Vec::new());
        };
        let over = vec![cookies::remove(
            &visit.site,
            &self.attempt_cookie(visit, &state),
        )];
        // A login is good for one session, whoever repeats it, and two at once are one too many.
        let used = format!(
            "used {}",
            URL_SAFE_NO_PAD.encode(crypto::sha256(state.as_bytes()))
        );
        let _claim = match kv::get_or_claim(&used, LEASE).await {
            Entry::Value(_) => return Decision::refuse(Refusal::Replayed, over),
            Entry::Claimed(claim) => claim,
        };
        match self.redeem(visit, &attempt).await {
            Ok(session) => {
                use_up(&used);
                self.welcome(visit, &attempt, session, over)
            }
            // It can be tried again: the code may not have been used.
            Err(Refusal::Unavailable) => Decision::refuse(Refusal::Unavailable, Vec::new()),
            Err(refusal) => {
                use_up(&used);
                Decision::refuse(refusal, over)
            }
        }
    }

    async fn redeem(&self, visit: &Visit, attempt: &Attempt) -> Result<Session, Refusal> {
        let endpoints = self.issuer.endpoints().await;
        let endpoints = endpoints.map_err(|_| Refusal::Unavailable)?;
        // RFC 9207 section 2.4.
        match parameter(visit, "iss") {
            Some(issuer) if issuer != self.issuer.name => return Err(Refusal::Issuer),
            None if endpoints.names_itself => return Err(Refusal::Issuer),
            _ => {}
        }
        let Some(code) = parameter(visit, "code") else {
            let error = parameter(visit, "error").unwrap_or_default();
            let error = error
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || *c == '_');
            let error = error.take(64).collect::<String>();
            log::info!("the issuer lets nobody in: {error}");
            return Err(Refusal::Denied);
        };
        let tokens = self.grants.for_code(&endpoints, code, attempt).await;
        let tokens = tokens.map_err(|fault| match fault {
            Fault::Refused => Refusal::Code,
            Fault::Unavailable => Refusal::Unavailable,
        })?;
        self.session(&endpoints, &tokens, Some(&attempt.nonce), None)
            .await
    }

    /// The session that a token response makes, new or in place of one before.
    pub(crate) async fn session(
        &self,
        endpoints: &Endpoints,
        tokens: &Tokens,
        nonce: Option<&str>,
        before: Option<&Open>,
    ) -> Result<Session, Refusal> {
        let (id_token, subject) = self.believe(tokens, nonce, before).await?;
        let told = match self.settings.userinfo {
            true => {
                self.grants
                    .userinfo(endpoints, tokens, subject.as_ref())
                    .await
            }
            false => Ok(Map::new()),
        };
        let userinfo = match (told, before) {
            (Ok(told), _) => told,
            // The refresh token may be used up: what was told before still serves.
            (Err(_), Some(open)) => open.session.userinfo.clone(),
            (Err(_), None) => return Err(Refusal::Unavailable),
        };
        let now = clock::unix_seconds();
        let old = before.map(|open| &open.session);
        let access = old.map(|session| session.access.clone());
        let keeps_token = self.settings.forward_access_token;
        Ok(Session {
            begun: old.map_or(now, |session| session.begun),
            seen: now,
            id_token,
            userinfo,
            scopes: self.granted(tokens, old),
            access: tokens::access(tokens, keeps_token, access.unwrap_or_default(), now),
        })
    }

    /// The ID token of a response, and its subject, once it is verified.
    async fn believe(
        &self,
        tokens: &Tokens,
        nonce: Option<&str>,
        before: Option<&Open>,
    ) -> Result<(String, Option<Value>), Refusal> {
        let token = match (&tokens.extra_fields().id_token, before) {
            (Some(token), _) => token.clone(),
            // A refresh need not bring one (OpenID Connect Core section 12.2).
            (None, Some(open)) => {
                let subject = open.claims.get("sub").cloned();
                return Ok((open.session.id_token.clone(), subject));
            }
            (None, None) => {
                log::warn!("the issuer gives no ID token; is the scope `openid` allowed?");
                return Err(Refusal::IdToken);
            }
        };
        let expected = Expected {
            issuer: &self.issuer.name,
            client_id: &self.sessions.client_id,
            nonce,
            subject: before.and_then(|open| open.claims["sub"].as_str()),
        };
        let (algorithms, now) = (&self.settings.algorithms, clock::unix_seconds());
        let verified = id_token::verify(&token, &self.keys, algorithms, &expected, now).await;
        let claims = verified.map_err(|reason| {
            log::warn!("an ID token cannot be believed: {reason}");
            Refusal::IdToken
        })?;
        Ok((token, claims.get("sub").cloned()))
    }

    /// A response without scopes grants what was asked for (RFC 6749 section 5.1).
    fn granted(&self, tokens: &Tokens, old: Option<&Session>) -> Vec<String> {
        match (tokens.scopes(), old) {
            (Some(scopes), _) => scopes.iter().map(|scope| scope.to_string()).collect(),
            (None, Some(session)) => session.scopes.clone(),
            (None, None) => self.settings.scopes.clone(),
        }
    }

    /// Sets the session and leads back to what was wanted.
    fn welcome(
        &self,
        visit: &Visit,
        attempt: &Attempt,
        session: Session,
        mut set: Vec<String>,
    ) -> Decision {
        let Some(cookies) = self.session_cookies(visit, &session) else {
            return Decision::refuse(Refusal::Unusable, set);
        };
        if let Err(message) = self.sessions.establish(session) {
            log::warn!("no identity can be made of what the issuer says: {message}");
            return Decision::refuse(Refusal::Unusable, set);
        }
        set.extend(cookies);
        // With its origin it stays here even if the path begins with `//`.
        let target = format!("{}{}", visit.site.origin, attempt.target);
        Decision::redirect(&target, set)
    }

    /// None, and a line in the log, when it is too long for cookies.
    pub(crate) fn session_cookies(&self, visit: &Visit, session: &Session) -> Option<Vec<String>> {
        let sealed = self.sessions.seal_session(session);
        let left = self.sessions.left(session, clock::unix_seconds());
        let name = self.cookie(&visit.site);
        let cookies = cookies::chunked(&visit.site, &visit.cookies, &name, &sealed, left);
        if cookies.is_none() {
            log::warn!(
                "a session of {} bytes is too long for cookies; have the issuer put less into its tokens",
                sealed.len()
            );
        }
        cookies
    }
}

fn use_up(key: &str) {
    kv::set(key, b"1", Duration::from_secs(attempt::PATIENCE));
}

/// One that is there once.
pub(crate) fn parameter(visit: &Visit, name: &str) -> Option<String> {
    let pairs = form_urlencoded::parse(visit.query.as_bytes());
    let mut values = pairs.filter(|(known, _)| known == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value.into_owned()),
        _ => None,
    }
}
