//! `jwt-auth`: admits requests that carry a valid JSON Web Token (RFC 7519), as bearer tokens do (RFC 6750).
//!
//! It fails closed: without a valid token there is no way on, whatever `on-failure` says, unless `anonymous` lets those
//! pass that have none at all. Keys that have never been fetched mean 503; a key that is not known is asked for once per
//! cool-down of its key set, and the request waits for that. Needs the grants `clock`, `crypto` and `keys`.

mod cache;
mod claims;
mod fields;
mod identity;
mod prepare;
mod refusal;
mod scopes;
mod settings;
mod token;
mod trusted;

#[cfg(test)]
mod tests;

use std::{cell::RefCell, rc::Rc};

use witgate_plugin::{
    challenge::Realm,
    credential::{Found, Source},
    prelude::*,
};

use cache::{Cache, Verified};
use prepare::Prepared;
use refusal::Refusal;
use settings::Settings;
use token::Denied;
use trusted::Trusted;

struct JwtAuth {
    trusted: Vec<Trusted>,
    /// The claims that anything here asks for.
    wanted: claims::Wanted,
    /// The header fields that claims fill.
    names: fields::Names,
    scopes: scopes::Scopes,
    anonymous: bool,
    source: Source,
    forward: bool,
    realm: Realm,
    cache: Rc<RefCell<Cache>>,
    /// How many decisions a worker of the gateway may reuse without a call.
    reused: u32,
}

#[policy]
impl Policy for JwtAuth {
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        let Prepared {
            trusted,
            wanted,
            names,
            scopes,
            anonymous,
            source,
            forward,
            realm,
            cache,
        } = prepare::prepare(settings)?;
        Ok(Self {
            trusted,
            wanted,
            names,
            scopes,
            anonymous,
            source,
            forward,
            realm,
            cache: Cache::new(cache),
            reused: u32::try_from(cache).unwrap_or(u32::MAX),
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict> {
        let now = clock::unix_seconds();
        let found = self.source.find(request);
        if let Found::Credential(token) = &found
            && let Some(known) = self.cache.borrow().get(token.bytes(), now)
            && self.trusted[known.issuer].is_followed()
        {
            return self.admit(request, known);
        }
        for field in &self.names.0 {
            request.remove_header(field)?;
        }
        match self.judge(&found, now) {
            Ok(Some(verified)) => {
                let verdict = self.admit(request, &verified)?;
                self.cache.borrow_mut().insert(verified, now);
                Ok(verdict)
            }
            Ok(None) => Ok(Verdict::Next),
            Err(denied) if denied.may_change() => Ok(Verdict::Again),
            Err(Denied { refusal, .. }) => {
                request.note(refusal.kind());
                request.note(refusal.code());
                Ok(refusal.reply(&self.realm, &self.scopes).into())
            }
        }
    }
}

impl JwtAuth {
    /// None for somebody who does not say who asks, where that is allowed.
    fn judge(&self, found: &Found, now: u64) -> Result<Option<Verified>, Denied<'_>> {
        match found {
            Found::Nothing if self.anonymous => Ok(None),
            Found::Nothing => Err(Refusal::Missing.into()),
            Found::Several => Err(Refusal::Several.into()),
            Found::Credential(token) if token.is_several() => Err(Refusal::Several.into()),
            Found::Credential(token) => token::verify(self, token.bytes(), now).map(Some),
        }
    }

    /// What was verified with a key that is gone counts no more.
    fn follow_keys(&self, place: usize) {
        let issuer = &self.trusted[place];
        if !issuer.is_followed() {
            issuer.follow();
            let mut cache = self.cache.borrow_mut();
            cache.retain(|known| known.issuer != place || issuer.keys.contains(&known.key));
        }
    }

    /// Whatever the client sent in the fields of `claims-to-headers` is replaced or removed.
    fn admit(&self, request: &mut Request, verified: &Verified) -> Result<Verdict> {
        for (field, value) in self.names.0.iter().zip(&verified.values) {
            match value {
                Some(value) => request.set_header(field, value)?,
                None => request.remove_header(field)?,
            }
        }
        request.set_identity(&verified.identity)?;
        if !self.forward {
            self.source.strip(request)?;
        }
        if self.reused > 0 && verified.token.len() <= cache::LONGEST {
            let valid = verified.not_before..verified.expires;
            self.source.reuse(request, valid, self.reused);
        }
        Ok(Verdict::Next)
    }
}
