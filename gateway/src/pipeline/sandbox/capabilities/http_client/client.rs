//! One client in one definition: bounds what is under way, and has each request sent on the thread of all clients.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{
    call::{Answer, Call},
    definition::Definition,
    error::Error,
    exchange,
    numbers::{Numbers, Running},
    pool::Pool,
    request::{self, Outgoing},
    thread::Thread,
};
use crate::pipeline::sandbox::bindings::http_client as wit;

#[derive(Debug)]
pub(super) struct Client {
    name: Arc<str>,
    pub(super) definition: Definition,
    pub(super) numbers: Arc<Numbers>,
    /// None: nothing serves here, it is only judged.
    thread: Option<Arc<Thread>>,
    permits: Arc<Semaphore>,
    pool: Pool,
}

impl Client {
    pub(super) fn new(
        name: &Arc<str>,
        definition: Definition,
        numbers: Arc<Numbers>,
        thread: Option<Arc<Thread>>,
    ) -> Arc<Self> {
        let most = definition.max_in_flight;
        Arc::new(Self {
            name: Arc::clone(name),
            numbers,
            thread,
            permits: Arc::new(Semaphore::new(most)),
            pool: Pool::new(most),
            definition,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.definition.url.text
    }

    pub(super) fn in_flight(&self) -> usize {
        self.definition.max_in_flight - self.permits.available_permits()
    }

    /// Never waits, and never blocks.
    pub(super) fn start(self: Arc<Self>, request: wit::Request) -> Call {
        match self.begin(request) {
            Ok(call) => call,
            Err(error) => {
                self.failed(&error);
                Call::failed(error)
            }
        }
    }

    fn begin(self: &Arc<Self>, request: wit::Request) -> Result<Call, Error> {
        let Some(thread) = &self.thread else {
            let what = "requests are sent only while the gateway serves";
            return Err(Error::Invalid(what.into()));
        };
        let request = request::prepare(&self.definition, request)?;
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        let permit = Arc::new(permit.map_err(|_| Error::Busy)?);
        let (mut call, desk) = Call::new();
        let running = Running::begin(&self.numbers);
        let client = Arc::clone(self);
        let work = thread.handle().spawn(async move {
            let answer = client.send(request, &permit).await;
            match &answer {
                Ok(response) => running.answered(response.status),
                Err(error) => {
                    running.failed();
                    client.failed(error);
                }
            }
            drop(permit);
            desk.answer(answer);
        });
        call.is_done_by(work.abort_handle());
        Ok(call)
    }

    async fn send(&self, request: Outgoing, permit: &exchange::Permit) -> Answer {
        let exchange = exchange::exchange(&self.definition, &self.pool, request, permit);
        tokio::time::timeout(self.definition.timeout, exchange)
            .await
            .unwrap_or(Err(Error::Timeout))
    }

    /// Counted each time, logged now and then.
    fn failed(&self, error: &Error) {
        if let Some(unsaid) = self.numbers.failed(error) {
            tracing::warn!(
                http_client = &*self.name,
                url = self.url(),
                kind = error.label(),
                unsaid,
                %error,
                "an HTTP client's request failed"
            );
        }
    }
}
