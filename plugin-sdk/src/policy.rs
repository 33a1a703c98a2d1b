//! The trait that a plugin implements.

use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Asked, Reply, Request, Response, Result, Summary, config::Problem};

/// One route's configuration, and what to do with the exchanges on that route.
///
/// Write `#[policy]` above the implementation, and in it only what you need: the attribute exports the phases
/// that are there and fills in the rest.
/// - Without `type Config` and `new`, the type itself is the configuration.
/// - Without `type State`, nothing is kept between phases, and the `state` parameter may be left out.
///
/// The same value serves many exchanges, and one instance of a plugin many routes. An instance is one thread that
/// is replaced now and then: what must be remembered across exchanges may be cached in `self` (in a `Cell` or
/// `RefCell`), never relied upon.
pub trait Policy: Sized + 'static {
    /// What stands in the route file, usually a struct under [`#[config]`](macro@crate::config).
    type Config: DeserializeOwned + JsonSchema;

    /// What is kept about one exchange from phase to phase, and across [`Verdict::Again`]. Begins as its default, and
    /// does so again should another exchange bring down the instance that keeps it.
    type State: Default + 'static;

    /// Judges a configuration and prepares what it needs, once per route.
    ///
    /// ```
    /// use witgate_plugin::prelude::*;
    ///
    /// #[config]
    /// struct Quota {
    ///     per_minute: u32,
    /// }
    ///
    /// #[policy]
    /// impl Policy for Quota {
    ///     fn new(config: Self) -> Result<Self, Vec<Problem>> {
    ///         if config.per_minute == 0 {
    ///             return Err(vec![Problem::at("/per-minute", "0 admits nobody; write at least 1")]);
    ///         }
    ///         Ok(config)
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    fn new(config: Self::Config) -> Result<Self, Vec<Problem>>;

    /// The request's head has been read and routed.
    fn on_request(&self, request: &mut Request, state: &mut Self::State) -> Result<Verdict> {
        let _ = (request, state);
        Ok(Verdict::Next)
    }

    /// Whether what [`on_request`](Self::on_request) left in its state is of no more use: then it is dropped at once,
    /// which spares the gateway a call, and the next phase begins with the default. Say so where the state is only there
    /// to wait with. Asked after the first call, unless that says [`Verdict::Again`].
    fn is_spent(state: &Self::State) -> bool {
        let _ = state;
        false
    }

    /// A piece of the request's body, or after [`Verdict::WaitBody`] the whole of it.
    fn on_request_body(
        &self,
        request: &mut Request,
        chunk: Chunk,
        state: &mut Self::State,
    ) -> Result<BodyAction> {
        let _ = (request, chunk, state);
        Ok(BodyAction::Done)
    }

    /// The response's head has arrived, or the gateway has made one.
    fn on_response(
        &self,
        response: &mut Response,
        state: &mut Self::State,
    ) -> Result<ResponseVerdict> {
        let _ = (response, state);
        Ok(ResponseVerdict::Next)
    }

    /// A piece of the response's body, or after [`ResponseVerdict::WaitBody`] the whole of it.
    fn on_response_body(
        &self,
        response: &mut Response,
        chunk: Chunk,
        state: &mut Self::State,
    ) -> Result<BodyAction> {
        let _ = (response, chunk, state);
        Ok(BodyAction::Done)
    }

    /// The exchange is over: called once for every exchange whose `on_request` was called, however it ended.
    fn on_end(&self, summary: &Summary, state: &mut Self::State) {
        let _ = (summary, state);
    }

    /// From what [`recover`](Self::recover) makes the state of an exchange again, called after each phase that has a
    /// state: at most 4096 bytes, which the gateway keeps. Empty: those kept before still hold.
    ///
    /// One instance holds the states of many exchanges. When one of them brings it down, the others go on in a fresh
    /// instance, and this is what is left of their states.
    fn keep(&self, state: &Self::State) -> Vec<u8> {
        let _ = state;
        Vec::new()
    }

    /// The state that was there when `kept` was made; none if it cannot be made again: the phase sees its default.
    fn recover(&self, kept: &[u8]) -> Option<Self::State> {
        let _ = kept;
        None
    }

    /// Whether it keeps anything; `#[policy]` sees that.
    #[doc(hidden)]
    const KEEPS: bool = false;

    /// Work at intervals, away from any exchange, in one instance for the whole gateway.
    fn on_tick(&self) -> Result<()> {
        Ok(())
    }

    /// The time between two calls of [`on_tick`](Self::on_tick), at least 100 ms.
    fn tick_interval(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// What is legal in this configuration and probably not meant; `witgate check` shows it at its place in the
    /// route file. This and the two that follow are called off the exchanges' way, when somebody asks.
    fn warnings(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// What this policy would do with a request, as JSON, for `witgate explain`.
    fn explain(&self, asked: &Asked) -> Option<String> {
        let _ = asked;
        None
    }

    /// An OpenAPI 3.1 document, as JSON, of what clients can ask for on this route, for `witgate openapi`.
    fn openapi(&self) -> Option<String> {
        None
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// On to the next plugin, at last to the upstream.
    Next,
    /// Stop here and answer.
    Reply(Reply),
    /// Collect the body, up to so many bytes, and hand it to [`Policy::on_request_body`] before the head goes out,
    /// so that the head can still be edited then. A longer body is answered with 413.
    WaitBody(u64),
    /// Call [`Policy::on_request`] again, with the same state, when anything has arrived that this call asked for and
    /// did not get: what a [`Task`](crate::task::Task) awaits, or keys (see
    /// [`KeySet::refresh`](crate::keys::KeySet::refresh)). Possible many times, for as long as the plugin's limit `wait`
    /// allows. Meanwhile the instance serves other exchanges.
    Again,
}

/// What becomes of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseVerdict {
    /// On to the client.
    Next,
    /// Answer this in its place.
    Reply(Reply),
    /// Collect the body, up to so many bytes, and hand it to [`Policy::on_response_body`] before the head goes
    /// out. A longer body is answered with 502.
    WaitBody(u64),
    /// Hold the head back until [`Policy::on_response_body`] lets a first piece through (any action but
    /// [`BodyAction::Hold`]) or the body ends: until then that can still edit the head, and reply. Pieces come one
    /// after the other, as they arrive.
    WaitFirst,
}

impl From<Reply> for Verdict {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl From<Reply> for ResponseVerdict {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

/// A piece of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Empty at times, in particular at the end.
    pub bytes: Vec<u8>,
    /// Nothing comes after this piece.
    pub last: bool,
}

/// What becomes of a piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyAction {
    /// Send it on as it is.
    Pass,
    /// Send this in its place.
    Replace(Vec<u8>),
    /// Keep it; the next call gets it again with what came after.
    Hold,
    /// Send it on, and the rest of this body too, without asking again.
    Done,
    /// Give this answer instead. For a response only while its head has not gone out.
    Reply(Reply),
}
