//! One worker's counters.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::notes::Notes;

/// A count with one writer and any number of readers.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Only the owning worker may call this.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Upper bounds of the duration histogram's buckets, in microseconds.
pub const BOUNDS: [u64; 12] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000,
    30_000_000,
];

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The whole response went out.
    Complete,
    /// The client went away first.
    ClientGone,
    /// The upstream broke off, or could not be reached.
    UpstreamFailed,
    /// A deadline passed.
    Timeout,
    /// The gateway or a plugin answered in the upstream's place.
    AnsweredHere,
}

impl Ending {
    pub const ALL: [Self; 5] = [
        Self::Complete,
        Self::ClientGone,
        Self::UpstreamFailed,
        Self::Timeout,
        Self::AnsweredHere,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client-gone",
            Self::UpstreamFailed => "upstream-failed",
            Self::Timeout => "timeout",
            Self::AnsweredHere => "answered-here",
        }
    }
}

/// What is counted of one exchange.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    pub status: u16,
    pub duration: Duration,
    pub ending: Ending,
    /// Of a gRPC call that got as far as a status.
    pub grpc_status: Option<u8>,
}

/// One route's counters in one worker.
#[derive(Debug, Default)]
pub struct RouteCounters {
    pub by_class: [Counter; 5],
    pub by_ending: [Counter; Ending::ALL.len()],
    pub buckets: [Counter; BOUNDS.len() + 1],
    pub duration_us: Counter,
    pub notes: Notes,
    /// Made with the first gRPC call: most routes have none.
    calls: OnceLock<Box<[Counter; CALL_STATUSES.len()]>>,
}

/// How gRPC calls end, in the order of their numbers.
pub const CALL_STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl RouteCounters {
    /// Of gRPC calls, by status; nothing if there were none.
    pub fn by_call_status(&self) -> &[Counter] {
        self.calls.get().map_or(&[], |calls| &calls[..])
    }

    pub fn observe(&self, observation: &Observation) {
        let class = usize::from(observation.status / 100).clamp(1, 5) - 1;
        self.by_class[class].add(1);
        self.by_ending[observation.ending as usize].add(1);
        let micros = u64::try_from(observation.duration.as_micros()).unwrap_or(u64::MAX);
        self.duration_us.add(micros);
        let bucket = BOUNDS
            .iter()
            .position(|bound| micros <= *bound)
            .unwrap_or(BOUNDS.len());
        self.buckets[bucket].add(1);
        if let Some(status) = observation.grpc_status {
            let calls = self.calls.get_or_init(Box::default);
            if let Some(count) = calls.get(usize::from(status)) {
                count.add(1);
            }
        }
    }
}

/// One upstream's counters in one worker.
#[derive(Debug, Default)]
pub struct UpstreamCounters {
    pub requests: Counter,
    pub failures: Counter,
    pub retries: Counter,
    pub retries_denied: Counter,
    pub connects: Counter,
    pub connect_failures: Counter,
}

/// Blocks by name: appended to when a name is first met; counting itself never comes here.
type Blocks<T> = Mutex<BTreeMap<Arc<str>, Arc<T>>>;

/// One worker's counters: written by the worker, read by the admin listener.
#[derive(Debug, Default)]
pub struct Shard {
    pub connections_accepted: Counter,
    pub connections_closed: Counter,
    pub handshake_failures: Counter,
    pub requests_refused: Counter,
    pub upgrades: Counter,
    pub access_lines_dropped: Counter,
    routes: Blocks<RouteCounters>,
    upstreams: Blocks<UpstreamCounters>,
}

impl Shard {
    /// The block of a route; the worker keeps it.
    pub fn route(&self, name: &Arc<str>) -> Arc<RouteCounters> {
        Arc::clone(lock(&self.routes).entry(Arc::clone(name)).or_default())
    }

    /// The block of an upstream; the worker keeps it.
    pub fn upstream(&self, name: &Arc<str>) -> Arc<UpstreamCounters> {
        Arc::clone(lock(&self.upstreams).entry(Arc::clone(name)).or_default())
    }

    /// Calls `each` with every route that this worker has served.
    pub fn each_route(&self, mut each: impl FnMut(&Arc<str>, &Arc<RouteCounters>)) {
        lock(&self.routes)
            .iter()
            .for_each(|(name, counters)| each(name, counters));
    }

    /// Calls `each` with every upstream that this worker has asked.
    pub fn each_upstream(&self, mut each: impl FnMut(&Arc<str>, &Arc<UpstreamCounters>)) {
        lock(&self.upstreams)
            .iter()
            .for_each(|(name, counters)| each(name, counters));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_lands_in_one_bucket_of_each_kind() {
        let counters = RouteCounters::default();
        counters.observe(&Observation {
            status: 204,
            duration: Duration::from_micros(700),
            ending: Ending::Complete,
            grpc_status: Some(5),
        });
        assert_eq!(
            counters
                .by_class
                .iter()
                .map(Counter::get)
                .collect::<Vec<_>>(),
            [0, 1, 0, 0, 0]
        );
        assert_eq!(counters.buckets[1].get(), 1);
        assert_eq!(counters.buckets.iter().map(Counter::get).sum::<u64>(), 1);
        assert_eq!(counters.duration_us.get(), 700);
        assert_eq!(counters.by_call_status()[5].get(), 1);
    }

    #[test]
    fn a_route_keeps_its_block() {
        let shard = Shard::default();
        let name: Arc<str> = "a".into();
        shard.route(&name).by_class[1].add(2);
        assert_eq!(shard.route(&name).by_class[1].get(), 2);
    }
}
