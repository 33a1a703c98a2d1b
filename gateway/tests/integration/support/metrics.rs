//! Reads the Prometheus text format.

/// The series of one scrape.
pub(crate) struct Metrics {
    series: Vec<(String, f64)>,
}

impl Metrics {
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let series = lines.map(|line| {
            let (name, value) = line
                .rsplit_once(' ')
                .unwrap_or_else(|| panic!("not a series: {line}"));
            (
                name.to_owned(),
                value
                    .parse()
                    .unwrap_or_else(|_| panic!("not a number: {line}")),
            )
        });
        Self {
            series: series.collect(),
        }
    }

    /// The sum of all series of this name whose labels contain each of these, as `route="all"`.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let matching = self.series.iter().filter(|(series, _)| {
            let bare = series.split('{').next();
            bare == Some(name) && labels.iter().all(|label| series.contains(label))
        });
        matching.map(|(_, value)| value).sum()
    }
}
