//! What a token says, and whether that is enough (RFC 7519 section 4.1).

use serde_json::{Map, Value};

use crate::{refusal::Refusal, settings::Demands};

/// The claims that a token carries.
pub(crate) struct Claims(Map<String, Value>);

/// What remains of the claims once they are judged.
pub(crate) struct Accepted {
    /// In seconds since 1970; 0 if the token does not say.
    pub(crate) not_before: u64,
    /// In seconds since 1970; the end of time if the token does not say.
    pub(crate) expires: u64,
    /// In the order of `Demands::fields`; none for a claim that the token does not have.
    pub(crate) values: Vec<Option<Vec<u8>>>,
}

impl Claims {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(json)
            .map(Self)
            .map_err(|_| Refusal::Malformed)
    }

    pub(crate) fn judge(&self, demands: &Demands, now: u64) -> Result<Accepted, Refusal> {
        let expires = self.date("exp", f64::floor)?.unwrap_or(u64::MAX);
        let not_before = self.date("nbf", f64::ceil)?.unwrap_or(0);
        for claim in &demands.required {
            if !self.0.contains_key(claim) {
                return Err(Refusal::ClaimMissing);
            }
        }
        if now >= expires.saturating_add(demands.leeway) {
            return Err(Refusal::Expired);
        }
        if now.saturating_add(demands.leeway) < not_before {
            return Err(Refusal::NotYetValid);
        }
        self.check_issuer(demands)?;
        self.check_audience(demands)?;
        self.check_scopes(demands)?;
        let values = demands
            .fields
            .iter()
            .map(|(path, _)| path.find(&self.0).map(field_value).transpose())
            .collect::<Result<_, _>>()?;
        Ok(Accepted {
            not_before,
            expires,
            values,
        })
    }

    /// A NumericDate: whole or not, and as large as it likes.
    fn date(&self, name: &str, round: fn(f64) -> f64) -> Result<Option<u64>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(match number.as_u64() {
                Some(seconds) => seconds,
                // `as` saturates: what is before 1970 becomes 0.
                None => number.as_f64().map_or(0, |seconds| round(seconds) as u64),
            })),
            Some(_) => Err(Refusal::Malformed),
        }
    }

    fn check_issuer(&self, demands: &Demands) -> Result<(), Refusal> {
        let named = self.0.get("iss").and_then(Value::as_str);
        let fits = named.is_some_and(|issuer| demands.issuers.iter().any(|own| own == issuer));
        if fits || demands.issuers.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Issuer)
        }
    }

    fn check_audience(&self, demands: &Demands) -> Result<(), Refusal> {
        let own = |value: &Value| {
            let audience = value.as_str();
            audience.is_some_and(|audience| demands.audiences.iter().any(|own| own == audience))
        };
        let fits = match self.0.get("aud") {
            None => demands.audiences.is_empty(),
            Some(Value::Array(audiences)) => audiences.iter().any(own),
            Some(audience) => own(audience),
        };
        if fits { Ok(()) } else { Err(Refusal::Audience) }
    }

    /// `scope` is a list with blanks (RFC 8693 section 4.2); some issuers write `scp`, as either.
    fn check_scopes(&self, demands: &Demands) -> Result<(), Refusal> {
        let granted = |scope: &str| {
            ["scope", "scp"]
                .iter()
                .any(|claim| match self.0.get(*claim) {
                    Some(Value::String(list)) => list.split(' ').any(|granted| granted == scope),
                    Some(Value::Array(list)) => list.iter().any(|granted| granted == scope),
                    _ => false,
                })
        };
        if demands.scopes.iter().all(|scope| granted(scope)) {
            Ok(())
        } else {
            Err(Refusal::Scope)
        }
    }
}

/// Names a claim: by its name, or by a JSON pointer if it begins with `/`.
pub(crate) enum Path {
    Name(String),
    Pointer(Vec<String>),
}

impl Path {
    pub(crate) fn new(text: &str) -> Self {
        match text.strip_prefix('/') {
            None => Self::Name(text.to_owned()),
            Some(pointer) => Self::Pointer(
                pointer
                    .split('/')
                    .map(|token| token.replace("~1", "/").replace("~0", "~"))
                    .collect(),
            ),
        }
    }

    fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let found = match self {
            Self::Name(name) => claims.get(name)?,
            Self::Pointer(tokens) => {
                let (first, rest) = tokens.split_first()?;
                rest.iter()
                    .try_fold(claims.get(first)?, |value, token| match value {
                        Value::Object(map) => map.get(token),
                        Value::Array(list) => list.get(token.parse::<usize>().ok()?),
                        _ => None,
                    })?
            }
        };
        (!found.is_null()).then_some(found)
    }
}

/// Text as it is, anything else as JSON. What would break out of a header field is refused, not repaired: the
/// upstream must never take one value for another.
fn field_value(value: &Value) -> Result<Vec<u8>, Refusal> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let visible = |byte: u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    if text.bytes().all(visible) && text.trim() == text {
        Ok(text.into_bytes())
    } else {
        Err(Refusal::Unprintable)
    }
}
