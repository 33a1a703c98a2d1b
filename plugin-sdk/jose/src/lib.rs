//! Signed tokens (JWS compact serialization, RFC 7515) for the plugins that read them: the keys of a key set, and
//! who signed a token. What the token says is for the plugin to judge.
//!
//! Needs the grants `crypto` and `keys`.

mod keys;
mod provider;
mod token;

pub use keys::{Key, Keys};
pub use token::{Fault, LONGEST, Signed, Token, verify};
