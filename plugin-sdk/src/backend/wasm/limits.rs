//! Between the generated types of limits and those of the SDK.

use std::time::Duration;

use super::bindings::witgate::plugin::limits;
use crate::limits::{Admission, Cause, Decision, Permit, Refusal};

pub(crate) fn decision(decision: limits::Decision) -> Decision {
    match decision {
        limits::Decision::Admitted(admission) => Decision::Admitted(Admission {
            remaining: admission.remaining,
            permit: admission.permit.map(Permit::held),
        }),
        limits::Decision::Refused(refusal) => Decision::Refused(Refusal {
            cause: match refusal.cause {
                limits::Cause::Rate => Cause::Rate,
                limits::Cause::Concurrency => Cause::Concurrency,
                limits::Cause::Cost => Cause::Cost,
                limits::Cause::Key => Cause::Key,
            },
            retry_after: Duration::from_millis(refusal.retry_after),
            remaining: refusal.remaining,
        }),
    }
}
