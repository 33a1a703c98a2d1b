//! From a token's bytes to a judgement (RFC 7519 section 7.2).

use std::mem;

use witgate_jose::Token;
use witgate_plugin::{Identity, IdentityFields};

use crate::{
    JwtAuth,
    cache::{self, Verified},
    claims::{Claims, Wanted},
    fields,
    refusal::Refusal,
    scopes,
    trusted::Trusted,
};

/// A token that is refused.
pub(crate) struct Denied<'p> {
    pub(crate) refusal: Refusal,
    /// Whose it is, as far as that was clear.
    pub(crate) issuer: Option<&'p Trusted>,
}

impl From<Refusal> for Denied<'_> {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            issuer: None,
        }
    }
}

impl Denied<'_> {
    /// Whether new keys are on their way that may turn the judgement.
    pub(crate) fn may_change(&self) -> bool {
        let keys_are_missing = matches!(self.refusal, Refusal::UnknownKey | Refusal::NoKeys);
        let issuer = self.issuer.filter(|_| keys_are_missing);
        issuer.is_some_and(|issuer| issuer.keys.ask_for_refresh())
    }
}

pub(crate) fn verify<'p>(
    policy: &'p JwtAuth,
    bytes: &[u8],
    now: u64,
) -> Result<Verified, Denied<'p>> {
    let presented = Presented::parse(bytes, &policy.wanted)?;
    let place = presented.issuer(&policy.trusted)?;
    policy.follow_keys(place);
    presented
        .judge(policy, place, now)
        .map_err(|refusal| Denied {
            refusal,
            issuer: policy.trusted.get(place),
        })
}

/// A token as it came, read once.
struct Presented<'t> {
    bytes: &'t [u8],
    token: Token<'t>,
    /// All claims, as they were signed.
    json: String,
    claims: Claims,
}

impl<'t> Presented<'t> {
    fn parse(bytes: &'t [u8], wanted: &Wanted) -> Result<Self, Refusal> {
        let mut token = Token::parse(bytes)?;
        let json = String::from_utf8(mem::take(&mut token.payload));
        let json = json.map_err(|_| Refusal::Malformed)?;
        Ok(Self {
            bytes,
            claims: Claims::parse(&json, wanted)?,
            token,
            json,
        })
    }

    /// The place of the issuer that it names. Whether it names the only one, is judged after the signature: a forged
    /// name is no reason to tell.
    fn issuer(&self, trusted: &[Trusted]) -> Result<usize, Refusal> {
        if trusted.len() == 1 {
            return Ok(0);
        }
        let name = self.claims.issuer();
        let place = trusted.iter().position(|issuer| issuer.issued(name));
        place.ok_or(Refusal::Issuer)
    }

    fn judge(self, policy: &JwtAuth, place: usize, now: u64) -> Result<Verified, Refusal> {
        let issuer = &policy.trusted[place];
        let key = self.token.signer(&issuer.keys, &issuer.algorithms)?;
        issuer.check_kind(self.token.kind())?;
        let validity = issuer.judge(&self.claims, now)?;
        let scopes = scopes::granted(&self.claims)?;
        if !policy.scopes.hold(&scopes) {
            return Err(Refusal::Scope);
        }
        let values = fields::values(&issuer.fields, &policy.names, &self.claims)?;
        let identity = issuer.identity.fields(&self.claims, scopes, self.json)?;
        Ok(Verified {
            token: self.bytes.into(),
            issuer: place,
            not_before: validity.start,
            expires: validity.end,
            key,
            values,
            identity: establish(identity)?,
            used: 0.into(),
        })
    }
}

/// An instance keeps as many identities as its limits allow: then the remembered tokens make room.
fn establish(fields: IdentityFields) -> Result<Identity, Refusal> {
    Identity::new(fields.clone())
        .or_else(|_| {
            cache::forget_all();
            Identity::new(fields)
        })
        .map_err(|_| Refusal::Unprintable)
}
