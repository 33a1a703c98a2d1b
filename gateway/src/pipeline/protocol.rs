//! HTTP as spoken with clients: serving connections, what is refused before anything judges it, what belongs to
//! one hop and what is told about the client.

pub mod activity;
pub mod fields;
pub mod forwarding;
mod framing;
pub mod normalise;
mod scan;
pub mod serve;
pub mod upgrade;

pub use activity::Activity;
pub use forwarding::{Forwarding, Peer};
pub use normalise::{Limits, Refusal};
pub use scan::Scan;
pub use serve::{Serving, Settings};
