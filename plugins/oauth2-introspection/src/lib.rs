//! `oauth2-introspection`: admits requests whose access token its authorization server calls active (RFC 7662), as
//! bearer tokens (RFC 6750).
//!
//! It fails closed: whatever the server does but say `active`, there is no way on. What the server said is shared by
//! all workers and, however many requests wait for it, asked once. Needs the grants `clock`, `crypto`, `http-client`,
//! `kv`, `log` and `metrics`.

mod demands;
mod finding;
mod known;
mod refusal;
mod server;
mod settings;
mod token;

#[cfg(test)]
mod tests;

use std::{cell::RefCell, rc::Rc};

use witgate_plugin::{Identity, challenge::Realm, credential::Source, prelude::*, task::Task};

use demands::Demands;
use finding::{Active, Finding};
use known::{Accepted, Known};
use refusal::Refusal;
use server::{Digest, Server};
use settings::Settings;

struct Introspection {
    server: Rc<Server>,
    demands: Demands,
    source: Source,
    realm: Realm,
    forward: bool,
    known: RefCell<Known>,
}

/// A token that the server is being asked about.
struct Asking {
    digest: Digest,
    task: Task<Finding>,
}

#[policy]
impl Policy for Introspection {
    type Config = Settings;
    type State = Option<Asking>;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        settings::prepare(settings)
    }

    fn on_request(&self, request: &mut Request, state: &mut Self::State) -> Result<Verdict> {
        let now = clock::unix_seconds();
        if state.is_none() {
            let token = match token::find(request, &self.source) {
                Ok(token) => token,
                Err(refusal) => return Ok(self.refuse(request, refusal)),
            };
            let digest = self.server.digest(&token);
            let mut known = self.known.borrow_mut();
            let most = known.capacity();
            if let Some(accepted) = known.get(&digest, now) {
                let verdict = self.admit(request, accepted)?;
                self.source.reuse(request, 0..accepted.until, most);
                return Ok(verdict);
            }
            let task = Task::new(Rc::clone(&self.server).find(digest, token));
            *state = Some(Asking { digest, task });
        }
        let polled = state
            .as_mut()
            .map(|asking| (asking.digest, asking.task.poll()));
        let Some((digest, Some(finding))) = polled else {
            return Ok(Verdict::Again);
        };
        *state = None;
        match finding {
            Finding::Active(active) => self.judge(request, digest, &active, now),
            Finding::Inactive => Ok(self.refuse(request, Refusal::Inactive)),
            Finding::Failed => Ok(self.refuse(request, Refusal::NoAnswer)),
        }
    }

    fn is_spent(state: &Self::State) -> bool {
        state.is_none()
    }
}

impl Introspection {
    fn judge(
        &self,
        request: &mut Request,
        digest: Digest,
        active: &Active,
        now: u64,
    ) -> Result<Verdict> {
        let fields = match self.demands.judge(&active.claims, now) {
            Ok(fields) => fields,
            Err(refusal) => return Ok(self.refuse(request, refusal)),
        };
        let identity = Identity::new(fields.clone()).or_else(|_| {
            // There may be as many identities as there can be: then those that are remembered make room.
            self.known.borrow_mut().clear();
            Identity::new(fields)
        });
        let identity = match identity {
            Ok(identity) => identity,
            Err(message) => {
                log::warn!("no identity can be made of the claims of a token: {message}");
                return Ok(self.refuse(request, Refusal::Unusable));
            }
        };
        let accepted = Accepted {
            identity,
            until: active.until,
        };
        let verdict = self.admit(request, &accepted)?;
        self.known.borrow_mut().insert(digest, accepted, now);
        Ok(verdict)
    }

    fn admit(&self, request: &mut Request, accepted: &Accepted) -> Result<Verdict> {
        request.set_identity(&accepted.identity)?;
        if !self.forward {
            self.source.strip(request)?;
        }
        Ok(Verdict::Next)
    }

    fn refuse(&self, request: &Request, refusal: Refusal) -> Verdict {
        request.note(refusal.note());
        log::info!("refused: {}", refusal.code());
        refusal.reply(&self.realm, &self.demands.scopes).into()
    }
}
