//! The gateway's own log, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::config::raw::{LogFormat, LogLevel, Logging};

/// Installs the log for the whole process; `WITGATE_LOG` (`debug`, `witgate=debug,h2=info`) overrides the level.
/// A second call changes nothing.
pub fn install(logging: &Logging) {
    let level = match logging.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    let filter = EnvFilter::try_from_env("WITGATE_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("warn,witgate={level}")));
    let registry = tracing_subscriber::registry().with(filter);
    let writer = std::io::stderr;
    // Only the first installation counts: an embedding program may have one of its own.
    let _ = match logging.format {
        LogFormat::Text => registry
            .with(
                fmt::layer()
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_target(false)
                    .with_writer(writer),
            )
            .try_init(),
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_target(false)
                    .with_writer(writer),
            )
            .try_init(),
    };
}
