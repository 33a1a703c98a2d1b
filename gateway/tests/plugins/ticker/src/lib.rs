//! A plugin for tests: counts its ticks.

use std::{cell::Cell, time::Duration};

use witgate_plugin::{metrics::Counter, prelude::*};

#[config]
struct Ticker {
    /// Milliseconds between two ticks.
    every: u64,
    /// The tick of an instance that traps.
    trap_at: Option<u64>,
    #[serde(skip)]
    ticks: Cell<u64>,
}

#[policy]
impl Policy for Ticker {
    fn on_tick(&self) -> Result<()> {
        self.ticks.set(self.ticks.get() + 1);
        assert_ne!(self.trap_at, Some(self.ticks.get()), "as I was told");
        Counter::new("ticks", &[]).add(1);
        Ok(())
    }

    fn tick_interval(&self) -> Duration {
        Duration::from_millis(self.every)
    }
}
