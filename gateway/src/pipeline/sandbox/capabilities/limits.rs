//! `limits`: the rate limits that the operator declared under `rate-limits`, the same that routes ask.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use wasmtime::component::Resource;

use crate::{
    config::raw::Capability,
    pipeline::{
        limiter::{self, Answer, Limit, Limiters, Limits, Moment, Question, Refused},
        sandbox::{
            bindings::limits::{
                Admission, Cause, Decision, Host, HostLimiter, HostPermit, Refusal,
            },
            host::CONTROL,
            state::State,
        },
    },
};

/// A plugin's handle on one limit.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Limiter {
    limit: Arc<Limit>,
    /// Where it was found.
    seen: Arc<Limiters>,
}

/// A plugin's place among those of a limit on concurrency.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Permit(#[allow(dead_code, reason = "held for the sake of its end")] limiter::Permit);

impl Host for State {}

impl HostLimiter for State {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<Limiter>, String>> {
        let granted = self.may_open(Capability::Limits, &name);
        let judges = self.home.worker == CONTROL;
        match granted.and_then(|()| find(&self.home.limits, judges, &name)) {
            Ok(limiter) => {
                self.has_opened(Capability::Limits, &limiter.limit.name);
                Ok(Ok(self.table.push(limiter)?))
            }
            Err(message) => Ok(Err(message)),
        }
    }

    fn ask(
        &mut self,
        this: Resource<Limiter>,
        key: Option<String>,
        cost: u32,
    ) -> wasmtime::Result<Decision> {
        let limiter = self.table.get_mut(&this)?;
        limiter.follow(&self.home.limits);
        let limit = &limiter.limit;
        let question = Question {
            key: key.map(|key| limit.definition.key(&key)),
            cost,
            now: Moment::now(),
        };
        let decision = match limit.limiter.ask(&question) {
            Answer::Now(decision) => decision,
            // A call does not wait: what is not there at once is a no.
            Answer::Later(later) => later.now_or_never().unwrap_or(Err(Refused::unknown())),
        };
        Ok(match decision {
            Ok(admission) => Decision::Admitted(Admission {
                remaining: admission.left.map(|left| left.remaining),
                permit: match admission.permit {
                    Some(permit) => Some(self.table.push(Permit(permit))?),
                    None => None,
                },
            }),
            Err(refused) => Decision::Refused(refusal(&refused)),
        })
    }

    fn drop(&mut self, this: Resource<Limiter>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostPermit for State {
    fn drop(&mut self, this: Resource<Permit>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

/// For who judges a configuration, what was declared last; for a worker what serves, or is about to.
fn find(limits: &Limits, judges: bool, name: &str) -> Result<Limiter, String> {
    let live = (!judges).then(|| limits.live().clone());
    let declared = || limits.declared();
    let seen = live.filter(|live| live.get(name).is_some());
    let seen = seen.unwrap_or_else(declared);
    match seen.get(name) {
        Some(limit) => Ok(Limiter {
            limit: Arc::clone(limit),
            seen,
        }),
        None => {
            let (message, hint) = seen.unknown(name);
            Err(format!("{message}; {hint}"))
        }
    }
}

impl Limiter {
    /// Looks the name up again when `witgate.yaml` has been read anew. A limit that is gone stays as it was, until the
    /// configuration that opened it is judged again.
    fn follow(&mut self, limits: &Limits) {
        let live = limits.live();
        if Arc::ptr_eq(&live, &self.seen) {
            return;
        }
        if let Some(limit) = live.get(&self.limit.name) {
            self.limit = Arc::clone(limit);
        }
        self.seen = live.clone();
    }
}

fn refusal(refused: &Refused) -> Refusal {
    let wait = refused.retry_after.unwrap_or(Duration::ZERO);
    Refusal {
        cause: match refused.cause {
            limiter::Cause::Rate => Cause::Rate,
            limiter::Cause::Concurrency => Cause::Concurrency,
            limiter::Cause::Cost => Cause::Cost,
            limiter::Cause::Key => Cause::Key,
        },
        // Rounded up: earlier there is nothing.
        retry_after: u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX),
        remaining: refused.left.map(|left| left.remaining),
    }
}
