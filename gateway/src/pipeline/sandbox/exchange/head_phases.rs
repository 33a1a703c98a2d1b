//! The head phases: `on-request` in the order of the chain, `on-response` in reverse.

use std::sync::Arc;

use bytes::Bytes;
use http_body::Body;
use wasmtime::component::{Resource, ResourceAny};

use super::{Exchange, Flow, Interruption, PhaseError, Running, Shut};
use crate::pipeline::{
    context::{LocalResponse, Replaced},
    sandbox::{
        arrivals::Arrival,
        bindings::{on_request, on_response, types},
        body::{Break, ChainBody, Direction},
        failure::{Failure, FailureKind},
        phase::Phase,
        reply::local_response,
        request::RequestHead,
        response::ResponseHead,
    },
};

/// What a plugin decided over a head.
enum Decision {
    Next,
    Reply(LocalResponse),
    WaitBody(u64),
    /// For the first piece of a response's body.
    WaitFirst,
}

/// What of a response's body has to be there before its head goes on.
enum Wanted {
    Whole(u64),
    First,
}

impl Exchange {
    /// Runs the request phases that come before the head goes out. `parts` is edited in place.
    pub async fn on_request<B>(
        &self,
        parts: &mut http::request::Parts,
        body: B,
    ) -> Result<Flow<ChainBody<B>>, PhaseError<B::Error>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let Some(running) = &self.0 else {
            return Ok(Flow::Next(ChainBody::untouched(body)));
        };
        if let Some(waiting) = &running.links.waiting {
            return Err(PhaseError::Failure(Failure {
                plugin: Arc::clone(&waiting.plugin),
                phase: Phase::Configure,
                kind: FailureKind::Unready(Arc::clone(&waiting.why)),
            }));
        }
        let mut body = ChainBody::untouched(body);
        for index in 0..running.links.links.len() {
            if !running.link(index).doors.is_empty()
                && let Err(shut) = running.pass_gates(index)
            {
                match shut {
                    Shut::Unavailable(refusal) => return Ok(Flow::Unavailable(refusal)),
                    Shut::Reply(reply) => return Ok(Flow::Reply(*reply)),
                    Shut::Upstream(upstream) => running.divert(index, upstream),
                }
                continue;
            }
            running.reach(index);
            let decision = running.request_head(index, parts).await?;
            if let Decision::Reply(reply) = decision {
                running.leave_out(index);
                return Ok(Flow::Reply(reply));
            }
            let wanted = match decision {
                Decision::WaitBody(most) => Some(most),
                _ => None,
            };
            body.add(running, Direction::Request, index, wanted.is_some());
            if let Some(most) = wanted {
                let collected = Box::pin(running.collect_request(parts, &mut body, most)).await;
                if let Some(reply) = running.collected(collected)? {
                    return Ok(Flow::Reply(reply));
                }
            }
        }
        if body.may_change() {
            parts.headers.remove(http::header::CONTENT_LENGTH);
        }
        if body.has_filters() {
            *running.request.borrow_mut() = Some(Box::new(RequestHead::sealed(parts)));
        }
        Ok(Flow::Next(body))
    }

    /// Runs the response phases that come before the head goes out, for the plugins that the request reached
    /// (but not for one that gave this answer itself). `parts` is edited in place, or replaced by a plugin's reply.
    pub async fn on_response<B>(
        &self,
        parts: &mut http::response::Parts,
        body: B,
    ) -> Result<ChainBody<B>, PhaseError<B::Error>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let Some(running) = &self.0 else {
            return Ok(ChainBody::untouched(body));
        };
        let mut body = ChainBody::untouched(body);
        for index in (0..running.reached()).rev() {
            let decision = running.response_head(index, parts).await?;
            let keep_alive = running.keep_alive.take();
            let wanted = match decision {
                Decision::Next => None,
                Decision::WaitBody(most) => Some(Wanted::Whole(most)),
                Decision::WaitFirst => Some(Wanted::First),
                Decision::Reply(reply) => {
                    body.replace(replace(parts, reply));
                    continue;
                }
            };
            body.add(running, Direction::Response, index, wanted.is_some());
            if let Some(keep_alive) = keep_alive {
                body.keep_alive(keep_alive);
            }
            if let Some(wanted) = wanted {
                let collected = Box::pin(running.collect_response(parts, &mut body, wanted)).await;
                if let Some(reply) = running.collected(collected)? {
                    body.replace(replace(parts, reply));
                }
            }
        }
        if body.may_change() {
            parts.headers.remove(http::header::CONTENT_LENGTH);
        }
        if body.has_filters() {
            *running.response.borrow_mut() = Some(Box::new(ResponseHead::sealed(parts)));
        }
        Ok(body)
    }
}

