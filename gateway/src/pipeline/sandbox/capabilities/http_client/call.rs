//! One request as the plugin that started it holds it: on a worker, while the work is done elsewhere.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{sync::watch, task::AbortHandle};

use super::error::Error;
use crate::pipeline::sandbox::bindings::http_client::Response;

pub(super) type Answer = Result<Response, Error>;

/// Dropping it cancels the request.
pub(super) struct Call {
    answer: Arc<Mutex<Option<Answer>>>,
    done: watch::Receiver<bool>,
    work: Option<AbortHandle>,
}

/// The other end: where the answer comes from. Dropping it without an answer means that there will be none.
pub(super) struct Desk {
    answer: Arc<Mutex<Option<Answer>>>,
    done: watch::Sender<bool>,
}

impl Desk {
    pub(super) fn answer(self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        self.done.send_replace(true);
    }
}

impl Call {
    pub(super) fn new() -> (Self, Desk) {
        let answer = Arc::default();
        let (sender, done) = watch::channel(false);
        let desk = Desk {
            answer: Arc::clone(&answer),
            done: sender,
        };
        let call = Self {
            answer,
            done,
            work: None,
        };
        (call, desk)
    }

    pub(super) fn failed(error: Error) -> Self {
        let (call, desk) = Self::new();
        desk.answer(Err(error));
        call
    }

    pub(super) fn is_done_by(&mut self, work: AbortHandle) {
        self.work = Some(work);
    }

    /// Once it is there; after that, or when its maker is gone, an error.
    pub(super) fn take(&self) -> Option<Answer> {
        let over = self.done.has_changed().is_err() || *self.done.borrow();
        let answer = self
            .answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match answer {
            None if over => Some(Err(Error::Gone)),
            answer => answer,
        }
    }

    /// Resolves when `take` has something.
    pub(super) fn arrival(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut done = self.done.clone();
        async move {
            // An error means that its maker is gone.
            let _ = done.wait_for(|done| *done).await;
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(work) = &self.work {
            work.abort();
        }
    }
}
