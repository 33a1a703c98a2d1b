//! The library behind the `witgate` binary.

pub mod admin;
pub mod app;
pub mod assembly;
pub mod cli;
pub mod config;
pub mod pipeline;
pub mod snapshot;
pub mod telemetry;
pub mod worker;
