//! The files as they are written: serde only, no IO, no judgement. The doc comments are the reference that
//! `witgate schema` prints.

mod cors;
mod descriptors;
mod gateway;
mod grants;
mod grpc;
mod health;
mod http_client;
mod identity;
mod key_set;
mod one_entry;
mod plugin;
mod rate_limit;
mod retry;
mod routes;
mod secrets;
mod units;
mod value;

pub use cors::Cors;
pub use descriptors::Descriptors;
pub use gateway::*;
pub use grants::Grant;
pub use grpc::GrpcMatch;
pub use health::{GrpcHealth, Health};
pub use http_client::{Authorization, HttpClient, SendCredentials};
pub use identity::Identity;
pub use key_set::KeySet;
pub use plugin::{PluginConfig, PluginUse};
pub use rate_limit::{MissingKey, RateLimit, WrittenRate};
pub use retry::{Retry, RetryOn};
pub use routes::*;
pub use secrets::{Secret, SecretPlace, SecretSource};
pub use units::{ByteSize, HumanDuration};
pub use value::{OneOrMany, ShortOr};
