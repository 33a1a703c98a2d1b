//! Who asks, by the claims of a token.

use serde_json::Value;
use witgate_plugin::{IdentityFields, config::Problem, rules::ClaimPath};

use crate::{claims::Claims, refusal::Refusal, settings::IdentitySettings};

/// Which claims say who asks.
pub(crate) struct Mapping {
    subject: ClaimPath,
    tenant: Option<ClaimPath>,
    /// The first that is there counts.
    consumer: Vec<ClaimPath>,
}

impl Mapping {
    /// `pointer` is where the settings stand.
    pub(crate) fn new(
        settings: &IdentitySettings,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let mut path = |key: &str, text: &str| {
            let wrong = |message| problems.push(Problem::at(format!("{pointer}/{key}"), message));
            ClaimPath::new(text).map_err(wrong).ok()
        };
        let subject = path("subject", settings.subject.as_deref().unwrap_or("sub"));
        let tenant = match &settings.tenant {
            Some(tenant) => Some(path("tenant", tenant)?),
            None => None,
        };
        let consumer = match &settings.consumer {
            Some(consumer) => vec![path("consumer", consumer)?],
            None => vec![path("consumer", "client_id")?, path("consumer", "azp")?],
        };
        Some(Self {
            subject: subject?,
            tenant,
            consumer,
        })
    }

    pub(crate) fn claims(&self) -> impl Iterator<Item = &ClaimPath> {
        let first = [&self.subject].into_iter().chain(&self.tenant);
        first.chain(&self.consumer)
    }

    /// `json` are all the claims of the token, as its issuer wrote them.
    pub(crate) fn fields(
        &self,
        claims: &Claims,
        scopes: Vec<String>,
        json: String,
    ) -> Result<IdentityFields, Refusal> {
        let consumer = self.consumer.iter().find_map(|path| claims.find(path));
        let tenant = self.tenant.as_ref().and_then(|path| claims.find(path));
        Ok(IdentityFields {
            scheme: String::from("jwt"),
            subject: text(claims.find(&self.subject))?,
            tenant: text(tenant)?,
            consumer: text(consumer)?,
            issuer: text(claims.get("iss"))?,
            scopes,
            claims: json,
        })
    }
}

/// An empty text says as much as none. A list or an object is nobody's name, nor is what could not stand in a header
/// field.
fn text(claim: Option<&Value>) -> Result<Option<String>, Refusal> {
    const LONGEST: usize = 1 << 10;
    let text = match claim {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(simple @ (Value::Number(_) | Value::Bool(_))) => simple.to_string(),
        Some(Value::Array(_) | Value::Object(_)) => return Err(Refusal::Unprintable),
    };
    if text.len() > LONGEST || text.trim() != text || text.contains(char::is_control) {
        return Err(Refusal::Unprintable);
    }
    Ok(Some(text))
}
