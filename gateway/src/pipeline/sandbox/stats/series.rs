//! The series that a plugin makes for itself (capability `metrics`).

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use super::PluginStats;
use crate::telemetry::metrics::Family;

/// Series of one plugin; more are refused.
const MOST_SERIES: usize = 100;
/// Bytes of a name.
const LONGEST_NAME: usize = 64;
/// Bytes of a label's value.
const LONGEST_VALUE: usize = 256;

type Labels = Vec<(String, String)>;

#[derive(Debug, Default)]
pub(in crate::pipeline::sandbox) struct Series {
    all: Mutex<BTreeMap<(String, Labels), Cells>>,
    dropped: AtomicU64,
}

#[derive(Clone, Debug)]
enum Cells {
    /// One per worker, so that each has a single writer.
    Counter(Vec<Arc<AtomicU64>>),
    Gauge(Arc<AtomicI64>),
}

impl Series {
    /// The worker's cell of a counter; none when the series is refused.
    pub(in crate::pipeline::sandbox) fn counter(
        &self,
        name: &str,
        labels: &[(String, String)],
        worker: usize,
    ) -> Option<Arc<AtomicU64>> {
        self.with(
            name,
            labels,
            Cells::Counter(Vec::new()),
            |cells| match cells {
                Cells::Counter(cells) => {
                    if cells.len() <= worker {
                        cells.resize_with(worker + 1, Arc::default);
                    }
                    Some(Arc::clone(&cells[worker]))
                }
                Cells::Gauge(_) => None,
            },
        )
    }

    /// The cell of a gauge; none when the series is refused.
    pub(in crate::pipeline::sandbox) fn gauge(
        &self,
        name: &str,
        labels: &[(String, String)],
    ) -> Option<Arc<AtomicI64>> {
        self.with(
            name,
            labels,
            Cells::Gauge(Arc::default()),
            |cells| match cells {
                Cells::Gauge(cell) => Some(Arc::clone(cell)),
                Cells::Counter(_) => None,
            },
        )
    }

    fn with<R>(
        &self,
        name: &str,
        labels: &[(String, String)],
        new: Cells,
        read: impl FnOnce(&mut Cells) -> Option<R>,
    ) -> Option<R> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), labels.to_vec());
        let fits = all.len() < MOST_SERIES || all.contains_key(&key);
        let kind_agrees =
            all.range((key.0.clone(), Vec::new())..)
                .next()
                .is_none_or(|((other, _), cells)| {
                    other != name || std::mem::discriminant(cells) == std::mem::discriminant(&new)
                });
        if !(fits && kind_agrees && is_name(name) && labels.iter().all(is_label)) {
            self.dropped.fetch_add(1, Relaxed);
            return None;
        }
        read(all.entry(key).or_insert(new))
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'))
}

fn is_label((name, value): &(String, String)) -> bool {
    is_name(name) && name != "plugin" && value.len() <= LONGEST_VALUE
}

pub(super) fn render(plugins: &BTreeMap<Arc<str>, Arc<PluginStats>>, out: &mut String) {
    // A family stands in one piece, whichever plugins have a part in it.
    let mut families: BTreeMap<String, Vec<(&str, Labels, Cells)>> = BTreeMap::new();
    let help = "Series of its own that a plugin was refused.";
    let mut family = Family::counter(out, "witgate_sandbox_series_refused_total", help);
    for (plugin, stats) in plugins {
        let refused = stats.series.dropped.load(Relaxed);
        family.sample(&[("plugin", plugin)], refused);
        let all = stats
            .series
            .all
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for ((name, labels), cells) in all.iter() {
            let of_family = families
                .entry(format!("witgate_plugin_{name}"))
                .or_default();
            of_family.push((plugin, labels.clone(), cells.clone()));
        }
    }
    for (name, samples) in families {
        let counts = samples
            .iter()
            .all(|(_, _, cells)| matches!(cells, Cells::Counter(_)));
        let help = "Made by a plugin.";
        let mut family = match counts {
            true => Family::counter(out, &name, help),
            false => Family::gauge(out, &name, help),
        };
        for (plugin, labels, cells) in samples {
            let mut pairs = vec![("plugin", plugin)];
            pairs.extend(
                labels
                    .iter()
                    .map(|(label, value)| (label.as_str(), value.as_str())),
            );
            match cells {
                Cells::Counter(cells) => {
                    let sum: u64 = cells.iter().map(|cell| cell.load(Relaxed)).sum();
                    family.sample(&pairs, sum);
                }
                Cells::Gauge(cell) => family.sample(&pairs, cell.load(Relaxed)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_bounded_and_well_named() {
        let series = Series::default();
        for bad in ["", "A", "1a", "a-b", &"a".repeat(65)] {
            assert!(series.counter(bad, &[], 0).is_none(), "{bad}");
        }
        let label = |value: usize| vec![(String::from("n"), value.to_string())];
        let made = (0..200)
            .filter(|n| series.counter("hits", &label(*n), 0).is_some())
            .count();
        assert_eq!(made, 100);
        assert!(series.counter("hits", &label(0), 3).is_some());
        assert!(series.gauge("hits", &label(0)).is_none());
        assert_eq!(series.dropped.load(Relaxed), 5 + 100 + 1);
    }
}
