//! The head phases: `on-request` in the order of the chain, `on-response` in reverse. Here for plugins that are waited
//! for or take part in bodies; [`at_once`](super::at_once) for the others.

use bytes::Bytes;
use http_body::Body;

use super::{Exchange, Flow, Interruption, PhaseError, RequestLater, ResponseLater, Running};
use crate::pipeline::{
    context::{LocalResponse, Replaced},
    sandbox::{
        arrivals::Arrival,
        bindings::{on_request, on_response},
        body::{Break, ChainBody, Direction},
        failure::{Failure, FailureKind},
        phase::Phase,
        reply::local_response,
        request::RequestHead,
        response::{AsResponse, ResponseHead},
    },
};

/// What a plugin decided over a head.
pub(super) enum Decision {
    Next,
    Reply(Box<LocalResponse>),
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
    /// The rest of what `on_request_now` began. `parts` is edited in place.
    pub async fn on_request_later<B>(
        &self,
        later: RequestLater,
        parts: &mut http::request::Parts,
        body: B,
    ) -> Result<Flow<ChainBody<B>>, PhaseError<B::Error>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let Some(running) = &self.0 else {
            return Ok(Flow::Next(ChainBody::untouched(body)));
        };
        let mut arrivals = later.arrivals;
        let mut body = ChainBody::untouched(body);
        for index in later.index..running.links.links.len() {
            if arrivals.is_none() {
                match running.come_to(index) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(flow) => return Ok(flow.with(body)),
                }
            }
            let decision = running.request_head(index, parts, arrivals.take()).await?;
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

    /// The rest of what `on_response_now` began. `parts` is edited in place, or replaced by a plugin's reply.
    pub async fn on_response_later<B>(
        &self,
        later: ResponseLater,
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
        if let Some(replaced) = later.replaced {
            body.replace(replaced);
        }
        for index in (0..later.left).rev() {
            let decision = running.response_head(index, parts).await?;
            let keep_alive = running.keep_alive.take();
            let wanted = match decision {
                Decision::Next => None,
                Decision::WaitBody(most) => Some(Wanted::Whole(most)),
                Decision::WaitFirst => Some(Wanted::First),
                Decision::Reply(reply) => {
                    body.replace(replace(parts, *reply));
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
                    body.replace(replace(parts, *reply));
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

impl<B> Flow<B> {
    pub(in crate::pipeline::sandbox) fn with<C>(self, body: C) -> Flow<C> {
        match self {
            Self::Next(_) => Flow::Next(body),
            Self::Reply(reply) => Flow::Reply(reply),
            Self::Unavailable(refusal) => Flow::Unavailable(refusal),
        }
    }
}

fn reply_with(reply: LocalResponse) -> Decision {
    Decision::Reply(Box::new(reply))
}

/// Puts a plugin's reply in the response's place; what is left is its body.
pub(super) fn replace(response: &mut impl AsResponse, reply: LocalResponse) -> Bytes {
    let (reply, body) = reply.into_parts();
    *response.status() = reply.status;
    *response.headers() = reply.headers;
    response.extensions().insert(Replaced);
    body
}

impl Running {
    /// What became of a body that a plugin waited for: nothing special, or a reply.
    fn collected<E>(
        &self,
        collected: Result<(), Break<E>>,
    ) -> Result<Option<Box<LocalResponse>>, PhaseError<E>> {
        match collected {
            Ok(()) => Ok(None),
            Err(Break::Source(error)) => Err(PhaseError::Body(error)),
            Err(Break::Interrupted) => match self.interruption.take() {
                Some(Interruption::Reply(reply)) => Ok(Some(reply)),
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
        arrivals: Option<Vec<Arrival>>,
    ) -> Result<Decision, Failure> {
        if !self.takes_part(index, Phase::Request) {
            return Ok(Decision::Next);
        }
        if arrivals.is_none()
            && let Some(decision) = self.reusable(index, &parts.headers)
        {
            self.reuse(index, &decision, &mut parts.headers);
            return Ok(Decision::Next);
        }
        let verdict = self.request_verdict(index, parts, arrivals).await;
        self.request_decision(index, verdict)
    }

    pub(super) fn request_decision(
        &self,
        index: usize,
        verdict: Result<on_request::Verdict, FailureKind>,
    ) -> Result<Decision, Failure> {
        let decision = match verdict {
            Ok(on_request::Verdict::Next) => Ok(Decision::Next),
            Ok(on_request::Verdict::Reply(reply)) => local_response(reply).map(reply_with),
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

    async fn response_head(
        &self,
        index: usize,
        parts: &mut http::response::Parts,
    ) -> Result<Decision, Failure> {
        if !self.takes_part(index, Phase::Response) {
            return Ok(Decision::Next);
        }
        let verdict = self.call_response(index, parts).await;
        self.response_decision(index, verdict)
    }

    pub(super) fn response_decision(
        &self,
        index: usize,
        verdict: Result<on_response::Verdict, FailureKind>,
    ) -> Result<Decision, Failure> {
        let decision = match verdict {
            Ok(on_response::Verdict::Next) => return Ok(Decision::Next),
            Ok(on_response::Verdict::Reply(reply)) => local_response(reply).map(reply_with),
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
}
