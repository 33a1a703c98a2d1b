//! How the checks are doing, for Prometheus.

use std::sync::atomic::Ordering::Relaxed;

use super::Passwords;
use crate::telemetry::metrics::Family;

impl Passwords {
    /// Appends the numbers in the text format of Prometheus.
    pub fn render(&self, out: &mut String) {
        let numbers = self.numbers();
        let results = [
            ("right", &numbers.right),
            ("wrong", &numbers.wrong),
            ("busy", &numbers.busy),
            ("abandoned", &numbers.abandoned),
        ];
        if results.iter().all(|(_, count)| count.load(Relaxed) == 0) {
            return;
        }
        let help = "Passwords checked for plugins, or refused to be.";
        let results = results.map(|(result, count)| (result, count.load(Relaxed)));
        Family::counter(out, "witgate_password_checks_total", help).by("result", results);
        let help = "Time that the checks took.";
        let seconds = numbers.micros.load(Relaxed) as f64 / 1e6;
        Family::counter(out, "witgate_password_check_seconds_total", help).sample(&[], seconds);
    }
}
