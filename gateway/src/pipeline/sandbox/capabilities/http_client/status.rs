//! How the clients are doing, for the administrator.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::{declare::HttpClients, numbers::BUCKETS};

/// One client that serves.
#[derive(Clone, Debug)]
pub struct HttpClientStatus {
    pub name: Arc<str>,
    pub url: String,
    /// The kind of its `authorization`, if it has one.
    pub authorization: Option<&'static str>,
    pub timeout: Duration,
    pub max_response: usize,
    pub max_in_flight: usize,
    pub in_flight: usize,
    /// How many requests ended in which way.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Of the last request that is over, if it failed.
    pub last_error: Option<String>,
}

impl HttpClients {
    /// In the order of their names.
    pub fn status(&self) -> Vec<HttpClientStatus> {
        let clients = self.live().into_iter();
        clients
            .map(|(name, client)| HttpClientStatus {
                name,
                url: client.url().to_owned(),
                authorization: client
                    .definition
                    .authorization
                    .as_ref()
                    .map(|it| it.shown()),
                timeout: client.definition.timeout,
                max_response: client.definition.max_response,
                max_in_flight: client.definition.max_in_flight,
                in_flight: client.in_flight(),
                outcomes: client.numbers.outcomes(),
                last_error: client.numbers.last_error(),
            })
            .collect()
    }

    /// Appends the numbers in the text format of Prometheus.
    pub fn render(&self, out: &mut String) {
        let clients = self.live();
        if clients.is_empty() {
            return;
        }
        // Writing to a string does not fail, here and below.
        let _ = out.write_str(
            "# HELP witgate_http_client_requests_total Requests that plugins started, by how they ended.\n\
             # TYPE witgate_http_client_requests_total counter\n",
        );
        for (name, client) in &clients {
            let name = label(name);
            for (outcome, count) in client.numbers.outcomes() {
                let _ = writeln!(
                    out,
                    "witgate_http_client_requests_total{{client=\"{name}\",outcome=\"{outcome}\"}} {count}"
                );
            }
        }
        let _ = out.write_str(
            "# HELP witgate_http_client_in_flight Requests under way.\n\
             # TYPE witgate_http_client_in_flight gauge\n",
        );
        for (name, client) in &clients {
            let (name, now) = (label(name), client.in_flight());
            let _ = writeln!(
                out,
                "witgate_http_client_in_flight{{client=\"{name}\"}} {now}"
            );
        }
        let _ = out.write_str(
            "# HELP witgate_http_client_duration_seconds From the start of a request to the end of its answer.\n\
             # TYPE witgate_http_client_duration_seconds histogram\n",
        );
        for (name, client) in &clients {
            let (name, numbers) = (label(name), &client.numbers);
            let count = numbers.count.load(Relaxed);
            let bounds = BUCKETS.iter().map(ToString::to_string);
            let counts = numbers.buckets.iter().map(|bucket| bucket.load(Relaxed));
            let buckets = bounds.zip(counts).chain([("+Inf".to_owned(), count)]);
            for (bound, count) in buckets {
                let _ = writeln!(
                    out,
                    "witgate_http_client_duration_seconds_bucket{{client=\"{name}\",le=\"{bound}\"}} {count}"
                );
            }
            let sum = Duration::from_nanos(numbers.nanos.load(Relaxed)).as_secs_f64();
            let _ = writeln!(
                out,
                "witgate_http_client_duration_seconds_sum{{client=\"{name}\"}} {sum}\n\
                 witgate_http_client_duration_seconds_count{{client=\"{name}\"}} {count}"
            );
        }
    }
}

fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
