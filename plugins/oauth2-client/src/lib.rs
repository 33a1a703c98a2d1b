//! `oauth2-client`: obtains an access token by client credentials (RFC 6749 section 4.4) and presents it to the
//! upstream.
//!
//! One token serves all workers. It is renewed between the requests, in ticks, as long as there are some; only where
//! there is no valid token at all, requests wait for one, and one of them fetches it for all. Without a token nothing
//! goes to the upstream: 503. Needs the grants `clock`, `http-client`, `kv` and `log`.

mod cache;
mod fetch;
mod settings;
mod token;

#[cfg(test)]
mod tests;

use std::{cell::RefCell, rc::Rc, time::Duration};

use witgate_plugin::{prelude::*, task::Task};

use cache::{Cache, Obtained};
use settings::Settings;

struct OAuth2Client {
    cache: Rc<Cache>,
    /// That the upstream gets the token in.
    field: String,
    renew_on_401: bool,
    /// Between two looks at whether a token is due.
    interval: Duration,
    /// A renewal under way, from tick to tick.
    renewal: RefCell<Option<Task<()>>>,
}

#[policy]
impl Policy for OAuth2Client {
    type Config = Settings;
    type State = Option<Task<Obtained>>;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        settings::prepare(settings)
    }

    fn on_request(&self, request: &mut Request, waiting: &mut Self::State) -> Result<Verdict> {
        if waiting.is_none()
            && let Some(token) = self.cache.at_hand()
        {
            request.set_header(&self.field, &token.value)?;
            return Ok(Verdict::Next);
        }
        let task = waiting.get_or_insert_with(|| Task::new(Rc::clone(&self.cache).obtain()));
        let Some(obtained) = task.poll() else {
            return Ok(Verdict::Again);
        };
        *waiting = None;
        match obtained {
            Ok(token) => {
                request.set_header(&self.field, &token.value)?;
                Ok(Verdict::Next)
            }
            Err(failure) => {
                request.note(failure.note());
                let detail = "The gateway has no token for the service behind it.";
                let reply = Reply::problem(503, "token-unavailable", detail);
                Ok(reply.header("retry-after", "1").into())
            }
        }
    }

    fn is_spent(waiting: &Self::State) -> bool {
        waiting.is_none()
    }

    fn on_response(&self, response: &mut Response) -> Result<ResponseVerdict> {
        if self.renew_on_401 && response.status() == 401 {
            self.cache.was_refused();
        }
        Ok(ResponseVerdict::Next)
    }

    fn tick_interval(&self) -> Duration {
        self.interval
    }

    fn on_tick(&self) -> Result<()> {
        let mut renewal = self.renewal.borrow_mut();
        if renewal.is_none() && self.cache.is_due() {
            *renewal = Some(Task::new(Rc::clone(&self.cache).renew()));
        }
        renewal.take_if(|task| task.poll().is_some());
        Ok(())
    }
}
