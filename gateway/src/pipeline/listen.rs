//! Where clients connect.

mod accept;
mod bind;
mod tls;

pub use accept::{Accepted, accept};
pub use bind::bind;
pub use tls::{Acceptor, compile as compile_tls};