/// Puts a plugin's reply in the response's place; what is left is its body.
fn replace(parts: &mut http::response::Parts, reply: LocalResponse) -> Bytes {
    let (reply, body) = reply.into_parts();
    parts.status = reply.status;
    parts.headers = reply.headers;
    parts.extensions.insert(Replaced);
    body
}

impl Running {
    /// What became of a body that a plugin waited for: nothing special, or a reply.
    fn collected<E>(
        &self,
        collected: Result<(), Break<E>>,
    ) -> Result<Option<LocalResponse>, PhaseError<E>> {
        match collected {
            Ok(()) => Ok(None),
            Err(Break::Source(error)) => Err(PhaseError::Body(error)),
            Err(Break::Interrupted) => match self.interruption.take() {
                Some(Interruption::Reply(reply)) => Ok(Some(*reply)),
                Some(Interruption::Failure(failure)) => Err(PhaseError::Failure(failure)),
                None => Ok(None),
            },
        }
    }

    /// Reads a request's body to its end for the plugin that was added last, which may still edit the head.
    async fn collect_request<B: Body<Data = Bytes> + Unpin>(
        &self,
        parts: &mut http::request::Parts,
        body: &mut ChainBody<B>,
        most: u64,
    ) -> Result<(), Break<B::Error>> {
        let mut head = Box::<RequestHead>::default();
        head.swap(parts);
        *self.request.borrow_mut() = Some(head);
        let collected = body.collect(most).await;
        if let Some(mut head) = self.request.take() {
            head.swap(parts);
        }
        collected
    }

    async fn collect_response<B: Body<Data = Bytes> + Unpin>(
        &self,
        parts: &mut http::response::Parts,
        body: &mut ChainBody<B>,
        wanted: Wanted,
    ) -> Result<(), Break<B::Error>> {
        let mut head = Box::<ResponseHead>::default();
        head.swap(parts);
        *self.response.borrow_mut() = Some(head);
        let collected = match wanted {
            Wanted::Whole(most) => body.collect(most).await,
            Wanted::First => body.begin().await,
        };
        if let Some(mut head) = self.response.take() {
            head.swap(parts);
        }
        collected
    }

    async fn request_head(
        &self,
        index: usize,
        parts: &mut http::request::Parts,
    ) -> Result<Decision, Failure> {
        if !self.takes_part(index, Phase::Request) {
            return Ok(Decision::Next);
        }
        let decision = match self.request_verdict(index, parts).await {
            Ok(on_request::Verdict::Next) => Ok(Decision::Next),
            Ok(on_request::Verdict::Reply(reply)) => local_response(reply).map(Decision::Reply),
            Ok(on_request::Verdict::WaitBody(most)) => {
                self.wait_body(index, Phase::RequestBody, most)
            }
            Ok(on_request::Verdict::Again) => Err(FailureKind::Invalid("it never ends".into())),
            Err(kind) => Err(kind),
        };
        self.decided(index, Phase::Request, decision)
    }

    fn wait_body(&self, index: usize, phase: Phase, most: u64) -> Result<Decision, FailureKind> {
        let plugin = self.plugin(index);
        if !plugin.phases.contains(phase) {
            let what = format!("it waits for the body without `{phase}`");
            return Err(FailureKind::Invalid(what.into()));
        }
        Ok(Decision::WaitBody(most.min(plugin.settings.limits.body)))
    }

    fn decided(
        &self,
        index: usize,
        phase: Phase,
        decision: Result<Decision, FailureKind>,
    ) -> Result<Decision, Failure> {
        decision.or_else(|kind| self.failed(index, phase, kind).map(|()| Decision::Next))
    }

