//! `basic-auth`: admits requests with a user's name and password (RFC 7617).
//!
//! The passwords stand in a file as bcrypt or Argon2 hashes, and are checked by the gateway away from its workers; the
//! request waits for that without an instance. It fails closed: without a right password there is no way on, whatever
//! `on-failure` says, unless `anonymous` lets those pass that give none at all. Needs the grants `clock`, `crypto`,
//! `files`, `passwords` and `random`.

mod credentials;
mod memory;
mod refusal;
mod settings;
mod users;

#[cfg(test)]
mod tests;

use std::{rc::Rc, time::Duration};

use witgate_plugin::{
    Identity,
    challenge::Realm,
    credential::{Found, Source},
    files::File,
    passwords,
    prelude::*,
    task::Task,
};

use credentials::Credentials;
use refusal::Refusal;
use settings::Settings;
use users::Users;

const MOST_REMEMBER: Duration = Duration::from_secs(3600);

struct BasicAuth {
    users: Users,
    source: Source,
    realm: Realm,
    remember: Duration,
    forward: bool,
    anonymous: bool,
}

/// A password that is being checked.
struct Check {
    task: Task<Result<bool, passwords::Error>>,
    user: String,
    /// To remember it by; none for a user who is not there, whose password is wrong whatever it is.
    digest: Option<Vec<u8>>,
}

/// What one look at a request comes to.
enum Judgement {
    Admitted(Rc<Identity>),
    Anonymous,
    Wait,
}

#[policy]
impl Policy for BasicAuth {
    type Config = Settings;
    type State = Option<Check>;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if settings.remember.0 > MOST_REMEMBER {
            problems.push(Problem::at("/remember", "write at most `1h`"));
        }
        let realm = settings.realm.check();
        problems.extend(realm.map(|problem| problem.below("/realm")));
        match read(&settings.file) {
            Ok(users) if problems.is_empty() => Ok(Self {
                users,
                source: Source::header("authorization", Some("Basic")),
                realm: settings.realm,
                remember: settings.remember.0,
                forward: settings.forward,
                anonymous: settings.anonymous,
            }),
            Ok(_) => Err(problems),
            Err(found) => {
                problems.extend(found);
                Err(problems)
            }
        }
    }

    fn on_request(&self, request: &mut Request, state: &mut Self::State) -> Result<Verdict> {
        let judged = match state {
            Some(check) => self.go_on(check)?,
            None => self.begin(&self.source.find(request), state)?,
        };
        let refusal = match judged {
            Ok(Judgement::Wait) => return Ok(Verdict::Again),
            Ok(Judgement::Anonymous) => return Ok(Verdict::Next),
            Ok(Judgement::Admitted(identity)) => {
                request.set_identity(&identity)?;
                if !self.forward {
                    self.source.strip(request)?;
                }
                return Ok(Verdict::Next);
            }
            Err(refusal) => refusal,
        };
        request.note(refusal.kind());
        request.note(refusal.code());
        Ok(refusal.reply(&self.realm).into())
    }

    fn warnings(&self) -> Vec<Problem> {
        let empty = self.users.is_empty();
        let empty =
            empty.then(|| Problem::at("/file", "there are no users in this file: nobody gets in"));
        empty.into_iter().collect()
    }
}

impl BasicAuth {
    fn begin(
        &self,
        found: &Found,
        state: &mut Option<Check>,
    ) -> Result<Result<Judgement, Refusal>> {
        let encoded = match found {
            Found::Nothing if self.anonymous => return Ok(Ok(Judgement::Anonymous)),
            Found::Nothing => return Ok(Err(Refusal::Missing)),
            Found::Several => return Ok(Err(Refusal::Malformed)),
            Found::Credential(encoded) => encoded.bytes(),
        };
        let Some(credentials) = Credentials::parse(encoded) else {
            return Ok(Err(Refusal::Malformed));
        };
        let own = self.users.hash(&credentials.user);
        let digest = own.map(|hash| memory::digest(&credentials, hash));
        if let Some(identity) = digest.as_ref().and_then(memory::recall) {
            return Ok(Ok(Judgement::Admitted(identity)));
        }
        // Whoever is not there takes as long as whoever is.
        let Some(hash) = own.or_else(|| self.users.any_hash()) else {
            return Ok(Err(Refusal::Wrong));
        };
        let check = state.insert(Check {
            task: Task::new(passwords::verify(hash, &credentials.password)),
            user: credentials.user,
            digest,
        });
        self.go_on(check)
    }

    fn go_on(&self, check: &mut Check) -> Result<Result<Judgement, Refusal>> {
        let result = match check.task.poll() {
            None if check.task.is_done() => return Err("the check has ended already".into()),
            None => return Ok(Ok(Judgement::Wait)),
            Some(result) => result,
        };
        Ok(match (result, check.digest.take()) {
            (Ok(true), Some(digest)) => {
                let identity = memory::remember(digest, &check.user, self.remember)?;
                Ok(Judgement::Admitted(identity))
            }
            (Ok(_), _) => Err(Refusal::Wrong),
            (Err(passwords::Error::Busy), _) => Err(Refusal::Busy),
            (Err(error), _) => return Err(error.into()),
        })
    }
}

fn read(name: &str) -> Result<Users, Vec<Problem>> {
    let file = File::open(name).map_err(|why| vec![Problem::at("/file", why)])?;
    Users::parse(file.content()).map_err(|flaws| {
        let flaws = flaws.into_iter();
        flaws
            .map(|flaw| Problem::at("/file", format!("in the file `{name}`: {flaw}")))
            .collect()
    })
}
