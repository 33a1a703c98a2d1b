//! WASI for components that wait: wasmtime's own, shut off from the machine.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    WasiCtx, WasiCtxView, WasiView,
    cli::{IsTerminal, StdoutStream},
};

use crate::pipeline::sandbox::state::{Home, State};

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let home = &self.home;
        let ctx = self.wasi.get_or_insert_with(|| Box::new(shut_off(home)));
        WasiCtxView {
            ctx,
            table: &mut self.table,
        }
    }
}

/// No environment, no files, no network, no input: what is left are clocks, randomness and the log.
fn shut_off(home: &Arc<Home>) -> WasiCtx {
    WasiCtx::builder()
        .stdout(Lines(Arc::clone(home)))
        .stderr(Lines(Arc::clone(home)))
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}

/// Standard output as lines in the log.
#[derive(Clone)]
struct Lines(Arc<Home>);

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Lines {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        text: &[u8],
    ) -> Poll<io::Result<usize>> {
        let plugin = &*self.0.plugin;
        for line in String::from_utf8_lossy(text)
            .lines()
            .filter(|line| !line.is_empty())
        {
            if self.0.shard.may_log() {
                tracing::info!(plugin, "{line}");
            }
        }
        Poll::Ready(Ok(text.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
