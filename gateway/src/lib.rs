//! The library behind the `witgate` binary.

pub mod cli;
pub mod config;
pub mod pipeline;
pub mod snapshot;
pub mod telemetry;
pub mod worker;
