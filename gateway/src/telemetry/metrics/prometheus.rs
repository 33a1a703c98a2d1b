//! What workers count, for Prometheus.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    exposition::Family,
    shard::{BOUNDS, CALL_STATUSES, Counter, Ending, RouteCounters, Shard, UpstreamCounters},
};

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Writes the sum over all shards.
pub fn render(shards: &[Arc<Shard>], out: &mut String) {
    connections(shards, out);
    routes(shards, out);
    upstreams(shards, out);
}

fn connections(shards: &[Arc<Shard>], out: &mut String) {
    let total =
        |of: fn(&Shard) -> &Counter| shards.iter().map(|shard| of(shard).get()).sum::<u64>();
    let accepted = total(|shard| &shard.connections_accepted);
    let open = accepted.saturating_sub(total(|shard| &shard.connections_closed));
    let help = "Client connections open now.";
    Family::gauge(out, "witgate_connections_open", help).sample(&[], open);
    for (name, help, value) in [
        (
            "witgate_connections_accepted_total",
            "Client connections accepted.",
            accepted,
        ),
        (
            "witgate_tls_handshake_failures_total",
            "TLS handshakes that failed or took too long.",
            total(|shard| &shard.handshake_failures),
        ),
        (
            "witgate_requests_refused_total",
            "Requests refused before routing: malformed, or over a limit.",
            total(|shard| &shard.requests_refused),
        ),
        (
            "witgate_upgrades_total",
            "Connections upgraded to another protocol.",
            total(|shard| &shard.upgrades),
        ),
        (
            "witgate_access_lines_dropped_total",
            "Access log lines dropped since standard output was too slow.",
            total(|shard| &shard.access_lines_dropped),
        ),
    ] {
        Family::counter(out, name, help).sample(&[], value);
    }
}

type Sums = BTreeMap<Arc<str>, Vec<Arc<RouteCounters>>>;

fn sum(blocks: &[Arc<RouteCounters>], of: impl Fn(&RouteCounters) -> &Counter) -> u64 {
    blocks.iter().map(|block| of(block).get()).sum()
}

fn routes(shards: &[Arc<Shard>], out: &mut String) {
    let mut by_route = Sums::new();
    for shard in shards {
        shard.each_route(|name, counters| {
            by_route
                .entry(Arc::clone(name))
                .or_default()
                .push(Arc::clone(counters));
        });
    }
    by_label(
        out,
        (
            "witgate_requests_total",
            "Exchanges ended, by route and class of status.",
        ),
        &by_route,
        "status",
        |block| &block.by_class,
        &CLASSES,
    );
    by_label(
        out,
        (
            "witgate_exchanges_ended_total",
            "Exchanges ended, by route and how they ended.",
        ),
        &by_route,
        "ending",
        |block| &block.by_ending,
        &Ending::ALL.map(Ending::name),
    );
    by_label(
        out,
        (
            "witgate_grpc_calls_total",
            "gRPC calls that ended with a status, by route and status.",
        ),
        &by_route,
        "status",
        RouteCounters::by_call_status,
        &CALL_STATUSES,
    );
    notes(&by_route, out);
    durations(&by_route, out);
}

/// A counter of every route by one more label, without those that are zero.
fn by_label(
    out: &mut String,
    (name, help): (&str, &str),
    by_route: &Sums,
    label_name: &str,
    of: impl Fn(&RouteCounters) -> &[Counter],
    values: &[&str],
) {
    let mut family = Family::counter(out, name, help);
    for (route, blocks) in by_route {
        for (index, value) in values.iter().enumerate() {
            let counts = blocks.iter().filter_map(|block| of(block).get(index));
            let count: u64 = counts.map(Counter::get).sum();
            if count > 0 {
                family.sample(&[("route", route), (label_name, value)], count);
            }
        }
    }
}

