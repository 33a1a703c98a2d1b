//! Where tokens are between requests: at hand in this instance, and in the memory that all workers share.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use witgate_plugin::{
    clock,
    kv::{self, Claim, Entry},
};

use crate::{
    fetch::Question,
    token::{Failure, Found, Token},
};

/// Longer than any request for a token takes.
const LEASE: Duration = Duration::from_secs(60);

/// Nobody asks again before.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
const LONGEST_AFTER_FAILURE: Duration = Duration::from_secs(30);

/// A younger token is not to blame for a 401.
const TRIED: Duration = Duration::from_secs(10);

/// How long a token counts as used after its last use was told.
const USED: Duration = Duration::from_secs(3600);

pub(crate) struct Cache {
    question: Question,
    renew_before: Duration,
    /// What stands before the token in its field.
    prefix: String,
    at_hand: RefCell<Option<Rc<AtHand>>>,
    /// The others know that the token at hand is in use and due.
    told: Cell<bool>,
    /// Renewals in a row that failed, and when the next may begin; in the instance that ticks.
    failed: Cell<u32>,
    not_before: Cell<Duration>,
}

/// A token as this instance uses it.
pub(crate) struct AtHand {
    token: Token,
    due: Duration,
    /// Of the field that the upstream gets.
    pub(crate) value: String,
}

/// What waiting for a token came to.
pub(crate) type Obtained = Result<Rc<AtHand>, Failure>;

impl Cache {
    pub(crate) fn new(question: Question, renew_before: Duration, prefix: String) -> Rc<Self> {
        Rc::new(Self {
            question,
            renew_before,
            prefix,
            at_hand: RefCell::default(),
            told: Cell::new(false),
            failed: Cell::new(0),
            not_before: Cell::new(Duration::ZERO),
        })
    }

    /// A token that is still good, without asking anybody.
    pub(crate) fn at_hand(&self) -> Option<Rc<AtHand>> {
        let token = self.at_hand.borrow().clone()?;
        let now = clock::monotonic();
        if now < token.due {
            return Some(token);
        }
        self.follow(now, token)
    }

    /// It is due: maybe there is another one by now. If not, the ticks learn that one is wanted.
    fn follow(&self, now: Duration, old: Rc<AtHand>) -> Option<Rc<AtHand>> {
        let keys = Keys::of(&self.question);
        let newest = match read(&keys.token) {
            Some(Found::Token(token)) => self.take(token),
            _ => old,
        };
        if now < newest.due {
            return Some(newest);
        }
        if !self.told.replace(true) {
            kv::set(&keys.wanted, b"", USED);
        }
        (now < newest.token.end).then_some(newest)
    }

    /// Waits for a token, or finds out why there is none.
    pub(crate) async fn obtain(self: Rc<Self>) -> Obtained {
        let keys = Keys::of(&self.question);
        loop {
            match kv::get_or_claim(&keys.token, LEASE).await {
                Entry::Value(known) => match serde_json::from_slice(&known) {
                    Ok(Found::Token(token)) if clock::monotonic() < token.end => {
                        return Ok(self.take(token));
                    }
                    Ok(Found::Failed(failure)) => return Err(failure),
                    // Over, or of another version of this plugin.
                    _ => kv::delete(&keys.token),
                },
                Entry::Claimed(_claim) => {
                    let asked = self.question.ask().await;
                    share(
                        &keys,
                        &asked.clone().map_or_else(Found::Failed, Found::Token),
                    );
                    return asked.map(|token| self.take(token));
                }
            }
        }
    }

    /// Whether a token that is in use shall be renewed now.
    pub(crate) fn is_due(&self) -> bool {
        let keys = Keys::of(&self.question);
        let now = clock::monotonic();
        let due = || match read(&keys.token) {
            Some(Found::Token(token)) => token.due(self.renew_before) <= now && now < token.end,
            _ => false,
        };
        now >= self.not_before.get() && kv::get(&keys.wanted).is_some() && due()
    }

    /// Replaces the shared token; on a failure the old one stays until its end.
    pub(crate) async fn renew(self: Rc<Self>) {
        let keys = Keys::of(&self.question);
        let Some(_claim) = Claim::try_acquire(&keys.renewal, LEASE) else {
            return;
        };
        match self.question.ask().await {
            Ok(token) => {
                self.failed.set(0);
                kv::delete(&keys.wanted);
                share(&keys, &Found::Token(token));
            }
            Err(_) => {
                let doublings = self.failed.get().min(5);
                self.failed.set(doublings + 1);
                let pause = (AFTER_FAILURE * (1 << doublings)).min(LONGEST_AFTER_FAILURE);
                self.not_before.set(clock::monotonic() + pause);
            }
        }
    }

    /// The upstream does not take the token.
    pub(crate) fn was_refused(&self) {
        let Some(used) = self.at_hand.borrow().clone() else {
            return;
        };
        if clock::monotonic().saturating_sub(used.token.obtained) < TRIED {
            return;
        }
        let keys = Keys::of(&self.question);
        // It may have been replaced since.
        let newest = read(&keys.token);
        if matches!(newest, Some(Found::Token(token)) if token == used.token) {
            kv::delete(&keys.token);
        }
        self.at_hand.replace(None);
    }

    fn take(&self, token: Token) -> Rc<AtHand> {
        let mut at_hand = self.at_hand.borrow_mut();
        if let Some(same) = at_hand.as_ref().filter(|known| known.token == token) {
            return Rc::clone(same);
        }
        self.told.set(false);
        let new = AtHand {
            due: token.due(self.renew_before),
            value: format!("{}{}", self.prefix, token.text),
            token,
        };
        Rc::clone(at_hand.insert(Rc::new(new)))
    }
}

fn share(keys: &Keys, found: &Found) {
    let for_how_long = match found {
        Found::Token(token) => token.end.saturating_sub(clock::monotonic()),
        Found::Failed(_) => AFTER_FAILURE,
    };
    let value = serde_json::to_vec(found).unwrap_or_default();
    kv::set(&keys.token, &value, for_how_long);
}

fn read(key: &str) -> Option<Found> {
    serde_json::from_slice(&kv::get(key)?).ok()
}

/// Under what the workers share: the same for routes that ask the same.
struct Keys {
    token: String,
    /// There while the token is in use and due.
    wanted: String,
    renewal: String,
}

impl Keys {
    /// By the server as it is now: a client that was declared anew asks for a token of its own.
    fn of(question: &Question) -> Self {
        let asked = serde_json::json!([
            question.url(),
            question.client_id,
            question.scopes,
            question.parameters,
        ]);
        let digest = Sha256::digest(asked.to_string());
        let digest = BASE64_URL_SAFE_NO_PAD.encode(digest);
        Self {
            token: format!("token {digest}"),
            wanted: format!("wanted {digest}"),
            renewal: format!("renewal {digest}"),
        }
    }
}
