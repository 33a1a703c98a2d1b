//! Capability `metrics`: series named `witgate_plugin_NAME{plugin="…"}` at `/metrics`.
//!
//! Names are `[a-z][a-z0-9_]*`, at most 64 bytes. Name and labels together are one series; a plugin has at most
//! 100 of them, and what goes beyond is dropped and counted.

use crate::backend;

/// Counts up.
pub struct Counter(backend::Counter);

impl Counter {
    pub fn new(name: &str, labels: &[(&str, &str)]) -> Self {
        Self(backend::Counter::new(name, &owned(labels)))
    }

    pub fn add(&self, value: u64) {
        self.0.add(value);
    }
}

/// Goes up and down.
pub struct Gauge(backend::Gauge);

impl Gauge {
    pub fn new(name: &str, labels: &[(&str, &str)]) -> Self {
        Self(backend::Gauge::new(name, &owned(labels)))
    }

    pub fn set(&self, value: i64) {
        self.0.set(value);
    }
}

fn owned(labels: &[(&str, &str)]) -> Vec<(String, String)> {
    labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
