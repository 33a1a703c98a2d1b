//! What a rule asks of a request.

use serde_json::Value;
use witgate_plugin::{Identity, prelude::*, rules::Rule as ClaimRule};

use crate::{
    network::Network, path::PathPrefix, peer::PeerPattern, settings::ConditionSettings,
    subject::Subject,
};

/// One thing that a request must be.
#[derive(Debug, PartialEq)]
pub(crate) enum Condition {
    From(Vec<Network>),
    Methods(Vec<String>),
    Paths(Vec<PathPrefix>),
    Authenticated(bool),
    Named(Name, Vec<String>),
    Scopes(Vec<String>),
    Claims(ClaimRule),
    Peers(Vec<PeerPattern>),
}

/// A name that an identity has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Subject,
    Consumer,
    Tenant,
    Issuer,
}

impl Name {
    fn of(self, identity: &Identity) -> Option<String> {
        match self {
            Self::Subject => identity.subject(),
            Self::Consumer => identity.consumer(),
            Self::Tenant => identity.tenant(),
            Self::Issuer => identity.issuer(),
        }
    }
}

impl Condition {
    pub(crate) fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::From(networks) => {
                let address = subject.address();
                address.is_some_and(|it| networks.iter().any(|net| net.contains(it)))
            }
            Self::Methods(methods) => methods.iter().any(|method| method == subject.method()),
            Self::Paths(paths) => paths.iter().any(|path| path.holds(subject.path())),
            Self::Authenticated(wanted) => subject.identity().is_some() == *wanted,
            Self::Named(name, wanted) => {
                let found = subject.identity().and_then(|identity| name.of(identity));
                found.is_some_and(|found| wanted.contains(&found))
            }
            Self::Scopes(wanted) => wanted.iter().all(|scope| subject.scopes().contains(scope)),
            Self::Claims(rule) => subject.identity().is_some_and(|identity| {
                rule.holds_with(|path| identity.claim_as::<Value>(path.pointer()))
            }),
            Self::Peers(patterns) => {
                let peer = subject.peer();
                peer.is_some_and(|peer| patterns.iter().any(|pattern| pattern.matches(peer)))
            }
        }
    }

    /// Whether only somebody who is known can be so.
    pub(crate) fn needs_identity(&self) -> bool {
        match self {
            Self::Authenticated(wanted) => *wanted,
            Self::Named(..) | Self::Scopes(_) | Self::Claims(_) => true,
            Self::From(_) | Self::Methods(_) | Self::Paths(_) | Self::Peers(_) => false,
        }
    }

    /// As it is written.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::From(_) => "from",
            Self::Methods(_) => "methods",
            Self::Paths(_) => "paths",
            Self::Authenticated(_) => "authenticated",
            Self::Named(Name::Subject, _) => "subjects",
            Self::Named(Name::Consumer, _) => "consumers",
            Self::Named(Name::Tenant, _) => "tenants",
            Self::Named(Name::Issuer, _) => "issuers",
            Self::Scopes(_) => "scopes",
            Self::Claims(_) => "claims",
            Self::Peers(_) => "peers",
        }
    }
}

/// Reads the conditions of one rule; `pointer` is their place.
pub(crate) fn compile(
    written: ConditionSettings,
    pointer: &str,
) -> Result<Vec<Condition>, Vec<Problem>> {
    let mut reader = Reader {
        pointer,
        conditions: Vec::new(),
        problems: Vec::new(),
    };
    // In the order of their cost.
    reader.read("methods", written.methods, method, Condition::Methods);
    reader.read("paths", written.paths, PathPrefix::parse, Condition::Paths);
    reader.read("from", written.from, Network::parse, Condition::From);
    if let Some(wanted) = written.authenticated {
        reader.conditions.push(Condition::Authenticated(wanted));
    }
    for (key, name, names) in [
        ("subjects", Name::Subject, written.subjects),
        ("consumers", Name::Consumer, written.consumers),
        ("tenants", Name::Tenant, written.tenants),
        ("issuers", Name::Issuer, written.issuers),
    ] {
        reader.read(key, names, text, |names| Condition::Named(name, names));
    }
    reader.read("scopes", written.scopes, scope, Condition::Scopes);
    reader.read("peers", written.peers, PeerPattern::parse, Condition::Peers);
    if let Some(rule) = written.claims {
        match ClaimRule::compile(rule, &format!("{pointer}/claims")) {
            Ok(rule) => reader.conditions.push(Condition::Claims(rule)),
            Err(problems) => reader.problems.extend(problems),
        }
    }
    reader.finish()
}

struct Reader<'a> {
    pointer: &'a str,
    conditions: Vec<Condition>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn read<T>(
        &mut self,
        key: &str,
        written: Option<Vec<String>>,
        parse: impl Fn(&str) -> Result<T, String>,
        condition: impl FnOnce(Vec<T>) -> Condition,
    ) {
        let Some(written) = written else {
            return;
        };
        let pointer = format!("{}/{key}", self.pointer);
        if written.is_empty() {
            let message = "no request is one of none; write the entries or leave it out";
            self.problems.push(Problem::at(&pointer, message));
            return;
        }
        let mut entries = Vec::new();
        for (index, entry) in written.iter().enumerate() {
            match parse(entry) {
                Ok(entry) => entries.push(entry),
                Err(message) => {
                    let problem = Problem::at(format!("{pointer}/{index}"), message);
                    self.problems.push(problem);
                }
            }
        }
        self.conditions.push(condition(entries));
    }

    fn finish(mut self) -> Result<Vec<Condition>, Vec<Problem>> {
        let nobody = self.conditions.contains(&Condition::Authenticated(false));
        if nobody && self.conditions.iter().any(Condition::needs_identity) {
            let message =
                "nobody who is not known has such an identity; leave `authenticated: false` out";
            self.problems.push(Problem::at(self.pointer, message));
        }
        if self.conditions.is_empty() && self.problems.is_empty() {
            let message =
                "this is every request; say which, or leave the rule out and write `otherwise`";
            self.problems.push(Problem::at(self.pointer, message));
        }
        if self.problems.is_empty() {
            Ok(self.conditions)
        } else {
            Err(self.problems)
        }
    }
}

fn method(text: &str) -> Result<String, String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() || !text.chars().all(token) {
        return Err(format!("`{text}` is no method; write one as `GET`"));
    }
    if text.contains(|c: char| c.is_ascii_lowercase()) {
        let upper = text.to_ascii_uppercase();
        return Err(format!(
            "methods are in capitals, and `{text}` is another than `{upper}`; write `{upper}`"
        ));
    }
    Ok(text.to_owned())
}

fn text(text: &str) -> Result<String, String> {
    if text.is_empty() || text.trim() != text {
        return Err(String::from(
            "no identity has such a name; write one without blanks around it",
        ));
    }
    Ok(text.to_owned())
}

fn scope(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(String::from(
            "a scope is one word; write each as an entry of its own",
        ));
    }
    Ok(text.to_owned())
}
