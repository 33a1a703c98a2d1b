//! An HTTP/2 connection, shared by many exchanges of one worker.

use std::{cell::Cell, rc::Rc, time::Duration};

use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::{
    super::{body::RequestBody, executor::LocalExecutor},
    connect::Io,
};

/// Streams that we put on one connection before another is opened. Servers commonly allow 100 or more.
const STREAMS: u32 = 100;

const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// How long a silent connection with open streams is trusted before it is probed with PING.
const PROBE_AFTER: Duration = Duration::from_secs(30);

/// A handle on a shared connection.
#[derive(Clone)]
pub struct Http2 {
    pub sender: http2::SendRequest<RequestBody>,
    streams: Rc<Cell<u32>>,
}

impl Http2 {
    pub async fn handshake(io: Io) -> hyper::Result<Self> {
        let (sender, driver) = http2::Builder::new(LocalExecutor)
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(PROBE_AFTER)
            .handshake(TokioIo::new(io))
            .await?;
        tokio::task::spawn_local(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "upstream connection");
            }
        });
        Ok(Self {
            sender,
            streams: Rc::default(),
        })
    }

    pub fn has_room(&self) -> bool {
        self.streams.get() < STREAMS && !self.sender.is_closed()
    }

    /// Counts one exchange for as long as the guard lives.
    pub fn occupy(&self) -> Stream {
        self.streams.set(self.streams.get() + 1);
        Stream(Rc::clone(&self.streams))
    }
}

/// One exchange on a shared connection.
pub struct Stream(Rc<Cell<u32>>);

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
