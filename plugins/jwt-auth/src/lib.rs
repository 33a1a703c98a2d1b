//! `jwt-auth`: admits requests that carry a valid JSON Web Token (RFC 7519), as bearer tokens do (RFC 6750).
//!
//! It fails closed: without a valid token there is no way on, whatever `on-failure` says. Keys that have never
//! been fetched mean 503; a key that is not known is asked for once per cool-down of its key set, and the request
//! waits for that. Needs the grants `clock`, `crypto` and `keys`.

mod cache;
mod claims;
mod refusal;
mod settings;
mod source;
mod token;

#[cfg(test)]
mod tests;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use witgate_jose::Keys;
use witgate_plugin::prelude::*;

use cache::{Cache, Verified};
use refusal::Refusal;
use settings::{Demands, Settings};
use source::{Found, Source};

struct JwtAuth {
    demands: Demands,
    source: Source,
    forward: bool,
    realm: String,
    keys: Rc<Keys>,
    /// The version of the keys that the cache has seen.
    version: Cell<u64>,
    cache: RefCell<Cache>,
}

#[policy]
impl Policy for JwtAuth {
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        let prepared = settings::prepare(settings)?;
        let keys =
            Keys::open(&prepared.keys).map_err(|message| vec![Problem::at("/keys", message)])?;
        Ok(Self {
            demands: prepared.demands,
            source: prepared.source,
            forward: prepared.forward,
            realm: prepared.realm,
            keys,
            version: Cell::new(0),
            cache: RefCell::new(Cache::new(prepared.cache)),
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict> {
        let now = clock::unix_seconds();
        self.follow_keys();
        let found = self.source.find(request);
        if let Found::Token(token) = &found
            && let Some(known) = self.cache.borrow().get(token, now)
        {
            return self.admit(request, known);
        }
        for (_, field) in &self.demands.fields {
            request.remove_header(field)?;
        }
        match self.judge(&found, now) {
            Ok(verified) => {
                let verdict = self.admit(request, &verified)?;
                self.cache.borrow_mut().insert(verified, now);
                Ok(verdict)
            }
            Err(Refusal::UnknownKey | Refusal::NoKeys) if self.keys.ask_for_refresh() => {
                Ok(Verdict::Again)
            }
            Err(refusal) => Ok(refusal.reply(&self.realm, &self.demands.scopes).into()),
        }
    }
}

impl JwtAuth {
    /// What was verified with a key that is gone counts no more.
    fn follow_keys(&self) {
        let version = self.keys.update();
        if self.version.replace(version) != version {
            let mut cache = self.cache.borrow_mut();
            cache.retain_keys(|key| self.keys.contains(key));
        }
    }

    fn judge(&self, found: &Found, now: u64) -> Result<Verified, Refusal> {
        match found {
            Found::Nothing => Err(Refusal::Missing),
            Found::Several => Err(Refusal::Several),
            Found::Token(token) => token::verify(token, &self.keys, &self.demands, now),
        }
    }

    /// Whatever the client sent in the fields of `claims-to-headers` is replaced or removed.
    fn admit(&self, request: &mut Request, verified: &Verified) -> Result<Verdict> {
        for ((_, field), value) in self.demands.fields.iter().zip(&verified.values) {
            match value {
                Some(value) => request.set_header(field, value)?,
                None => request.remove_header(field)?,
            }
        }
        if !self.forward {
            self.source.strip(request)?;
        }
        Ok(Verdict::Next)
    }
}
