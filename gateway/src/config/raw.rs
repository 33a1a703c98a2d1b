//! The files as they are written: serde only, no IO, no judgement. The doc comments are the reference that
//! `witgate schema` prints.

mod gateway;
mod plugin;
mod routes;
mod units;
mod value;

pub use gateway::*;
pub use plugin::{PluginConfig, PluginUse};
pub use routes::*;
pub use units::{ByteSize, HumanDuration};
pub use value::{OneOrMany, ShortOr};
