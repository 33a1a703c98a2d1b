//! New tokens for old ones: one request at a time for each session, whose result all requests of that session share,
//! on every worker. An issuer that changes refresh tokens takes a second use of one for a theft.

use std::{rc::Rc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use witgate_plugin::{
    crypto,
    kv::{self, Entry},
};

use crate::{
    decision::Refusal,
    login::Login,
    sessions::{Access, Found, Open, Session},
    tokens::Fault,
};

/// Longer than any client of the gateway waits for an answer.
const LEASE: Duration = Duration::from_secs(60);

/// How long requests with the old cookie may still arrive.
const SHARED: Duration = Duration::from_secs(300);

/// How long an issuer that is down is left in peace.
const FAILED: Duration = Duration::from_secs(2);

/// What became of a session.
pub(crate) enum Refreshed {
    New(Rc<Open>),
    /// The issuer says that it is over.
    Ended,
    /// The issuer says nothing.
    Unavailable,
}

/// The same for the other requests of the session.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Shared {
    /// Sealed, as in a cookie.
    New(String),
    Ended,
    Failed,
}

impl Login {
    pub(crate) async fn refresh(&self, open: &Open, now: u64) -> Refreshed {
        let access = &open.session.access;
        let (Some(token), Some(key)) = (&access.refresh, key(access)) else {
            return Refreshed::Unavailable;
        };
        let shared = match kv::get_or_claim(&key, LEASE).await {
            Entry::Value(shared) => serde_json::from_slice(&shared).unwrap_or(Shared::Failed),
            Entry::Claimed(_claim) => {
                let (shared, age) = match self.ask_for_new(open, token).await {
                    Ok(session) => (Shared::New(self.sessions.seal_session(&session)), SHARED),
                    Err(Fault::Refused) => (Shared::Ended, SHARED),
                    Err(Fault::Unavailable) => (Shared::Failed, FAILED),
                };
                share(&key, &shared, age);
                shared
            }
        };
        match shared {
            Shared::New(sealed) => match self.sessions.open(Some(&sealed), now) {
                Found::Session(open) => Refreshed::New(open),
                Found::Nothing | Found::Forged | Found::Ended => Refreshed::Ended,
            },
            Shared::Ended => Refreshed::Ended,
            Shared::Failed => Refreshed::Unavailable,
        }
    }

    async fn ask_for_new(&self, open: &Open, token: &str) -> Result<Session, Fault> {
        let endpoints = self.issuer.endpoints().await;
        let endpoints = endpoints.map_err(|_| Fault::Unavailable)?;
        let tokens = self.grants.for_refresh_token(&endpoints, token).await?;
        let session = self.session(&endpoints, &tokens, None, Some(open)).await;
        session.map_err(|refusal| match refusal {
            Refusal::Unavailable => Fault::Unavailable,
            _ => Fault::Refused,
        })
    }

    /// From now on, copies of the session's cookie end with its access token.
    pub(crate) fn forget(&self, session: &Session) {
        if let Some(key) = key(&session.access) {
            share(&key, &Shared::Ended, self.sessions.lifetime);
        }
    }
}

fn share(key: &str, shared: &Shared, age: Duration) {
    let shared = serde_json::to_vec(shared).unwrap_or_default();
    kv::set(key, &shared, age);
}

/// Of one turn: an issuer may give the same refresh token again.
fn key(access: &Access) -> Option<String> {
    let (token, turn) = (access.refresh.as_ref()?, access.refresh_at?);
    let digest = crypto::sha256(format!("{turn} {token}").as_bytes());
    Some(format!("refresh {}", URL_SAFE_NO_PAD.encode(digest)))
}
