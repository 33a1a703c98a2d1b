//! Counters that workers own and the admin listener reads.
//!
//! Each worker has a shard of its own, so counting is a load and a store on a cache line that nobody else
//! writes. A route costs one block in a worker's shard from its first request there.

mod exposition;
mod notes;
mod prometheus;
mod shard;

pub use exposition::{Family, Labels};
pub use prometheus::render;
pub use shard::{Ending, Observation, RouteCounters, Shard, UpstreamCounters};
