//! `clock`: the wall clock and a monotonic one.

use std::{
    sync::LazyLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use crate::pipeline::sandbox::{bindings::clock::Host, state::State};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Ok(nanoseconds(since.unwrap_or_default()))
    }

    fn monotonic(&mut self) -> wasmtime::Result<u64> {
        Ok(monotonic())
    }
}

/// Since some moment in this process's life.
pub(in crate::pipeline::sandbox) fn monotonic() -> u64 {
    nanoseconds(START.elapsed())
}

fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
