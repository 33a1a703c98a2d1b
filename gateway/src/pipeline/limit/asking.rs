//! Asking a route's limiters, one after the other.

use std::{fmt, sync::Arc, time::Duration};

use http::HeaderMap;
use smallvec::SmallVec;

use super::{Asker, RouteLimits, compile::Item, fields};
use crate::pipeline::limiter::{
    Answer, Awaited, Cause, Decision, Key, Left, Moment, Permit, Question, Refused,
};

/// When limits are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the policies: those that need no identity.
    Before,
    /// After them: the others.
    After,
}

/// What an exchange has been granted.
#[derive(Debug, Default)]
pub struct Granted {
    /// The limit to ask next.
    next: usize,
    permits: SmallVec<[Permit; 1]>,
    /// The limit that has the least left, and that.
    scarcest: Option<(usize, Left)>,
}

/// A limit refuses a request.
#[derive(Debug)]
pub struct Refusal {
    pub cause: Cause,
    /// None when nobody knows.
    pub retry_after: Option<Duration>,
    /// The limit's name.
    pub limit: Arc<str>,
    /// What it allows, for the log.
    pub allows: String,
}

impl Refusal {
    /// For `Retry-After` (RFC 9110 section 10.2.3); none when waiting does not help.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match (self.cause, self.retry_after) {
            (_, Some(time)) => Some(fields::seconds(time)),
            // Nobody knows when one of those that are under way ends.
            (Cause::Concurrency, None) => Some(1),
            (Cause::Rate | Cause::Cost | Cause::Key, None) => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, allows, .. } = self;
        match self.cause {
            Cause::Rate => write!(f, "the limit `{limit}` ({allows}) is used up"),
            Cause::Cost => write!(
                f,
                "the limit `{limit}` ({allows}) never gives so much at once"
            ),
            Cause::Concurrency => {
                write!(f, "the limit `{limit}` ({allows}) has too many under way")
            }
            Cause::Key => write!(
                f,
                "the limit `{limit}` ({allows}) has nobody to count the request for"
            ),
        }
    }
}

impl RouteLimits {
    /// Asks on until all have been asked or one refuses; some: one that answers later, for [`Self::settle`].
    pub fn ask(
        &self,
        granted: &mut Granted,
        phase: Phase,
        asker: &Asker<'_>,
        now: Moment,
    ) -> Result<Option<Awaited>, Refusal> {
        let until = match phase {
            Phase::Before => self.early,
            Phase::After => self.items.len(),
        };
        while granted.next < until {
            let item = &self.items[granted.next];
            let question = Question {
                key: item.key(asker),
                cost: item.cost,
                now,
            };
            match item.limit.limiter.ask(&question) {
                Answer::Now(decision) => self.settle(granted, decision)?,
                Answer::Later(awaited) => return Ok(Some(awaited)),
            }
        }
        Ok(None)
    }

    /// What the limit that was asked last has decided.
    pub fn settle(&self, granted: &mut Granted, decision: Decision) -> Result<(), Refusal> {
        let index = granted.next;
        granted.next += 1;
        let item = &self.items[index];
        match decision {
            Ok(admission) => {
                if let Some(permit) = admission.permit {
                    granted.permits.push(permit);
                }
                let scarcer = |left: &Left| match &granted.scarcest {
                    Some((_, other)) => left.remaining <= other.remaining,
                    None => true,
                };
                granted.remember(item, index, admission.left.filter(scarcer));
                Ok(())
            }
            Err(refused) => {
                granted.remember(item, index, refused.left);
                Err(item.refusal(&refused))
            }
        }
    }

    /// Tells the client of the limits, beside what the upstream says of its own.
    pub fn tell(&self, granted: &Granted, fields: &mut HeaderMap) {
        let Some(policy) = &self.policy else {
            return;
        };
        fields.append(fields::POLICY, policy.clone());
        if let Some((index, left)) = &granted.scarcest {
            fields.append(fields::RATE_LIMIT, self.items[*index].told.field(*left));
        }
    }
}

impl Granted {
    /// What clients are told in the end, if this limit tells them.
    fn remember(&mut self, item: &Item, index: usize, left: Option<Left>) {
        if let (Some(left), true) = (left, item.limit.definition.headers) {
            self.scarcest = Some((index, left));
        }
    }

    /// For a stream that outlives its exchange.
    pub fn take_permits(&mut self) -> impl Sized + 'static + use<> {
        std::mem::take(&mut self.permits)
    }
}

impl Item {
    fn key(&self, asker: &Asker<'_>) -> Option<Key> {
        self.key.or_else(|| asker.key(&self.limit.definition.by))
    }

    #[cold]
    fn refusal(&self, refused: &Refused) -> Refusal {
        Refusal {
            cause: refused.cause,
            retry_after: refused.retry_after,
            limit: Arc::clone(&self.limit.name),
            allows: self.limit.definition.to_string(),
        }
    }
}
