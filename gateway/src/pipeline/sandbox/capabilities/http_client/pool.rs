//! Connections that wait for their next request.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;

pub(super) type Sender = SendRequest<Full<Bytes>>;

/// Servers close what is idle for long, some just when the next request is on its way, and a POST is not sent twice. Many
/// wait for five seconds.
const IDLE: Duration = Duration::from_secs(4);

#[derive(Debug)]
pub(super) struct Pool {
    most: usize,
    /// The one used last comes last.
    idle: Mutex<Vec<(Sender, Instant)>>,
}

impl Pool {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            idle: Mutex::default(),
        }
    }

    /// A connection that is open as far as is known.
    pub(super) fn take(&self) -> Option<Sender> {
        let mut idle = self.lock();
        while let Some((sender, since)) = idle.pop() {
            if since.elapsed() >= IDLE {
                // All others are older.
                idle.clear();
                return None;
            }
            if sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    pub(super) fn put(&self, sender: Sender) {
        let mut idle = self.lock();
        idle.retain(|(sender, since)| since.elapsed() < IDLE && !sender.is_closed());
        if idle.len() < self.most {
            idle.push((sender, Instant::now()));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Sender, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
