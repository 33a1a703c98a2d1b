//! What is sent in a body while its sender is silent.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::{Instant, Sleep};

use super::Begun;

/// What a plugin wants: after so long a silence these bytes, and again.
#[derive(Clone, Debug)]
pub(in crate::pipeline::sandbox) struct KeepAlive {
    pub(in crate::pipeline::sandbox) after: Duration,
    pub(in crate::pipeline::sandbox) bytes: Bytes,
}

/// How long nothing has come.
pub(super) struct Silence {
    wanted: KeepAlive,
    /// The number of plugins that the bytes need not go through.
    behind: usize,
    /// Made when the body is read for the first time: the head has gone out by then.
    end: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    pub(super) fn new(wanted: KeepAlive, behind: usize) -> Self {
        Self {
            wanted,
            behind,
            end: None,
        }
    }

    /// Something came.
    pub(super) fn begin_anew(&mut self) {
        if let Some(end) = &mut self.end {
            end.as_mut().reset(Instant::now() + self.wanted.after);
        }
    }

    /// The bytes, when nothing has come for long enough.
    pub(super) fn poll_break(&mut self, cx: &mut Context<'_>) -> Option<Begun> {
        let after = self.wanted.after;
        let end = self
            .end
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(after)));
        let Poll::Ready(()) = end.as_mut().poll(cx) else {
            return None;
        };
        self.begin_anew();
        Some(Begun {
            piece: self.wanted.bytes.clone(),
            last: false,
            behind: self.behind,
        })
    }
}
