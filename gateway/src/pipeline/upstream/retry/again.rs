//! Sending a request until it is answered, or may not be sent again.

use std::{
    hash::{BuildHasher, RandomState},
    rc::Rc,
};

use http::{Request, Response};
use smallvec::SmallVec;

use super::{
    super::{
        super::{body::RequestBody, gate::FailedTry, grpc},
        body::UpstreamBody,
        error::{Error, ErrorKind},
        pool::{Call, Failed, Pool, Pools},
    },
    Replay, Retry,
};

impl Pools {
    /// Sends a request as its route's `retry` says.
    pub(in super::super) async fn send_again(
        &self,
        pool: &Rc<Pool>,
        call: Call<'_>,
        retry: &Retry,
        request: &mut Request<RequestBody>,
    ) -> Result<Response<UpstreamBody>, Error> {
        let replay = Replay::of(request);
        pool.budget.count(call.began);
        let mut tried = SmallVec::<[usize; 4]>::new();
        let mut pauses = 0;
        loop {
            let index = pool.choose(&tried, call.gates)?;
            call.asked.set(Some(index));
            if tried.contains(&index) {
                tokio::time::sleep(retry.pause(pauses, chance())).await;
                pauses += 1;
            }
            let sent = self.attempt(pool, index, call, request).await;
            tried.push(index);
            let again = tried.len() <= usize::from(retry.attempts)
                && is_worth_it(&sent, retry, &replay)
                && replay.is_whole()
                && is_allowed(&sent, retry, pool)
                && replay.restore(request);
            if !again {
                replay.forget();
                return sent.map_err(|failed| pool.failed(index, failed.kind));
            }
            if let (Some(gates), Some(how)) = (call.gates, how(&sent)) {
                gates.failed(how);
            }
            pool.counters.retries.add(1);
        }
    }
}

/// How a try failed after which another is made.
fn how(sent: &Sent) -> Option<FailedTry> {
    Some(match sent {
        Ok(response) => match grpc::status(response.headers()) {
            Some(status) => FailedTry::GrpcStatus(status.into()),
            None => FailedTry::Status(response.status().as_u16()),
        },
        Err(failed) => failed.kind.how()?,
    })
}

type Sent = Result<Response<UpstreamBody>, Failed>;

fn is_worth_it(sent: &Sent, retry: &Retry, replay: &Replay) -> bool {
    match sent {
        Ok(response) => retry.after_response(response, replay.method()),
        Err(failed) => never_left(failed) || retry.after_failure(&failed.kind, replay.method()),
    }
}

/// Whether the upstream can bear it; what never left costs it nothing.
fn is_allowed(sent: &Sent, retry: &Retry, pool: &Pool) -> bool {
    let allowed = sent.as_ref().is_err_and(never_left) || pool.budget.take(retry.budget);
    if !allowed {
        pool.counters.retries_denied.add(1);
    }
    allowed
}

/// The connection was closed just when the request was about to use it.
fn never_left(failed: &Failed) -> bool {
    failed.again && matches!(failed.kind, ErrorKind::Exchange(_)) && !failed.kind.is_unsent()
}

fn chance() -> u64 {
    RandomState::new().hash_one(())
}
