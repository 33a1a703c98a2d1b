//! The head phases of plugins that neither wait nor take part in bodies, nearly all: without a future, and without taking
//! the message apart. What has to be waited for goes on in [`head_phases`](super::head_phases).

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Exchange, Flow, Running, Shut,
    head_phases::{Decision, replace},
};
use crate::pipeline::sandbox::{
    arrivals::Arrival,
    bindings::on_request,
    failure::{Failure, FailureKind},
    phase::Phase,
    request::AsRequest,
    response::AsResponse,
};

/// Where the request phases stand when what comes next has to be waited for.
#[derive(Default)]
pub struct RequestLater {
    pub(super) index: usize,
    /// What the plugin there waits for, if it was called.
    pub(super) arrivals: Option<Vec<Arrival>>,
}

/// The same of the response phases.
pub struct ResponseLater {
    /// So many plugins of the chain are still to be called, the last one first.
    pub(super) left: usize,
    /// The body that a plugin put in place of the response's.
    pub(super) replaced: Option<Bytes>,
}

impl Exchange {
    /// Runs the request phases that come before the head goes out, which is edited in place.
    ///
    /// # Errors
    /// The outer one says from where on `on_request_later` goes on.
    pub fn on_request_now(
        &self,
        request: &mut impl AsRequest,
    ) -> Result<Result<Flow<()>, Failure>, RequestLater> {
        let Some(running) = &self.0 else {
            return Ok(Ok(Flow::Next(())));
        };
        if let Some(waiting) = &running.links.waiting {
            return Ok(Err(Failure {
                plugin: Arc::clone(&waiting.plugin),
                phase: Phase::Configure,
                kind: FailureKind::Unready(Arc::clone(&waiting.why)),
            }));
        }
        for index in 0..running.links.links.len() {
            let later = |arrivals| RequestLater { index, arrivals };
            let phases = running.plugin(index).phases;
            if phases.contains(Phase::RequestBody) {
                return Err(later(None));
            }
            let concerned = phases.contains(Phase::Request);
            let reusable = match concerned {
                true => running.reusable(index, request.headers()),
                false => None,
            };
            // Before the gates, which are to be asked once.
            let lent = match concerned && reusable.is_none() {
                true => Some(running.lend_now(index).ok_or_else(|| later(None))?),
                false => None,
            };
            match running.come_to(index) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(flow) => return Ok(Ok(flow)),
            }
            if let Some(decision) = reusable {
                running.reuse(index, &decision, request.headers());
                continue;
            }
            let Some((lent, config)) = lent else {
                continue;
            };
            let verdict = match running.request_now(index, lent, config, request) {
                Ok((on_request::Verdict::Next, _)) => continue,
                Ok((on_request::Verdict::Again, arrivals)) => return Err(later(Some(arrivals))),
                Ok((verdict, _)) => Ok(verdict),
                Err(kind) => Err(kind),
            };
            match running.request_decision(index, verdict) {
                Ok(Decision::Reply(reply)) => {
                    running.leave_out(index);
                    return Ok(Ok(Flow::Reply(reply)));
                }
                Ok(_) => {}
                Err(failure) => return Ok(Err(failure)),
            }
        }
        Ok(Ok(Flow::Next(())))
    }

    /// Runs the response phases that come before the head goes out, which is edited in place, for the plugins that the
    /// request reached (but not for one that gave this answer itself).
    ///
    /// # Errors
    /// The outer one says from where on `on_response_later` goes on.
    pub fn on_response_now(
        &self,
        response: &mut impl AsResponse,
    ) -> Result<Result<(), Failure>, ResponseLater> {
        let Some(running) = &self.0 else {
            return Ok(Ok(()));
        };
        for index in (0..running.reached()).rev() {
            let later = |left, replaced| ResponseLater { left, replaced };
            if running.takes_part(index, Phase::ResponseBody) {
                return Err(later(index + 1, None));
            }
            if !running.takes_part(index, Phase::Response) {
                continue;
            }
            let Some((lent, config)) = running.lend_now(index) else {
                return Err(later(index + 1, None));
            };
            let verdict = running.response_now(index, lent, config, response);
            match running.response_decision(index, verdict) {
                Ok(Decision::Reply(reply)) => {
                    return Err(later(index, Some(replace(response, *reply))));
                }
                Ok(_) => {}
                Err(failure) => return Ok(Err(failure)),
            }
        }
        Ok(Ok(()))
    }
}

impl Running {
    /// The chain has come to a link. False: a gate sends the exchange past its plugin; an error is what it says instead.
    pub(super) fn come_to(&self, index: usize) -> Result<bool, Flow<()>> {
        if !self.link(index).doors.is_empty()
            && let Err(shut) = self.pass_gates(index)
        {
            return match shut {
                Shut::Unavailable(refusal) => Err(Flow::Unavailable(refusal)),
                Shut::Reply(reply) => Err(Flow::Reply(reply)),
                Shut::Upstream(upstream) => {
                    self.divert(index, upstream);
                    Ok(false)
                }
            };
        }
        self.reach(index);
        Ok(true)
    }
}
