//! A plugin for tests: says who asks, as the request or its configuration tells it, and tells what it knows of them.

use std::cell::RefCell;

use serde_json::{Value, json};
use witgate_plugin::{metrics::Counter, prelude::*};

/// What to do with a request. Nothing, unless it is written.
#[config]
#[derive(Default)]
#[serde(default)]
struct Settings {
    /// Whom to establish: subject, tenant, consumer, issuer, scopes and claims.
    establish: Option<Value>,
    /// Establishes whom the field `x-as` describes in the same way, if it is there.
    believe: bool,
    note: Vec<String>,
    /// So many identities are made, and kept.
    hoard: u32,
    /// Bytes of the claims of each.
    weight: usize,
    /// Answers with what is known.
    tell: bool,
    /// Fails when all else is done.
    fail: bool,
    trap: bool,
    /// Counts how exchanges ended.
    count: bool,
}

struct Badge {
    settings: Settings,
    hoard: RefCell<Vec<Identity>>,
}

#[policy]
impl Policy for Badge {
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            settings,
            hoard: RefCell::default(),
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict> {
        let settings = &self.settings;
        if let Some(who) = &settings.establish {
            request.set_identity(&identity(who)?)?;
        }
        if settings.believe
            && let Some(who) = request.header("x-as")
        {
            request.set_identity(&identity(&serde_json::from_str(&who)?)?)?;
        }
        for kind in &settings.note {
            request.note(kind);
        }
        if settings.hoard > 0 {
            return Ok(self.fill().into());
        }
        assert!(!settings.trap, "as I was told");
        if settings.fail {
            return Err("as I was told".into());
        }
        if settings.tell {
            return Ok(Reply::text(200, told(request).to_string()).into());
        }
        Ok(Verdict::Next)
    }

    fn on_end(&self, summary: &Summary) {
        if self.settings.count {
            let identity = summary.identity();
            let subject = identity.and_then(|identity| identity.subject());
            let status = summary.grpc_status();
            let labels = [
                ("subject", subject.unwrap_or_default()),
                ("notes", summary.notes().join(" ")),
                ("code", summary.code().unwrap_or_default()),
                ("endpoint", summary.endpoint().unwrap_or_default()),
                ("grpc", status.map(|it| it.to_string()).unwrap_or_default()),
            ];
            let labels = labels
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            Counter::new("ended", &labels).add(1);
        }
    }
}

impl Badge {
    fn fill(&self) -> Reply {
        let claims = json!({ "padding": "x".repeat(self.settings.weight) }).to_string();
        let mut hoard = self.hoard.borrow_mut();
        let mut error = None;
        while hoard.len() < self.settings.hoard as usize && error.is_none() {
            let made = Identity::new(IdentityFields {
                scheme: "test".into(),
                subject: Some(hoard.len().to_string()),
                claims: claims.clone(),
                ..IdentityFields::default()
            });
            match made {
                Ok(identity) => hoard.push(identity),
                Err(message) => error = Some(message),
            }
        }
        let last = hoard.last().and_then(Identity::subject);
        let told = json!({ "kept": hoard.len(), "last": last, "error": error });
        if error.is_some() {
            hoard.clear();
        }
        Reply::text(200, told.to_string())
    }
}

fn identity(who: &Value) -> Result<Identity> {
    let text = |key: &str| who[key].as_str().map(String::from);
    let scopes = who["scopes"].as_array().into_iter().flatten();
    let scopes = scopes.filter_map(|scope| scope.as_str().map(String::from));
    let claims = who.get("claims").map_or("{}".into(), Value::to_string);
    Ok(Identity::new(IdentityFields {
        scheme: "test".into(),
        subject: text("subject"),
        tenant: text("tenant"),
        consumer: text("consumer"),
        issuer: text("issuer"),
        scopes: scopes.collect(),
        claims,
    })?)
}

fn told(request: &Request) -> Value {
    let identity = request.identity().map(|identity| {
        json!({
            "scheme": identity.scheme(),
            "subject": identity.subject(),
            "tenant": identity.tenant(),
            "consumer": identity.consumer(),
            "issuer": identity.issuer(),
            "scopes": identity.scopes(),
            "claims": identity.claim_as::<Value>(""),
            "first": identity.claim("/list/0"),
        })
    });
    let peer = request.peer().map(|peer| {
        json!({
            "spiffe-id": peer.spiffe_id,
            "dns-names": peer.dns_names,
            "subject": peer.subject,
            "fingerprint": peer.fingerprint,
        })
    });
    json!({ "identity": identity, "peer": peer })
}
