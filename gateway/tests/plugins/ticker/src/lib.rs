//! A plugin for tests: counts its ticks, and misbehaves at one of them.

use std::{cell::Cell, hint::black_box, time::Duration};

use witgate_plugin::{metrics::Counter, prelude::*};

#[config]
struct Ticker {
    /// Milliseconds between two ticks.
    every: u64,
    /// The tick of an instance that goes wrong.
    fails_at: Option<u64>,
    #[serde(default)]
    how: Deed,
    #[serde(skip)]
    ticks: Cell<u64>,
}

/// How it goes wrong.
#[config]
#[derive(Default)]
enum Deed {
    #[default]
    Trap,
    Loop,
    Memory,
}

impl Deed {
    fn do_it(&self) {
        match self {
            Self::Trap => panic!("as I was told"),
            Self::Loop => loop {
                black_box(());
            },
            Self::Memory => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(black_box(vec![1u8; 1 << 20]));
                }
            }
        }
    }
}

#[policy]
impl Policy for Ticker {
    fn on_tick(&self) -> Result<()> {
        self.ticks.set(self.ticks.get() + 1);
        if self.fails_at == Some(self.ticks.get()) {
            self.how.do_it();
        }
        Counter::new("ticks", &[]).add(1);
        Ok(())
    }

    fn tick_interval(&self) -> Duration {
        Duration::from_millis(self.every)
    }
}
