//! The Prometheus text format, version 0.0.4.

use std::fmt::{self, Display, Write};

/// All series of one name, which stand in one piece.
#[derive(Debug)]
pub struct Family<'f> {
    out: &'f mut String,
    name: &'f str,
}

/// Names and values.
pub type Labels<'l> = [(&'l str, &'l str)];

impl<'f> Family<'f> {
    /// Begins the family of something that only grows; its name ends with `_total`.
    pub fn counter(out: &'f mut String, name: &'f str, help: &str) -> Self {
        Self::begin(out, name, "counter", help)
    }

    pub fn gauge(out: &'f mut String, name: &'f str, help: &str) -> Self {
        Self::begin(out, name, "gauge", help)
    }

    pub fn histogram(out: &'f mut String, name: &'f str, help: &str) -> Self {
        Self::begin(out, name, "histogram", help)
    }

    fn begin(out: &'f mut String, name: &'f str, kind: &str, help: &str) -> Self {
        // Writing to a string does not fail, here and below.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Self { out, name }
    }

    pub fn sample(&mut self, labels: &Labels<'_>, value: impl Display) {
        self.write("", labels, value);
    }

    /// A sample of each row, by its one label.
    pub fn by<'r, V: Display>(
        &mut self,
        label: &str,
        rows: impl IntoIterator<Item = (&'r str, V)>,
    ) {
        for (of, value) in rows {
            self.sample(&[(label, of)], value);
        }
    }

    /// The samples of a histogram: so many up to each bound, `count` in all.
    pub fn distribution(
        &mut self,
        labels: &Labels<'_>,
        buckets: impl IntoIterator<Item = (f64, u64)>,
        (sum, count): (f64, u64),
    ) {
        let mut bucket = |bound: &str, up_to| {
            let labels = [labels, &[("le", bound)]].concat();
            self.write("_bucket", &labels, up_to);
        };
        for (bound, up_to) in buckets {
            bucket(&bound.to_string(), up_to);
        }
        bucket("+Inf", count);
        self.write("_sum", labels, sum);
        self.write("_count", labels, count);
    }

    fn write(&mut self, suffix: &str, labels: &Labels<'_>, value: impl Display) {
        let _ = write!(self.out, "{}{suffix}", self.name);
        for (index, (label, of)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.out, "{before}{label}=\"{}\"", Escaped(of));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.out, "{after} {value}");
    }
}

/// A label's value, as the format asks.
struct Escaped<'v>(&'v str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_as_prometheus_reads_them() {
        let mut out = String::new();
        let mut family = Family::counter(&mut out, "a_total", "How many.");
        family.sample(&[], 1);
        family.sample(&[("b", "\"c\\d\n"), ("e", "f")], 2.5);
        family.by("g", [("h", 3), ("i", 4)]);
        let mut family = Family::histogram(&mut out, "j_seconds", "How long.");
        family.distribution(&[("k", "l")], [(0.005, 0), (1.0, 2)], (3.5, 3));
        Family::gauge(&mut out, "m", "None.");
        assert_eq!(
            out,
            "# HELP a_total How many.\n# TYPE a_total counter\n\
             a_total 1\na_total{b=\"\\\"c\\\\d\\n\",e=\"f\"} 2.5\na_total{g=\"h\"} 3\na_total{g=\"i\"} 4\n\
             # HELP j_seconds How long.\n# TYPE j_seconds histogram\n\
             j_seconds_bucket{k=\"l\",le=\"0.005\"} 0\nj_seconds_bucket{k=\"l\",le=\"1\"} 2\n\
             j_seconds_bucket{k=\"l\",le=\"+Inf\"} 3\nj_seconds_sum{k=\"l\"} 3.5\nj_seconds_count{k=\"l\"} 3\n\
             # HELP m None.\n# TYPE m gauge\n"
        );
    }
}
