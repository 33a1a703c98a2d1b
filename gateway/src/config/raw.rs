//! The files as they are written: serde only, no IO, no judgement. The doc comments are the reference that
//! `witgate schema` prints.

mod cors;
mod descriptors;
mod gateway;
mod grpc;
mod health;
mod plugin;
mod retry;
mod routes;
mod units;
mod value;

pub use cors::Cors;
pub use descriptors::Descriptors;
pub use gateway::*;
pub use grpc::GrpcMatch;
pub use health::{GrpcHealth, Health};
pub use plugin::{PluginConfig, PluginUse};
pub use retry::{Retry, RetryOn};
pub use routes::*;
pub use units::{ByteSize, HumanDuration};
pub use value::{OneOrMany, ShortOr};
