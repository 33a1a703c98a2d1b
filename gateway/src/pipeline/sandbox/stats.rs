//! What plugins do, in numbers: written by one worker each, without locks, and summed up when they are read.

mod series;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use self::series::Series;
use super::{
    capabilities::clock,
    failure::{FailureKind, LABELS},
    phase::Phase,
};
use crate::telemetry::metrics::Family;

/// The numbers of every plugin that was ever loaded, by name.
#[derive(Debug, Default)]
pub(super) struct Registry {
    plugins: Mutex<BTreeMap<Arc<str>, Arc<PluginStats>>>,
}

/// The numbers of one plugin. They go on when its component is replaced.
#[derive(Debug, Default)]
pub(super) struct PluginStats {
    shards: Mutex<Vec<Arc<Shard>>>,
    /// Components of it that are loaded: one, and those that exchanges still end on.
    pub(super) generations: AtomicI64,
    pub(super) series: Series,
}

/// One worker's part of a plugin's numbers. Only that worker writes to it.
#[derive(Debug, Default)]
pub(super) struct Shard {
    calls: [AtomicU64; Phase::ALL.len()],
    failures: [[AtomicU64; LABELS.len()]; Phase::ALL.len()],
    reused: AtomicU64,
    started: AtomicU64,
    stopped: AtomicU64,
    second: AtomicU64,
    lines: AtomicU64,
    lines_dropped: AtomicU64,
}

/// Log lines of one plugin on one worker in one second.
const LINES_PER_SECOND: u64 = 100;

fn bump(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

impl Shard {
    pub(super) fn called(&self, phase: Phase) {
        bump(&self.calls[phase.index()]);
    }

    pub(super) fn failed(&self, phase: Phase, kind: &FailureKind) {
        bump(&self.failures[phase.index()][kind.index()]);
    }

    /// A decision was carried out again, without a call.
    pub(super) fn reused(&self) {
        bump(&self.reused);
    }

    pub(super) fn started(&self) {
        bump(&self.started);
    }

    pub(super) fn stopped(&self) {
        bump(&self.stopped);
    }

    /// Takes one line of this second's share.
    pub(super) fn may_log(&self) -> bool {
        let second = clock::monotonic() / 1_000_000_000;
        if self.second.swap(second, Relaxed) != second {
            self.lines.store(0, Relaxed);
        }
        bump(&self.lines);
        let may = self.lines.load(Relaxed) <= LINES_PER_SECOND;
        if !may {
            bump(&self.lines_dropped);
        }
        may
    }
}

impl PluginStats {
    /// A new part for one worker.
    pub(super) fn shard(&self) -> Arc<Shard> {
        let shard = Arc::new(Shard::default());
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards.push(Arc::clone(&shard));
        shard
    }

    fn sum(&self, read: impl Fn(&Shard) -> &AtomicU64) -> u64 {
        let shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards.iter().map(|shard| read(shard).load(Relaxed)).sum()
    }
}

impl Registry {
    pub(super) fn plugin(&self, name: &Arc<str>) -> Arc<PluginStats> {
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(plugins.entry(Arc::clone(name)).or_default())
    }

    /// In the text format of Prometheus.
    pub(super) fn render(&self, out: &mut String) {
        let plugins = self
            .plugins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let by_plugin = |mut family: Family<'_>, value: fn(&PluginStats) -> u64| {
            let rows = plugins.iter().map(|(name, stats)| (&**name, value(stats)));
            family.by("plugin", rows);
        };
        let help = "Calls of a phase of a plugin.";
        let mut family = Family::counter(out, "witgate_sandbox_calls_total", help);
        for (name, stats) in &plugins {
            for phase in Phase::ALL {
                let calls = stats.sum(|shard| &shard.calls[phase.index()]);
                family.sample(&[("plugin", name), ("phase", phase.name())], calls);
            }
        }
        let help = "Decisions of a plugin that were carried out again, without a call.";
        let name = "witgate_sandbox_reused_total";
        by_plugin(Family::counter(out, name, help), |stats| {
            stats.sum(|shard| &shard.reused)
        });
        let help = "Calls of a plugin that failed, by phase and how.";
        let mut family = Family::counter(out, "witgate_sandbox_failures_total", help);
        for (name, stats) in &plugins {
            for phase in Phase::ALL {
                failures(&mut family, name, stats, phase);
            }
        }
        let help = "Instances of a plugin that are alive.";
        let name = "witgate_sandbox_instances";
        by_plugin(Family::gauge(out, name, help), |stats| {
            stats.sum(|shard| &shard.started) - stats.sum(|shard| &shard.stopped)
        });
        let help = "Components of a plugin that are loaded.";
        let mut family = Family::gauge(out, "witgate_sandbox_generations", help);
        for (name, stats) in &plugins {
            family.sample(&[("plugin", name)], stats.generations.load(Relaxed));
        }
        let help = "Log lines beyond a plugin's rate.";
        let name = "witgate_sandbox_log_lines_dropped_total";
        by_plugin(Family::counter(out, name, help), |stats| {
            stats.sum(|shard| &shard.lines_dropped)
        });
        series::render(&plugins, out);
    }
}

/// Of a phase that was never called there is nothing to show, unless it failed all the same.
fn failures(family: &mut Family<'_>, plugin: &str, stats: &PluginStats, phase: Phase) {
    let called = stats.sum(|shard| &shard.calls[phase.index()]) > 0;
    for (index, kind) in LABELS.iter().enumerate() {
        let failures = stats.sum(|shard| &shard.failures[phase.index()][index]);
        if called || failures > 0 {
            let labels = [("plugin", plugin), ("phase", phase.name()), ("kind", kind)];
            family.sample(&labels, failures);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_summed_and_labels_escaped() {
        let registry = Registry::default();
        let stats = registry.plugin(&Arc::from("a\"b"));
        let (one, two) = (stats.shard(), stats.shard());
        one.called(Phase::Request);
        two.called(Phase::Request);
        two.failed(Phase::Request, &FailureKind::Timeout("".into()));
        stats
            .series
            .counter("hits", &[], 0)
            .unwrap()
            .store(3, Relaxed);
        let mut text = String::new();
        registry.render(&mut text);
        assert!(
            text.contains(
                "witgate_sandbox_calls_total{plugin=\"a\\\"b\",phase=\"on-request\"} 2\n"
            ),
            "{text}"
        );
        assert!(
            text.contains("witgate_sandbox_failures_total{plugin=\"a\\\"b\",phase=\"on-request\",kind=\"timeout\"} 1\n")
        );
        assert!(text.contains("witgate_plugin_hits{plugin=\"a\\\"b\"} 3\n"));
    }

    #[test]
    fn a_plugin_cannot_flood_the_log() {
        let shard = Shard::default();
        let written = (0..10_000).filter(|_| shard.may_log()).count();
        assert!((100..1_000).contains(&written), "{written}");
        assert_eq!(shard.lines_dropped.load(Relaxed) as usize, 10_000 - written);
    }
}
