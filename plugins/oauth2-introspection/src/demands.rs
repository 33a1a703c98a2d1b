//! Whether what the server says of an active token is enough for this route (RFC 7662 section 4).

use serde_json::Value;
use witgate_plugin::{
    IdentityFields,
    rules::{ClaimPath, Rule},
};

use crate::refusal::Refusal;

/// In seconds: how far the server's clock may be off.
const LEEWAY: u64 = 60;

/// What a token must be like.
pub(crate) struct Demands {
    pub(crate) issuers: Vec<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) require: Option<Rule>,
    pub(crate) tenant: Option<ClaimPath>,
}

impl Demands {
    /// The identity that the token stands for.
    pub(crate) fn judge(&self, claims: &Value, now: u64) -> Result<IdentityFields, Refusal> {
        let text = |name: &str| claims[name].as_str().map(str::to_owned);
        if now >= date(claims, "exp", u64::MAX).saturating_add(LEEWAY) {
            return Err(Refusal::Expired);
        }
        if now.saturating_add(LEEWAY) < date(claims, "nbf", 0) {
            return Err(Refusal::NotYetValid);
        }
        let issuer = text("iss");
        if !self.issuers.is_empty()
            && !issuer
                .as_ref()
                .is_some_and(|iss| self.issuers.contains(iss))
        {
            return Err(Refusal::Issuer);
        }
        self.check_audience(&claims["aud"])?;
        let scopes = claims["scope"].as_str().unwrap_or_default();
        let scopes = scopes.split(' ').filter(|scope| !scope.is_empty());
        let scopes = scopes.map(str::to_owned).collect::<Vec<_>>();
        if !self.scopes.iter().all(|scope| scopes.contains(scope)) {
            return Err(Refusal::Scope);
        }
        if !self.require.as_ref().is_none_or(|rule| rule.holds(claims)) {
            return Err(Refusal::Rule);
        }
        let tenant = self.tenant.as_ref().and_then(|path| path.find(claims));
        Ok(IdentityFields {
            scheme: String::from("oauth2"),
            subject: text("sub"),
            tenant: tenant.map(plain),
            consumer: text("client_id"),
            issuer,
            scopes,
            claims: claims.to_string(),
        })
    }

    fn check_audience(&self, named: &Value) -> Result<(), Refusal> {
        let own = |value: &Value| {
            let audience = value.as_str();
            audience.is_some_and(|audience| self.audiences.iter().any(|own| own == audience))
        };
        let fits = match named {
            Value::Null => self.audiences.is_empty(),
            Value::Array(audiences) => audiences.iter().any(own),
            audience => own(audience),
        };
        if fits { Ok(()) } else { Err(Refusal::Audience) }
    }
}

fn date(claims: &Value, name: &str, default: u64) -> u64 {
    match &claims[name] {
        Value::Null => default,
        // Before 1970 is as good as 1970.
        seconds => seconds.as_u64().unwrap_or_default(),
    }
}

/// Text as it is, anything else as JSON.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
