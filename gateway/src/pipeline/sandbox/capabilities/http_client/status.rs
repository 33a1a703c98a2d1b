//! How the clients are doing, for the administrator.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::{declare::HttpClients, numbers::BUCKETS};
use crate::telemetry::metrics::Family;

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
        let help = "Requests that plugins started, by how they ended.";
        let mut family = Family::counter(out, "witgate_http_client_requests_total", help);
        for (name, client) in &clients {
            for (outcome, count) in client.numbers.outcomes() {
                family.sample(&[("client", name), ("outcome", outcome)], count);
            }
        }
        let rows = clients.iter().map(|(name, it)| (&**name, it.in_flight()));
        Family::gauge(out, "witgate_http_client_in_flight", "Requests under way.")
            .by("client", rows);
        let help = "From the start of a request to the end of its answer.";
        let mut family = Family::histogram(out, "witgate_http_client_duration_seconds", help);
        for (name, client) in &clients {
            let numbers = &client.numbers;
            let counts = numbers.buckets.iter().map(|bucket| bucket.load(Relaxed));
            let sum = Duration::from_nanos(numbers.nanos.load(Relaxed)).as_secs_f64();
            let all = (sum, numbers.count.load(Relaxed));
            family.distribution(&[("client", name)], BUCKETS.into_iter().zip(counts), all);
        }
    }
}
