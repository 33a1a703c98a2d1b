//! The exchange in retrospect.

use std::time::Duration;

use crate::{Identity, backend};

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The whole response went out.
    Complete,
    /// The client went away first.
    ClientGone,
    /// The upstream broke off, or could not be reached.
    UpstreamFailed,
    /// A deadline passed.
    Timeout,
    /// The gateway or a plugin answered in the upstream's place.
    AnsweredHere,
}

/// What most judgements of an exchange need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub ending: Ending,
    /// As [`Summary::status`].
    pub status: Option<u16>,
    /// As [`Summary::grpc_status`].
    pub grpc_status: Option<u32>,
    /// As [`Summary::time_to_head`].
    pub time_to_head: Option<Duration>,
    /// Something was noted: [`Summary::notes`] is not empty.
    pub noted: bool,
}

/// The exchange in retrospect. Each question is a call of the gateway.
pub struct Summary<'a> {
    handle: &'a backend::Summary,
}

impl<'a> Summary<'a> {
    #[doc(hidden)]
    pub fn from_handle(handle: &'a backend::Summary) -> Self {
        Self { handle }
    }

    /// Several answers for the price of one.
    pub fn outcome(&self) -> Outcome {
        backend::outcome(self.handle.outcome())
    }

    pub fn ending(&self) -> Ending {
        backend::ending(self.handle.ending())
    }

    /// What the client was told; none if it was told nothing.
    pub fn status(&self) -> Option<u16> {
        self.handle.status()
    }

    /// From the first byte of the request's head to the last of the response.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.handle.duration())
    }

    /// From the first byte of the request's head to the head of the response; none if there was none.
    pub fn time_to_head(&self) -> Option<Duration> {
        self.handle.time_to_head().map(Duration::from_nanos)
    }

    /// The name of the upstream that was asked.
    pub fn upstream(&self) -> Option<String> {
        self.handle.upstream()
    }

    /// The URL of the endpoint that was asked last.
    pub fn endpoint(&self) -> Option<String> {
        self.handle.endpoint()
    }

    /// How a gRPC call ended, if it got as far as a status.
    pub fn grpc_status(&self) -> Option<u32> {
        self.handle.grpc_status()
    }

    /// The stable code of the answer that the gateway gave itself, as `upstream-timeout`.
    pub fn code(&self) -> Option<String> {
        self.handle.code()
    }

    /// What was noted of the exchange, in order.
    pub fn notes(&self) -> Vec<String> {
        self.handle.notes()
    }

    /// Who asked.
    pub fn identity(&self) -> Option<Identity> {
        self.handle.identity().map(Identity::from_backend)
    }
}
