//! `log`: a plugin's lines in the gateway's log.

use crate::pipeline::sandbox::{
    bindings::log::{Host, Level},
    state::State,
};

/// The longest message, in bytes; what goes beyond is cut.
const LONGEST: usize = 8 * 1024;

impl Host for State {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.log(level, &message);
        Ok(())
    }
}

impl State {
    /// Writes one line, unless the plugin has used up its rate.
    pub(in crate::pipeline::sandbox) fn log(&self, level: Level, message: &str) {
        if !self.home.shard.may_log() {
            return;
        }
        let message = &message[..message.floor_char_boundary(LONGEST)];
        let plugin = &*self.home.plugin;
        let about = self.call.about.as_deref();
        let route = about.map(|about| &*about.route);
        let exchange = about.map(|about| about.id());
        match level {
            Level::Debug => tracing::debug!(plugin, route, exchange, "{message}"),
            Level::Info => tracing::info!(plugin, route, exchange, "{message}"),
            Level::Warn => tracing::warn!(plugin, route, exchange, "{message}"),
            Level::Error => tracing::error!(plugin, route, exchange, "{message}"),
        }
    }
}
