//! How the checks are doing, for Prometheus.

use std::{fmt::Write, sync::atomic::Ordering::Relaxed};

use super::Passwords;

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
        let name = "witgate_password_checks_total";
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "# HELP {name} Passwords checked for plugins, or refused to be."
        );
        let _ = writeln!(out, "# TYPE {name} counter");
        for (result, count) in results {
            let _ = writeln!(out, "{name}{{result=\"{result}\"}} {}", count.load(Relaxed));
        }
        let name = "witgate_password_check_seconds_total";
        let seconds = numbers.micros.load(Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "# HELP {name} Time that the checks took.");
        let _ = writeln!(out, "# TYPE {name} counter\n{name} {seconds}");
    }
}
