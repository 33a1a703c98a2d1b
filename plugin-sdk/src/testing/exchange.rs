//! One exchange, phase by phase.

use std::{cell::RefCell, ops::Range, time::Duration};

use crate::{
    BodyAction, Chunk, Ending, Identity, Peer, Policy, Request, Response, ResponseVerdict, Result,
    Summary, Verdict,
    backend::{self, RequestHead, ResponseHead},
};

/// A request as a client sends it.
#[derive(Clone, Debug)]
pub struct TestRequest(RequestHead);

impl TestRequest {
    /// Path and query as in `/orders/7?full=1`; for `http://example.com`, from 192.0.2.1, on the route `test`.
    pub fn new(method: &str, path_and_query: &str) -> Self {
        let mut head = RequestHead {
            method: method.to_owned(),
            scheme: String::from("http"),
            authority: String::from("example.com"),
            client_address: String::from("192.0.2.1"),
            id: String::from("test-1"),
            route: String::from("test"),
            ..RequestHead::default()
        };
        head.set_target(path_and_query);
        Self(head)
    }

    pub fn get(path_and_query: &str) -> Self {
        Self::new("GET", path_and_query)
    }

    /// Adds a field, with any bytes.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.0.fields.add(name, value.as_ref());
        self
    }

    /// Adds a trailer field.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.0.trailers.add(name, value.as_ref());
        self
    }

    #[must_use]
    pub fn authority(mut self, authority: &str) -> Self {
        self.0.authority = authority.to_owned();
        self
    }

    /// Who asks, as a policy before has established it. Identities are made as in a plugin.
    #[must_use]
    pub fn identity(mut self, identity: &Identity) -> Self {
        self.0.identity = Some(identity.backend().clone());
        self
    }

    /// The certificate of the client.
    #[must_use]
    pub fn peer(mut self, peer: Peer) -> Self {
        self.0.peer = Some(peer);
        self
    }

    #[must_use]
    pub fn client_address(mut self, address: &str) -> Self {
        self.0.client_address = address.to_owned();
        self
    }
}

/// A response as an upstream sends it.
#[derive(Clone, Debug)]
pub struct TestResponse(ResponseHead);

impl TestResponse {
    pub fn new(status: u16) -> Self {
        Self(ResponseHead {
            status,
            ..ResponseHead::default()
        })
    }

    /// Adds a field, with any bytes.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.0.fields.add(name, value.as_ref());
        self
    }

    /// Adds a trailer field.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.0.trailers.add(name, value.as_ref());
        self
    }
}

/// How an exchange ended.
#[derive(Clone, Debug)]
pub struct TestSummary(backend::Summary);

impl TestSummary {
    pub fn new(ending: Ending, status: Option<u16>) -> Self {
        Self(backend::Summary {
            ending,
            status,
            duration: 0,
            time_to_head: None,
            upstream: None,
            endpoint: None,
            grpc_status: None,
            code: None,
            notes: Vec::new(),
            identity: None,
        })
    }

    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.0.duration = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self
    }

    #[must_use]
    pub fn time_to_head(mut self, time: Duration) -> Self {
        self.0.time_to_head = Some(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        self
    }

    #[must_use]
    pub fn upstream(mut self, name: &str) -> Self {
        self.0.upstream = Some(name.to_owned());
        self
    }

    #[must_use]
    pub fn endpoint(mut self, url: &str) -> Self {
        self.0.endpoint = Some(url.to_owned());
        self
    }

    #[must_use]
    pub fn grpc_status(mut self, status: u32) -> Self {
        self.0.grpc_status = Some(status);
        self
    }

    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.0.code = Some(code.to_owned());
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, kind: &str) -> Self {
        self.0.notes.push(kind.to_owned());
        self
    }

    #[must_use]
    pub fn identity(mut self, identity: &Identity) -> Self {
        self.0.identity = Some(identity.backend().clone());
        self
    }

    /// As the policy sees it.
    pub fn read<T>(&self, call: impl FnOnce(&Summary<'_>) -> T) -> T {
        call(&Summary::from_handle(&self.0))
    }
}

