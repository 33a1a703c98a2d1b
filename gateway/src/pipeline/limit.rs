//! How many requests may pass: what a route asks its [limiters](super::limiter), and what clients are told of it.
//!
//! Limits by what every request has are asked before the policies, those by the identity after them, each group in the
//! order written. The first that refuses ends it; what the ones before have counted stays counted. Permits live as long as
//! the exchange.

mod asking;
mod compile;
mod fields;
mod subject;

pub use asking::{Granted, Phase, Refusal};
pub use compile::{Around, RouteLimits};
pub use subject::Asker;

#[cfg(test)]
mod tests;
