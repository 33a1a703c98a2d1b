//! One call of `on-request` or `on-response`: what it may see is put into the store, and taken out again.

use wasmtime::component::{Resource, ResourceAny};

use super::Running;
use crate::pipeline::sandbox::{
    arrivals::Arrival,
    bindings::{on_request, on_response, types},
    failure::FailureKind,
    phase::Phase,
    place::Lent,
    request::AsRequest,
    response::AsResponse,
    state::Call,
};

/// What comes out of a call.
type Returned<T> = Result<(Result<T, types::Failure>,), FailureKind>;

fn missing(phase: Phase) -> FailureKind {
    FailureKind::Invalid(format!("`{phase}` is missing").into())
}

/// What the plugin itself calls a failure is one.
fn failed(failure: types::Failure) -> FailureKind {
    FailureKind::Failed(failure.message.into())
}

impl Running {
    /// One call of `on-request`, and what it asked for and did not get.
    pub(super) fn request_now(
        &self,
        index: usize,
        mut lent: Lent,
        config: ResourceAny,
        request: &mut impl AsRequest,
    ) -> Result<(on_request::Verdict, Vec<Arrival>), FailureKind> {
        let function = lent.exports.request;
        let function = function.ok_or_else(|| missing(Phase::Request))?;
        self.begin_request(index, &mut lent, None, request);
        let params = (config, None, Resource::new_borrow(0));
        let returned = lent.call_now(Phase::Request, function, params);
        let outcome = self.end_request(index, &mut lent, returned, request)?;
        if let Some(state) = outcome.state {
            self.keep_state(index, &lent, state);
        }
        Ok((outcome.verdict, lent.store.data_mut().arrivals.take()))
    }

    /// The same, when an instance has to be waited for, or the plugin itself waits.
    pub(super) async fn call_request(
        &self,
        index: usize,
        parts: &mut http::request::Parts,
    ) -> Result<(on_request::Verdict, Vec<Arrival>), FailureKind> {
        let (mut lent, state) = self.lend(index).await?;
        let config = lent.configuration(&self.link(index).settings).await?;
        let function = lent.exports.request;
        let function = function.ok_or_else(|| missing(Phase::Request))?;
        self.begin_request(index, &mut lent, state.as_ref(), parts);
        let params = (config, state, Resource::new_borrow(0));
        let returned = lent.call(Phase::Request, function, params).await;
        let arrivals = lent.store.data_mut().arrivals.take();
        let outcome = self.end_request(index, &mut lent, returned, parts)?;
        if let Some(state) = outcome.state
            && let Some(older) = self.keep_state(index, &lent, state)
        {
            lent.discard(older).await?;
        }
        Ok((outcome.verdict, arrivals))
    }

    fn begin_request(
        &self,
        index: usize,
        lent: &mut Lent,
        state: Option<&ResourceAny>,
        request: &mut impl AsRequest,
    ) {
        let call = &mut lent.store.data_mut().call;
        call.offer = None;
        call.about = Some(self.about.clone());
        call.request.begin().swap(request);
        call.findings.swap(&self.findings);
        self.recall(index, state, call);
    }

    fn end_request(
        &self,
        index: usize,
        lent: &mut Lent,
        returned: Returned<on_request::Outcome>,
        request: &mut impl AsRequest,
    ) -> Result<on_request::Outcome, FailureKind> {
        let succeeded = matches!(returned, Ok((Ok(_),)));
        let call = &mut lent.store.data_mut().call;
        if let (Some(offer), Ok((Ok(outcome),))) = (call.offer.take(), &returned)
            && matches!(outcome.verdict, on_request::Verdict::Next)
            && outcome.state.is_none()
        {
            self.leave(index, *offer);
        }
        call.findings.settle(succeeded);
        call.findings.swap(&self.findings);
        let head = call.request.end();
        head.settle(&mut call.edits, succeeded);
        head.swap(request);
        self.end_call(index, call, succeeded);
        let (result,) = returned?;
        result.map_err(failed)
    }

    /// From now on the exchange keeps this state, in this instance. Returns the one that it kept before.
    fn keep_state(&self, index: usize, lent: &Lent, state: ResourceAny) -> Option<ResourceAny> {
        let mut seen = self.seen.borrow_mut();
        let own = seen.get_mut(index)?.own();
        own.instance = Some(lent.shared().clone());
        own.state.replace(state)
    }

    /// One call of `on-response`.
    pub(super) fn response_now(
        &self,
        index: usize,
        mut lent: Lent,
        config: ResourceAny,
        response: &mut impl AsResponse,
    ) -> Result<on_response::Verdict, FailureKind> {
        let function = lent.exports.response;
        let function = function.ok_or_else(|| missing(Phase::Response))?;
        self.begin_response(index, &mut lent, None, response);
        let params = (config, None, Resource::new_borrow(0));
        let returned = lent.call_now(Phase::Response, function, params);
        self.end_response(index, &mut lent, returned, response)
    }

    /// The same, when an instance has to be waited for, or the plugin itself waits.
    pub(super) async fn call_response(
        &self,
        index: usize,
        parts: &mut http::response::Parts,
    ) -> Result<on_response::Verdict, FailureKind> {
        let (mut lent, state) = self.lend(index).await?;
        let config = lent.configuration(&self.link(index).settings).await?;
        let function = lent.exports.response;
        let function = function.ok_or_else(|| missing(Phase::Response))?;
        self.begin_response(index, &mut lent, state.as_ref(), parts);
        let params = (config, state, Resource::new_borrow(0));
        let returned = lent.call(Phase::Response, function, params).await;
        self.end_response(index, &mut lent, returned, parts)
    }

    fn begin_response(
        &self,
        index: usize,
        lent: &mut Lent,
        state: Option<&ResourceAny>,
        response: &mut impl AsResponse,
    ) {
        let call = &mut lent.store.data_mut().call;
        call.about = Some(self.about.clone());
        call.response.begin().swap(response);
        self.recall(index, state, call);
    }

    fn end_response(
        &self,
        index: usize,
        lent: &mut Lent,
        returned: Returned<on_response::Verdict>,
        response: &mut impl AsResponse,
    ) -> Result<on_response::Verdict, FailureKind> {
        let succeeded = matches!(returned, Ok((Ok(_),)));
        let call = &mut lent.store.data_mut().call;
        let head = call.response.end();
        head.settle(&mut call.edits, succeeded);
        self.keep_alive.replace(head.keep_alive.take());
        head.swap(response);
        self.end_call(index, call, succeeded);
        let (result,) = returned?;
        result.map_err(failed)
    }

    fn end_call(&self, index: usize, call: &mut Call, succeeded: bool) {
        call.about = None;
        self.remember(index, call, succeeded);
    }
}
