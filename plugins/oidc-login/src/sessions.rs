//! Sessions, sealed in cookies.

use std::{cell::RefCell, num::NonZeroUsize, rc::Rc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lru::LruCache;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use witgate_plugin::{Identity, IdentityFields, crypto, rules::ClaimPath, secrets::Secret};

/// Sessions that an instance remembers unsealed.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// A browser that is signed in. Times are in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) begun: u64,
    /// When it was last sealed.
    pub(crate) seen: u64,
    /// As it came; it was verified then.
    pub(crate) id_token: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) userinfo: Map<String, Value>,
    pub(crate) scopes: Vec<String>,
    #[serde(flatten)]
    pub(crate) access: Access,
}

/// Tokens for others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Access {
    /// Only there if the upstream gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh: Option<String>,
    /// When to use that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_at: Option<u64>,
}

impl Session {
    /// What is known of the user: what is signed counts more than what is not.
    fn claims(&self) -> Map<String, Value> {
        let mut claims = self.userinfo.clone();
        let payload = self.id_token.split('.').nth(1).unwrap_or_default();
        let payload = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
        claims.extend(serde_json::from_slice::<Map<_, _>>(&payload).unwrap_or_default());
        claims
    }

    pub(crate) fn access_has_expired(&self, now: u64) -> bool {
        self.access.expires.is_some_and(|expires| expires <= now)
    }
}

/// A session that has been unsealed, and who it stands for.
pub(crate) struct Open {
    pub(crate) session: Session,
    pub(crate) claims: Value,
    pub(crate) identity: Identity,
}

/// What a cookie holds.
pub(crate) enum Found {
    Nothing,
    /// Sealed by somebody else, or for something else, or changed.
    Forged,
    Ended,
    Session(Rc<Open>),
}

/// Makes and reads the values of cookies.
pub(crate) struct Sessions {
    pub(crate) secret: Secret,
    /// What sets these sessions apart from others under the same secret.
    pub(crate) realm: String,
    pub(crate) idle: Duration,
    pub(crate) lifetime: Duration,
    pub(crate) client_id: String,
    pub(crate) tenant: Option<ClaimPath>,
    pub(crate) remembered: RefCell<LruCache<Vec<u8>, Rc<Open>>>,
}

impl Sessions {
    pub(crate) fn remembered() -> RefCell<LruCache<Vec<u8>, Rc<Open>>> {
        let mut cache = LruCache::unbounded();
        cache.resize(REMEMBERED);
        RefCell::new(cache)
    }

    pub(crate) fn seal<T: Serialize>(&self, kind: &str, value: &T) -> String {
        let plain = serde_json::to_vec(value).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(self.secret.seal(&plain, &self.context(kind)))
    }

    pub(crate) fn unseal<T: DeserializeOwned>(&self, kind: &str, sealed: &str) -> Option<T> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let plain = self.secret.unseal(&sealed, &self.context(kind))?;
        serde_json::from_slice(&plain).ok()
    }

    fn context(&self, kind: &str) -> Vec<u8> {
        format!("oidc-login 1\0{kind}\0{}", self.realm).into_bytes()
    }

    pub(crate) fn seal_session(&self, session: &Session) -> String {
        self.seal("session", session)
    }

    pub(crate) fn open(&self, sealed: Option<&str>, now: u64) -> Found {
        let Some(sealed) = sealed else {
            return Found::Nothing;
        };
        let digest = crypto::sha256(sealed.as_bytes());
        let known = self.remembered.borrow_mut().get(&digest).map(Rc::clone);
        let open = match known {
            Some(open) => open,
            None => match self.unseal("session", sealed) {
                None => return Found::Forged,
                Some(session) => match self.establish(session) {
                    Err(_) => return Found::Ended,
                    Ok(open) => {
                        self.remembered.borrow_mut().put(digest, Rc::clone(&open));
                        open
                    }
                },
            },
        };
        if self.left(&open.session, now) == 0 {
            return Found::Ended;
        }
        Found::Session(open)
    }

    /// Who the session stands for; what is wrong with the claims if nobody.
    pub(crate) fn establish(&self, session: Session) -> Result<Rc<Open>, String> {
        let claims = Value::Object(session.claims());
        let text = |name: &str| claims[name].as_str().map(str::to_owned);
        let tenant = self.tenant.as_ref().and_then(|path| path.find(&claims));
        let fields = IdentityFields {
            scheme: String::from("oidc"),
            subject: text("sub"),
            tenant: tenant.map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned)),
            consumer: Some(self.client_id.clone()),
            issuer: text("iss"),
            scopes: session.scopes.clone(),
            claims: claims.to_string(),
        };
        let identity = Identity::new(fields.clone()).or_else(|_| {
            // There may be as many identities as there can be: then those that are remembered make room.
            self.remembered.borrow_mut().clear();
            Identity::new(fields)
        })?;
        Ok(Rc::new(Open {
            session,
            claims,
            identity,
        }))
    }

    /// How many seconds are left of it unless it is used again.
    pub(crate) fn left(&self, session: &Session, now: u64) -> u64 {
        let idle = session.seen.saturating_add(self.idle.as_secs());
        let end = session.begun.saturating_add(self.lifetime.as_secs());
        idle.min(end).saturating_sub(now)
    }

    /// Whether its use should be written down: not every time, since each is a cookie to send.
    pub(crate) fn is_due(&self, session: &Session, now: u64) -> bool {
        let step = (self.idle.as_secs() / 8).clamp(1, 300);
        now >= session.seen.saturating_add(step)
    }
}