fn notes(by_route: &Sums, out: &mut String) {
    let help = "What policies noted of exchanges, by route and kind.";
    let mut family = Family::counter(out, "witgate_notes_total", help);
    for (route, blocks) in by_route {
        let mut sums = BTreeMap::new();
        blocks
            .iter()
            .for_each(|block| block.notes.add_to(&mut sums));
        for (kind, count) in sums {
            family.sample(&[("route", route), ("note", &kind)], count);
        }
    }
}

fn durations(by_route: &Sums, out: &mut String) {
    let help = "From a request's head to the end of its response.";
    let mut family = Family::histogram(out, "witgate_request_duration_seconds", help);
    for (route, blocks) in by_route {
        let mut cumulative = 0;
        let mut up_to = |index: usize| {
            cumulative += sum(blocks, |block| &block.buckets[index]);
            cumulative
        };
        let buckets: Vec<_> = (BOUNDS.iter().enumerate())
            .map(|(index, bound)| (seconds(*bound), up_to(index)))
            .collect();
        let count = up_to(BOUNDS.len());
        let total = seconds(sum(blocks, |block| &block.duration_us));
        family.distribution(&[("route", route)], buckets, (total, count));
    }
}

fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

fn upstreams(shards: &[Arc<Shard>], out: &mut String) {
    let mut by_upstream: BTreeMap<Arc<str>, Vec<Arc<UpstreamCounters>>> = BTreeMap::new();
    for shard in shards {
        shard.each_upstream(|name, counters| {
            by_upstream
                .entry(Arc::clone(name))
                .or_default()
                .push(Arc::clone(counters));
        });
    }
    type Field = fn(&UpstreamCounters) -> &Counter;
    let series: [(&str, &str, Field); 6] = [
        (
            "witgate_upstream_requests_total",
            "Requests sent to an upstream.",
            |of| &of.requests,
        ),
        (
            "witgate_upstream_failures_total",
            "Requests that an upstream failed to answer.",
            |of| &of.failures,
        ),
        (
            "witgate_upstream_retries_total",
            "Requests sent again on another connection.",
            |of| &of.retries,
        ),
        (
            "witgate_upstream_retries_denied_total",
            "Requests not sent again since the retry budget was used up.",
            |of| &of.retries_denied,
        ),
        (
            "witgate_upstream_connects_total",
            "Connections opened to an upstream.",
            |of| &of.connects,
        ),
        (
            "witgate_upstream_connect_failures_total",
            "Connections that could not be opened.",
            |of| &of.connect_failures,
        ),
    ];
    for (name, help, of) in series {
        let rows = by_upstream.iter().map(|(upstream, blocks)| {
            let value: u64 = blocks.iter().map(|block| of(block).get()).sum();
            (&**upstream, value)
        });
        Family::counter(out, name, help).by("upstream", rows);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::shard::Observation, *};

    #[test]
    fn shards_are_summed_and_labels_escaped() {
        let shards = [Arc::new(Shard::default()), Arc::new(Shard::default())];
        for shard in &shards {
            shard.route(&Arc::from("a\"b")).observe(&Observation {
                status: 200,
                duration: Duration::from_millis(3),
                ending: Ending::Complete,
                grpc_status: Some(14),
            });
        }
        let mut out = String::new();
        render(&shards, &mut out);
        assert!(
            out.contains("witgate_requests_total{route=\"a\\\"b\",status=\"2xx\"} 2\n"),
            "{out}"
        );
        assert!(
            out.contains("witgate_exchanges_ended_total{route=\"a\\\"b\",ending=\"complete\"} 2\n"),
            "{out}"
        );
        assert!(
            out.contains("witgate_grpc_calls_total{route=\"a\\\"b\",status=\"UNAVAILABLE\"} 2\n"),
            "{out}"
        );
        assert!(!out.contains("5xx") && !out.contains("timeout"), "{out}");
        assert!(
            out.contains("le=\"0.0025\"} 0\n") && out.contains("le=\"0.005\"} 2\n"),
            "{out}"
        );
        assert!(
            out.contains("witgate_request_duration_seconds_sum{route=\"a\\\"b\"} 0.006\n"),
            "{out}"
        );
    }
}
