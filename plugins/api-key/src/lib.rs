//! `api-key`: admits requests that carry a known API key, and says whose it is.
//!
//! The file of keys has their digests, one JSON object a line. It fails closed: without a valid key there is no way on,
//! whatever `on-failure` says, unless `anonymous` lets those pass that have none at all. Needs the grants `clock`,
//! `crypto` and `files`, and `secrets`.

mod keys;
mod line;
mod refusal;
mod settings;

#[cfg(test)]
mod tests;

use std::rc::Rc;

use witgate_plugin::{
    challenge::Realm,
    credential::{Found, Source},
    crypto,
    files::File,
    prelude::*,
    secrets::Secret,
};

use keys::{Holder, Keys};
use line::Kind;
use refusal::Refusal;
use settings::Settings;

/// What is longer is no key: it is not even hashed.
const LONGEST_KEY: usize = 512;

/// Keys of one route that a worker of the gateway recognises without a call.
const MOST_REUSED: u32 = 1_000;

struct ApiKey {
    keys: Keys,
    secret: Option<Secret>,
    /// Whether the file has plain digests.
    plain: bool,
    source: Source,
    forward: bool,
    scopes: Vec<String>,
    anonymous: bool,
    realm: Realm,
}

#[policy]
impl Policy for ApiKey {
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let source = Source::new(settings.from, || Source::header("x-api-key", None));
        let source = source.map_err(|problem| problems.push(problem.below("/from")));
        let secret = settings.secret.as_deref().map(Secret::open).transpose();
        let secret = secret.map_err(|why| problems.push(Problem::at("/secret", why)));
        let realm = settings.realm.check();
        problems.extend(realm.map(|problem| problem.below("/realm")));
        let keys = read(&settings.file).map_err(|found| problems.extend(found));
        let (Ok(source), Ok(secret), Ok(keys)) = (source, secret, keys) else {
            return Err(problems);
        };
        if secret.is_none() && keys.has(Kind::Keyed) {
            let message = format!(
                "the file `{}` has digests `hmac-sha256:…`; name the secret that they were made with: `secret: NAME`",
                settings.file
            );
            problems.push(Problem::at("/file", message));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            plain: keys.has(Kind::Plain),
            secret: secret.filter(|_| keys.has(Kind::Keyed)),
            keys,
            source,
            forward: settings.forward,
            scopes: settings.scopes,
            anonymous: settings.anonymous,
            realm: settings.realm,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict> {
        let refusal = match self.judge(&self.source.find(request))? {
            Ok(Some(holder)) => {
                request.set_identity(&holder.identity)?;
                if !self.forward {
                    self.source.strip(request)?;
                }
                let valid = 0..holder.expires.unwrap_or(u64::MAX);
                self.source.reuse(request, valid, MOST_REUSED);
                return Ok(Verdict::Next);
            }
            Ok(None) => return Ok(Verdict::Next),
            Err(refusal) => refusal,
        };
        request.note(refusal.kind());
        request.note(refusal.code());
        Ok(refusal.reply(self.scheme(), &self.realm).into())
    }

    fn warnings(&self) -> Vec<Problem> {
        let empty = self.keys.is_empty();
        let empty =
            empty.then(|| Problem::at("/file", "there are no keys in this file: nobody gets in"));
        empty.into_iter().collect()
    }
}

impl ApiKey {
    /// None for somebody who does not say who asks, where that is allowed.
    fn judge(&self, found: &Found) -> Result<Result<Option<Rc<Holder>>, Refusal>> {
        let key = match found {
            Found::Nothing if self.anonymous => return Ok(Ok(None)),
            Found::Nothing => return Ok(Err(Refusal::Missing)),
            Found::Several => return Ok(Err(Refusal::Several)),
            Found::Credential(key) => key,
        };
        if key.bytes().len() > LONGEST_KEY {
            return Ok(Err(Refusal::TooLong));
        }
        let Some(holder) = self.find(key.bytes())? else {
            let several = key.is_several();
            let refusal = if several {
                Refusal::Several
            } else {
                Refusal::Unknown
            };
            return Ok(Err(refusal));
        };
        if holder
            .expires
            .is_some_and(|expires| expires <= clock::unix_seconds())
        {
            return Ok(Err(Refusal::Expired));
        }
        if !self
            .scopes
            .iter()
            .all(|scope| holder.scopes.contains(scope))
        {
            return Ok(Err(Refusal::Scope));
        }
        Ok(Ok(Some(holder)))
    }

    /// Under each way in which a digest in the file may have been made.
    fn find(&self, key: &[u8]) -> Result<Option<Rc<Holder>>> {
        if self.plain
            && let Some(holder) = self.keys.find(Kind::Plain, &crypto::sha256(key))?
        {
            return Ok(Some(holder));
        }
        let tags = self
            .secret
            .iter()
            .flat_map(|secret| secret.hmac_sha256_all(key));
        for tag in tags {
            if let Some(holder) = self.keys.find(Kind::Keyed, &tag)? {
                return Ok(Some(holder));
            }
        }
        Ok(None)
    }

    /// The word of the `authorization` field if the key stands there; else one that says what is wanted.
    fn scheme(&self) -> &str {
        match &self.source {
            Source::Header {
                scheme: Some(scheme),
                ..
            } => scheme,
            _ => "ApiKey",
        }
    }
}

fn read(name: &str) -> Result<Keys, Vec<Problem>> {
    let file = File::open(name).map_err(|why| vec![Problem::at("/file", why)])?;
    Keys::parse(file.content()).map_err(|flaws| {
        let flaws = flaws.into_iter();
        flaws
            .map(|flaw| Problem::at("/file", format!("in the file `{name}`: {flaw}")))
            .collect()
    })
}
