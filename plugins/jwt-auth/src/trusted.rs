//! One issuer that a route trusts, and what it wants of that issuer's tokens.

use std::{cell::Cell, ops::Range, rc::Rc};

use jsonwebtoken::Algorithm;
use serde_json::Value;
use witgate_jose::Keys;
use witgate_plugin::rules::{ClaimPath, Rule};

use crate::{claims::Claims, fields::Fields, identity::Mapping, refusal::Refusal};

/// An issuer, or all that have one of the keys.
pub(crate) struct Trusted {
    pub(crate) keys: Rc<Keys>,
    /// The version of the keys that the cache has seen.
    pub(crate) seen: Cell<u64>,
    /// Names of the issuer. None: as the key set says, and if it says nothing, any.
    pub(crate) issuers: Vec<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    /// In seconds.
    pub(crate) leeway: u64,
    pub(crate) required: Vec<String>,
    /// In lower case, without `application/`. None: any.
    pub(crate) kinds: Vec<String>,
    pub(crate) require: Vec<Rule>,
    pub(crate) identity: Mapping,
    pub(crate) fields: Fields,
}

impl Trusted {
    /// The claims that it asks for by path.
    pub(crate) fn claims(&self) -> impl Iterator<Item = &ClaimPath> {
        let rules = self.require.iter().flat_map(Rule::claims);
        let fields = self.fields.iter().map(|(path, _)| path);
        rules.chain(fields).chain(self.identity.claims())
    }

    /// Whether the keys are those that the cache has seen.
    pub(crate) fn is_followed(&self) -> bool {
        self.keys.update() == self.seen.get()
    }

    pub(crate) fn follow(&self) {
        self.seen.set(self.keys.update());
    }

    pub(crate) fn issued(&self, issuer: Option<&str>) -> bool {
        if !self.issuers.is_empty() {
            return self.issuers.iter().any(|own| Some(own.as_str()) == issuer);
        }
        match self.keys.issuer() {
            Some(own) => issuer == Some(&*own),
            None => true,
        }
    }

    /// RFC 9068 section 4: `application/` may be left out, and the case does not count (RFC 7515 section 4.1.9).
    pub(crate) fn check_kind(&self, kind: Option<&str>) -> Result<(), Refusal> {
        if self.kinds.is_empty() {
            return Ok(());
        }
        let kind = kind.map(normal_kind);
        if kind.is_some_and(|kind| self.kinds.contains(&kind)) {
            Ok(())
        } else {
            Err(Refusal::Kind)
        }
    }

    /// The span of time, in seconds since 1970, in which the claims are right whatever the clocks.
    pub(crate) fn judge(&self, claims: &Claims, now: u64) -> Result<Range<u64>, Refusal> {
        let expires = claims.date("exp", f64::floor)?.unwrap_or(u64::MAX);
        let not_before = claims.date("nbf", f64::ceil)?.unwrap_or(0);
        let issued = claims.date("iat", f64::ceil)?.unwrap_or(0);
        for claim in &self.required {
            if claims.get(claim).is_none() {
                return Err(Refusal::ClaimMissing);
            }
        }
        if now >= expires.saturating_add(self.leeway) {
            return Err(Refusal::Expired);
        }
        let latest = now.saturating_add(self.leeway);
        if latest < not_before {
            return Err(Refusal::NotYetValid);
        }
        if latest < issued {
            return Err(Refusal::IssuedInFuture);
        }
        if !self.issued(claims.issuer()) {
            return Err(Refusal::Issuer);
        }
        self.check_audience(claims)?;
        if !self.require.iter().all(|rule| rule.holds(claims.object())) {
            return Err(Refusal::Requirement);
        }
        Ok(not_before..expires)
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), Refusal> {
        let own = |value: &Value| {
            let audience = value.as_str();
            audience.is_some_and(|audience| self.audiences.iter().any(|own| own == audience))
        };
        let fits = match claims.get("aud") {
            None => self.audiences.is_empty(),
            Some(Value::Array(audiences)) => audiences.iter().any(own),
            Some(audience) => own(audience),
        };
        if fits { Ok(()) } else { Err(Refusal::Audience) }
    }
}

pub(crate) fn normal_kind(kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    match kind.strip_prefix("application/") {
        Some(short) if !short.contains('/') => short.to_owned(),
        _ => kind,
    }
}
