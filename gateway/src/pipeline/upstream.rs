//! Services behind the gateway: what they are ([`Upstream`], compiled, shared) and how one worker talks to
//! them ([`Pools`], live, its own).

mod balance;
mod body;
mod call_end;
mod compile;
mod connect;
mod error;
mod form;
mod health;
mod http1;
mod http2;
mod pool;
mod repeat;
mod retry;
mod tls;

pub use body::UpstreamBody;
pub use compile::{Endpoint, Origin, Protocol, Upstream, compile};
pub use error::{Error, ErrorKind};
pub use health::{Checker, Health, Report as HealthReport};
pub use pool::{Call, Pools};
pub use retry::Retry;
