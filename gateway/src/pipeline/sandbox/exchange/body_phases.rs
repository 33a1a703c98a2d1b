//! The body phases: `on-request-body` and `on-response-body`, one piece at a time.

use http::HeaderMap;
use wasmtime::component::{Resource, ResourceAny};

use super::{Running, report};
use crate::pipeline::sandbox::{
    bindings::types::{self, BodyAction},
    body::Direction,
    exports::{OnRequestBody, OnResponseBody},
    failure::{Failure, FailureKind},
    fields::Edit,
    phase::Phase,
    place::Lent,
    state::Call,
};

impl Running {
    /// A reply to a body is possible as long as no response is under way.
    pub(in crate::pipeline::sandbox) fn may_reply(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => true,
            Direction::Response => self
                .response
                .borrow()
                .as_ref()
                .is_some_and(|head| !head.sealed),
        }
    }

    /// Counts and logs a failure that `on-failure: open` cannot pass over.
    pub(in crate::pipeline::sandbox) fn refuse(
        &self,
        index: usize,
        phase: Phase,
        kind: FailureKind,
    ) -> Failure {
        if let Some(seen) = self.seen.borrow().get(index) {
            report(&seen.slot, &self.about, phase, &kind);
        }
        Failure {
            plugin: self.link(index).plugin.name.clone(),
            phase,
            kind,
        }
    }

    /// Hands one piece to one plugin.
    pub(in crate::pipeline::sandbox) async fn chunk(
        &self,
        index: usize,
        direction: Direction,
        data: &[u8],
        last: bool,
        trailers: Option<&HeaderMap>,
        trailer_edits: &mut Vec<Edit>,
    ) -> Result<BodyAction, FailureKind> {
        if self.has_ended() {
            return Ok(BodyAction::Done);
        }
        let (mut lent, state) = self.lend(index).await?;
        let called = match lent.configuration(&self.link(index).settings).await {
            Ok(config) => {
                let call = &mut lent.store.data_mut().call;
                self.put(call, direction, last, trailers);
                self.recall(index, state.as_ref(), call);
                std::mem::swap(&mut call.trailer_edits, trailer_edits);
                let staged = call.trailer_edits.len();
                let called = self
                    .call_chunk(&mut lent, direction, config, state, data, last)
                    .await;
                let call = &mut lent.store.data_mut().call;
                let succeeded = matches!(called, Ok(Ok(_)));
                if !succeeded {
                    call.trailer_edits.truncate(staged);
                }
                std::mem::swap(&mut call.trailer_edits, trailer_edits);
                self.remember(index, call, succeeded);
                self.take_back(call, direction, succeeded);
                called
            }
            Err(kind) => Err(kind),
        };
        called?.map_err(|failure| FailureKind::Failed(failure.message.into()))
    }

    async fn call_chunk(
        &self,
        lent: &mut Lent,
        direction: Direction,
        config: ResourceAny,
        state: Option<ResourceAny>,
        data: &[u8],
        last: bool,
    ) -> Result<Result<BodyAction, types::Failure>, FailureKind> {
        let missing = || FailureKind::Invalid(format!("`{}` is missing", direction.phase()).into());
        let (result,) = match direction {
            Direction::Request => {
                let function: OnRequestBody = lent.exports.request_body.ok_or_else(missing)?;
                let params = (config, state, Resource::new_borrow(0), data, last);
                lent.call(Phase::RequestBody, function, params).await?
            }
            Direction::Response => {
                let function: OnResponseBody = lent.exports.response_body.ok_or_else(missing)?;
                let params = (config, state, Resource::new_borrow(0), data, last);
                lent.call(Phase::ResponseBody, function, params).await?
            }
        };
        Ok(result)
    }

    /// Puts the head into the store.
    fn put(&self, call: &mut Call, direction: Direction, last: bool, trailers: Option<&HeaderMap>) {
        call.about = Some(self.about.clone());
        call.findings.swap(&self.findings);
        let trailers = trailers.filter(|_| last).cloned();
        match direction {
            Direction::Request => {
                if let Some(mut head) = self.request.take() {
                    head.trailers = trailers;
                    *call.request.begin() = *head;
                }
            }
            Direction::Response => {
                if let Some(mut head) = self.response.take() {
                    head.trailers = trailers;
                    head.in_body = true;
                    *call.response.begin() = *head;
                }
            }
        }
    }

    /// Takes the head out again, edited if the call succeeded.
    fn take_back(&self, call: &mut Call, direction: Direction, succeeded: bool) {
        call.about = None;
        call.findings.settle(succeeded);
        call.findings.swap(&self.findings);
        if !succeeded {
            call.edits.clear();
        }
        match direction {
            Direction::Request => {
                if call.request.get().is_some() {
                    let mut head = std::mem::take(call.request.end());
                    head.settle(&mut call.edits, succeeded);
                    *self.request.borrow_mut() = Some(Box::new(head));
                }
            }
            Direction::Response => {
                if call.response.get().is_some() {
                    let mut head = std::mem::take(call.response.end());
                    head.settle(&mut call.edits, succeeded);
                    *self.response.borrow_mut() = Some(Box::new(head));
                }
            }
        }
    }
}
