//! Logins under way: each has a cookie of its own, so that two tabs do not disturb each other.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use witgate_plugin::random;

use crate::{
    cookies::{self, ATTEMPT},
    login::Login,
    visit::Visit,
};

/// How long a login may take, in seconds.
pub(crate) const PATIENCE: u64 = 600;

/// Logins that one browser may have under way; the oldest give way.
const MOST: usize = 5;

/// A browser that was sent to the issuer, and is to return.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    /// Comes back with the browser (RFC 6749 section 10.12).
    pub(crate) state: String,
    /// Comes back in the ID token (OpenID Connect Core section 15.5.2).
    pub(crate) nonce: String,
    /// Of PKCE (RFC 7636).
    pub(crate) verifier: String,
    /// Path and query of what was wanted.
    pub(crate) target: String,
    pub(crate) redirect_uri: String,
    /// In seconds since 1970.
    pub(crate) begun: u64,
}

impl Attempt {
    pub(crate) fn new(visit: &Visit, callback: &str, now: u64) -> Self {
        let unguessable = || URL_SAFE_NO_PAD.encode(random::bytes(32));
        Self {
            state: unguessable(),
            nonce: unguessable(),
            verifier: unguessable(),
            target: visit.return_to().to_owned(),
            redirect_uri: format!("{}{callback}", visit.site.origin),
            begun: now,
        }
    }

    pub(crate) fn is_over(&self, now: u64) -> bool {
        now >= self.begun.saturating_add(PATIENCE)
    }
}

impl Login {
    fn attempts(&self, visit: &Visit) -> String {
        format!("{}{ATTEMPT}", self.cookie(&visit.site))
    }

    /// The name of the cookie for a state that anybody may have made up.
    pub(crate) fn attempt_cookie(&self, visit: &Visit, state: &str) -> String {
        let number = state.chars().filter(char::is_ascii_alphanumeric).take(8);
        format!("{}{}", self.attempts(visit), number.collect::<String>())
    }

    /// The login that a state belongs to, if this browser began it not long ago.
    pub(crate) fn attempt(&self, visit: &Visit, state: &str, now: u64) -> Option<Attempt> {
        let sealed = visit.cookies.get(&self.attempt_cookie(visit, state))?;
        let attempt = self.sessions.unseal::<Attempt>("attempt", sealed)?;
        (attempt.state == state && !attempt.is_over(now)).then_some(attempt)
    }

    /// The cookie of a new login, and what removes those that are too many.
    pub(crate) fn remember(&self, visit: &Visit, attempt: &Attempt, now: u64) -> Vec<String> {
        let prefix = self.attempts(visit);
        let mut others = Vec::new();
        let mut set = Vec::new();
        for (name, sealed) in visit.cookies.beginning(&prefix) {
            match self.sessions.unseal::<Attempt>("attempt", sealed) {
                Some(other) if !other.is_over(now) => others.push((other.begun, name)),
                _ => set.push(cookies::remove(&visit.site, name)),
            }
        }
        others.sort_unstable();
        let surplus = (others.len() + 1).saturating_sub(MOST);
        let surplus = others.iter().take(surplus);
        set.extend(surplus.map(|(_, name)| cookies::remove(&visit.site, name)));
        set.truncate(2 * MOST);
        let name = self.attempt_cookie(visit, &attempt.state);
        let sealed = self.sessions.seal("attempt", attempt);
        set.push(cookies::set(&visit.site, &name, &sealed, PATIENCE));
        set
    }
}
