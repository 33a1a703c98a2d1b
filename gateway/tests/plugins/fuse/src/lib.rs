//! A plugin for tests: a gate that opens after so many failures, and closes when a probe succeeds.

use std::time::Duration;

use witgate_plugin::{
    gates::{Definition, Fallback, Gate, Pass, Position, Quiet, Stance},
    metrics::Counter,
    prelude::*,
    windows::{Window, in_a_row},
};

/// What the gate is, and how it is judged.
#[config]
#[serde(default)]
struct Settings {
    name: String,
    scope: Vec<String>,
    /// Failures in the window that open it.
    limit: u32,
    /// Milliseconds.
    window: u64,
    /// Milliseconds for which it stays open.
    during: u64,
    probes: u32,
    /// A status to answer with.
    reply: Option<u16>,
    /// An upstream to go to.
    upstream: Option<String>,
    /// At the end of what: `closed` and `half-open`.
    trap: Option<String>,
    /// Publishes what is out of range.
    bad_position: bool,
    /// Opens a gate when it is too late to.
    late: bool,
    /// Opens so many gates more.
    more: u32,
    /// Lets the gateway count what succeeds, up to this status.
    quiet: Option<u16>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: String::from("fuse"),
            scope: vec![String::from("route")],
            limit: 3,
            window: 60_000,
            during: 60_000,
            probes: 1,
            reply: None,
            upstream: None,
            trap: None,
            bad_position: false,
            late: false,
            more: 0,
            quiet: None,
        }
    }
}

struct Fuse {
    gate: Gate,
    window: Window,
    settings: Settings,
}

#[policy]
impl Policy for Fuse {
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        let wrong = |message| vec![Problem::at("", message)];
        let gate = Gate::open(&settings.definition()).map_err(wrong)?;
        let window = Window::open(&gate, Duration::from_millis(settings.window)).map_err(wrong)?;
        for number in 0..settings.more {
            let mut definition = settings.definition();
            definition.name = format!("more-{number}");
            Gate::open(&definition).map_err(wrong)?;
        }
        Ok(Self {
            gate,
            window,
            settings,
        })
    }

    fn on_end(&self, summary: &Summary) {
        let settings = &self.settings;
        if settings.late {
            let late = Gate::open(&settings.definition()).err();
            assert!(late.expect("too late").contains("not later"));
        }
        for pass in self.gate.passes() {
            let stance = name(pass.stance);
            Counter::new("outcomes", &[("stance", stance)]).add(1);
            assert_ne!(settings.trap.as_deref(), Some(stance), "as configured");
            self.judge(&pass, summary);
        }
    }
}

impl Fuse {
    fn judge(&self, pass: &Pass<'_>, summary: &Summary) {
        let settings = &self.settings;
        if settings.bad_position {
            let over = Duration::from_secs(1);
            pass.publish(Position::Ramp { from: 101, over }, "bad", "");
        }
        let failed = pass.failed.is_some() || summary.status().is_none_or(|it| it >= 500);
        let weight = if failed { 1000 } else { 0 };
        let totals = self.window.record(pass, weight, false);
        let row = in_a_row(&self.gate, pass, weight);
        let open = Position::Open {
            during: Duration::from_millis(settings.during),
            probes: settings.probes,
        };
        if pass.stance == Stance::HalfOpen {
            if failed {
                pass.publish(open, "probe-failed", "a probe failed");
            } else if row.successes > 0 {
                pass.publish(Position::Closed, "probe-succeeded", "a probe succeeded");
            }
        } else if totals.failures >= u64::from(settings.limit) * 1000 {
            let text = format!("{} of {} failed", totals.failures / 1000, totals.calls);
            if pass.publish(open, "failures", &text) {
                Counter::new("opened", &[]).add(1);
            }
        }
    }
}

impl Settings {
    fn definition(&self) -> Definition {
        Definition {
            name: self.name.clone(),
            scope: self.scope.clone(),
            fallback: match (&self.upstream, self.reply) {
                (Some(name), _) => Fallback::Upstream {
                    name: name.clone(),
                    pointer: String::from("/upstream"),
                },
                (None, Some(status)) => Fallback::Reply(Reply::text(status, "fallback")),
                (None, None) => Fallback::Unavailable,
            },
            quiet: self.quiet.map(|last| Quiet {
                statuses: vec![100..=last],
                ..Quiet::default()
            }),
        }
    }
}

fn name(stance: Stance) -> &'static str {
    match stance {
        Stance::Closed => "closed",
        Stance::HalfOpen => "half-open",
        Stance::Ramp => "ramp",
        Stance::Forced => "forced",
    }
}