/// One exchange: calls a policy's phases as the gateway does. Edits of a phase that fails are undone.
pub struct Exchange<'p, P: Policy> {
    policy: &'p P,
    state: P::State,
    /// What the gateway keeps of it.
    kept: Vec<u8>,
    request: backend::Request,
    response: backend::Response,
}

impl<'p, P: Policy> Exchange<'p, P> {
    pub fn new(policy: &'p P, request: TestRequest) -> Self {
        Self {
            policy,
            state: P::State::default(),
            kept: Vec::new(),
            request: backend::Request(RefCell::new(request.0)),
            response: backend::Response::default(),
        }
    }

    /// Called anew after [`Verdict::Again`], it goes on with the state that the call before it left.
    pub fn on_request(&mut self) -> Result<Verdict> {
        let before = self.request.0.borrow().clone();
        let result = self
            .policy
            .on_request(&mut Request::from_handle(&self.request), &mut self.state);
        if result.is_err() {
            self.request.undo(before);
        } else {
            self.keep();
        }
        if !matches!(result, Ok(Verdict::Again)) && P::is_spent(&self.state) {
            self.state = P::State::default();
        }
        result
    }

    pub fn on_request_body(&mut self, bytes: &[u8], last: bool) -> Result<BodyAction> {
        let before = self.request.0.borrow().clone();
        let chunk = Chunk {
            bytes: bytes.to_vec(),
            last,
        };
        let request = &mut Request::from_handle(&self.request);
        let result = self.policy.on_request_body(request, chunk, &mut self.state);
        if result.is_err() {
            self.request.undo(before);
        } else {
            self.keep();
        }
        result
    }

    pub fn on_response(&mut self, response: TestResponse) -> Result<ResponseVerdict> {
        self.response = backend::Response(RefCell::new(response.0.clone()));
        let result = self
            .policy
            .on_response(&mut Response::from_handle(&self.response), &mut self.state);
        if result.is_err() {
            self.response.0.replace(response.0);
        } else {
            self.keep();
        }
        result
    }

    pub fn on_response_body(&mut self, bytes: &[u8], last: bool) -> Result<BodyAction> {
        let before = self.response.0.borrow().clone();
        let chunk = Chunk {
            bytes: bytes.to_vec(),
            last,
        };
        let response = &mut Response::from_handle(&self.response);
        let result = self
            .policy
            .on_response_body(response, chunk, &mut self.state);
        if result.is_err() {
            self.response.0.replace(before);
        } else {
            self.keep();
        }
        result
    }

    pub fn on_end(mut self, summary: &TestSummary) {
        self.policy
            .on_end(&Summary::from_handle(&summary.0), &mut self.state);
        super::gates::ended();
    }

    fn keep(&mut self) {
        if P::KEEPS {
            let keeps = self.policy.keep(&self.state);
            if !keeps.is_empty() && keeps.len() <= 4096 {
                self.kept = keeps;
            }
        }
    }

    /// As if another exchange had brought down the instance: the state is what can be recovered.
    pub fn lose_state(&mut self) {
        let recovered = (!self.kept.is_empty()).then(|| self.policy.recover(&self.kept));
        self.state = recovered.flatten().unwrap_or_default();
    }

    /// After how long a silence in the response's body what is sent, if the policy wants anything sent.
    pub fn keep_alive(&self) -> Option<(Duration, Vec<u8>)> {
        let head = self.response.0.borrow();
        let (after, bytes) = head.keep_alive.as_ref()?;
        Some((Duration::from_millis(*after), bytes.clone()))
    }

    /// The request as it stands.
    pub fn request(&self) -> Request<'_> {
        Request::from_handle(&self.request)
    }

    /// The response as it stands.
    pub fn response(&self) -> Response<'_> {
        Response::from_handle(&self.response)
    }

    /// Who asks, as far as it has been established.
    pub fn identity(&self) -> Option<Identity> {
        self.request().identity()
    }

    /// By which field, and when, the gateway may reuse what was decided.
    pub fn reuse(&self) -> Option<(String, Range<u64>)> {
        self.request.0.borrow().reuse.clone()
    }

    /// What was noted so far.
    pub fn notes(&self) -> Vec<String> {
        self.request.0.borrow().notes.clone()
    }

    pub fn state(&self) -> &P::State {
        &self.state
    }
}