    /// One call of `on-request`, and what it asked for and did not get.
    pub(super) async fn call_request(
        &self,
        index: usize,
        parts: &mut http::request::Parts,
    ) -> Result<(on_request::Verdict, Vec<Arrival>), FailureKind> {
        let (mut lent, state) = self.lend(index).await?;
        let called = self.call_request_in(index, &mut lent, state, parts).await;
        let arrivals = lent.store.data_mut().arrivals.take();
        let outcome = called?.map_err(|failure| FailureKind::Failed(failure.message.into()))?;
        if let Some(state) = outcome.state {
            let older = {
                let mut seen = self.seen.borrow_mut();
                let seen = &mut seen[index];
                seen.instance = Some(lent.shared().clone());
                seen.state.replace(state)
            };
            if let Some(older) = older {
                Box::pin(lent.discard(older)).await?;
            }
        }
        Ok((outcome.verdict, arrivals))
    }

    async fn call_request_in(
        &self,
        index: usize,
        lent: &mut super::Lent,
        state: Option<ResourceAny>,
        parts: &mut http::request::Parts,
    ) -> Result<Result<on_request::Outcome, types::Failure>, FailureKind> {
        let config = lent.configuration(&self.link(index).settings).await?;
        let Some(function) = lent.exports.request else {
            return Err(FailureKind::Invalid("`on-request` is missing".into()));
        };
        let call = &mut lent.store.data_mut().call;
        call.about = Some(self.about.clone());
        call.request.begin().swap(parts);
        call.findings.swap(&self.findings);
        self.recall(index, state.as_ref(), call);
        let params = (config, state, Resource::new_borrow(0));
        let returned = lent.call(Phase::Request, function, params).await;
        let call = &mut lent.store.data_mut().call;
        call.about = None;
        let succeeded = matches!(returned, Ok((Ok(_),)));
        self.remember(index, call, succeeded);
        call.findings.settle(succeeded);
        call.findings.swap(&self.findings);
        let head = call.request.end();
        head.settle(&mut call.edits, succeeded);
        head.swap(parts);
        returned.map(|(result,)| result)
    }

    async fn response_head(
        &self,
        index: usize,
        parts: &mut http::response::Parts,
    ) -> Result<Decision, Failure> {
        if !self.takes_part(index, Phase::Response) {
            return Ok(Decision::Next);
        }
        let decision = match self.call_response(index, parts).await {
            Ok(on_response::Verdict::Next) => Ok(Decision::Next),
            Ok(on_response::Verdict::Reply(reply)) => local_response(reply).map(Decision::Reply),
            Ok(on_response::Verdict::WaitBody(most)) => {
                self.wait_body(index, Phase::ResponseBody, most)
            }
            Ok(on_response::Verdict::WaitFirst) => self
                .wait_body(index, Phase::ResponseBody, 0)
                .map(|_| Decision::WaitFirst),
            Err(kind) => Err(kind),
        };
        self.decided(index, Phase::Response, decision)
    }

    async fn call_response(
        &self,
        index: usize,
        parts: &mut http::response::Parts,
    ) -> Result<on_response::Verdict, FailureKind> {
        let (mut lent, state) = self.lend(index).await?;
        let called = self.call_response_in(index, &mut lent, state, parts).await;
        called?.map_err(|failure| FailureKind::Failed(failure.message.into()))
    }

    async fn call_response_in(
        &self,
        index: usize,
        lent: &mut super::Lent,
        state: Option<ResourceAny>,
        parts: &mut http::response::Parts,
    ) -> Result<Result<on_response::Verdict, types::Failure>, FailureKind> {
        let config = lent.configuration(&self.link(index).settings).await?;
        let Some(function) = lent.exports.response else {
            return Err(FailureKind::Invalid("`on-response` is missing".into()));
        };
        let call = &mut lent.store.data_mut().call;
        call.about = Some(self.about.clone());
        call.response.begin().swap(parts);
        self.recall(index, state.as_ref(), call);
        let params = (config, state, Resource::new_borrow(0));
        let returned = lent.call(Phase::Response, function, params).await;
        let call = &mut lent.store.data_mut().call;
        call.about = None;
        let succeeded = matches!(returned, Ok((Ok(_),)));
        self.remember(index, call, succeeded);
        let head = call.response.end();
        head.settle(&mut call.edits, succeeded);
        self.keep_alive.replace(head.keep_alive.take());
        head.swap(parts);
        returned.map(|(result,)| result)
    }
}
