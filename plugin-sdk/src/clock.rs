//! Capability `clock`: the time.

use std::time::Duration;

use crate::backend;

/// Time since 1970-01-01T00:00:00Z, without leap seconds.
pub fn now() -> Duration {
    Duration::from_nanos(backend::now())
}

/// Whole seconds since 1970-01-01T00:00:00Z.
pub fn unix_seconds() -> u64 {
    backend::now() / 1_000_000_000
}

/// Time since some fixed moment; never goes back.
pub fn monotonic() -> Duration {
    Duration::from_nanos(backend::monotonic())
}
