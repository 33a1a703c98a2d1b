//! The thread that sends the requests of all clients: neither a worker, which has exchanges to serve, nor the control
//! thread, which a reload keeps busy.

use std::{io, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

/// Ends when all who hold it are gone.
#[derive(Debug)]
pub(super) struct Thread {
    handle: Handle,
    /// Dropped, it tells the thread to end.
    _stop: oneshot::Sender<()>,
}

impl Thread {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new()
            .name("http-clients".into())
            .spawn(move || {
                // Nobody ever sends anything.
                let _: Result<(), _> = runtime.block_on(stopped);
                // A resolver that hangs must not keep the process.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            handle,
            _stop: stop,
        })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}
