//! Work that goes on across [`Verdict::Again`](crate::Verdict::Again).
//!
//! A plugin never blocks: where it has to wait, for an answer over [`http`](crate::http) or for a
//! [claim](crate::kv::Claim), it answers `Again`, its instance serves others, and it is called again when there is
//! something to go on with. A [`Task`] keeps the place in the work meanwhile, so that the work itself can be written
//! as plain `async` code.
//!
//! ```
//! use witgate_plugin::{http::{self, Client}, prelude::*, task::Task};
//!
//! /// Asks a service whether the request may go on.
//! #[config]
//! struct Ask {
//!     /// One of `http-clients` in `witgate.yaml`.
//!     client: String,
//! }
//!
//! #[policy]
//! impl Policy for Ask {
//!     type State = Option<Task<Result<http::Response<Vec<u8>>, http::Error>>>;
//!
//!     fn on_request(&self, request: &mut Request, state: &mut Self::State) -> Result<Verdict> {
//!         if state.is_none() {
//!             let client = Client::open(&self.client)?;
//!             let question = http::Request::get(format!("/may?path={}", request.path())).body(Vec::new())?;
//!             *state = Some(Task::new(async move { client.send(question).await }));
//!         }
//!         match state.as_mut().and_then(Task::poll) {
//!             None => Ok(Verdict::Again),
//!             Some(Ok(answer)) if answer.status() == 200 => Ok(Verdict::Next),
//!             Some(Ok(_)) => Ok(Reply::new(403).into()),
//!             Some(Err(error)) => Err(error.into()),
//!         }
//!     }
//! }
//! # fn main() {}
//! ```

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// A future that is polled once per call. Kept in [`Policy::State`](crate::Policy::State) it goes on when the exchange
/// does, and is dropped with it: requests are cancelled, claims are free again. One that is kept in the policy itself
/// can be polled from tick to tick.
///
/// It may await what this SDK has to await: the gateway knows when to call again only for that.
pub struct Task<T>(Option<Pin<Box<dyn Future<Output = T>>>>);

impl<T> Task<T> {
    /// Nothing happens until it is polled.
    pub fn new(work: impl Future<Output = T> + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }

    /// Goes on with the work: its result, once, or none while it waits for something; then answer
    /// [`Verdict::Again`](crate::Verdict::Again).
    pub fn poll(&mut self) -> Option<T> {
        let work = self.0.as_mut()?;
        let mut context = Context::from_waker(Waker::noop());
        match work.as_mut().poll(&mut context) {
            Poll::Ready(result) => {
                self.0 = None;
                Some(result)
            }
            Poll::Pending => None,
        }
    }

    /// Whether its result has been handed out.
    pub fn is_done(&self) -> bool {
        self.0.is_none()
    }
}

impl<T> std::fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task")
            .field("is_done", &self.is_done())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use super::*;

    #[test]
    fn a_task_goes_on_where_it_stopped_and_yields_once() {
        let here = Rc::new(Cell::new(false));
        let awaited = Rc::clone(&here);
        let steps = Rc::new(Cell::new(0));
        let counted = Rc::clone(&steps);
        let mut task = Task::new(async move {
            counted.set(counted.get() + 1);
            std::future::poll_fn(|_| match awaited.get() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
            counted.set(counted.get() + 1);
            7
        });
        assert_eq!(steps.get(), 0);
        assert_eq!((task.poll(), task.poll(), steps.get()), (None, None, 1));
        here.set(true);
        assert_eq!(
            (task.poll(), steps.get(), task.is_done()),
            (Some(7), 2, true)
        );
        assert_eq!(task.poll(), None);
    }
}
