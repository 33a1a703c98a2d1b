//! Capability `passwords`: whether a password belongs to a hash. That takes as long as the hash says, on a few threads
//! of the gateway: nothing waits for it but the exchange that asked.
//!
//! ```
//! use witgate_plugin::{passwords, prelude::*, task::Task};
//!
//! /// Lets in who knows the password.
//! #[config]
//! struct Door {
//!     /// Its bcrypt hash.
//!     hash: String,
//! }
//!
//! #[policy]
//! impl Policy for Door {
//!     type State = Option<Task<Result<bool, passwords::Error>>>;
//!
//!     fn on_request(&self, request: &mut Request, state: &mut Self::State) -> Result<Verdict> {
//!         let check = state.get_or_insert_with(|| {
//!             let password = request.header("x-password").unwrap_or_default();
//!             Task::new(passwords::verify(&self.hash, &password))
//!         });
//!         match check.poll() {
//!             None => Ok(Verdict::Again),
//!             Some(Ok(true)) => Ok(Verdict::Next),
//!             Some(Ok(false)) => Ok(Reply::new(401).into()),
//!             Some(Err(error)) => Err(error.into()),
//!         }
//!     }
//! }
//! # fn main() {}
//! ```

use std::{
    future::{Future, poll_fn},
    task::Poll,
};

use crate::backend;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// As many checks wait as may; nothing was checked.
    #[error("too many passwords are being checked")]
    Busy,
    /// The hash is none that can be checked, or the password none. It does not repeat them.
    #[error("the password cannot be checked: {0}")]
    Unusable(String),
}

/// Whether a hash can be checked: bcrypt (`$2a$`, `$2b$`, `$2y$`) with a cost of 4 to 14; Argon2 as a PHC string, with
/// m up to 131072 (KiB), m times t up to 1048576 and p up to 16. If not: why, and what to do.
pub fn examine(hash: &str) -> Result<(), String> {
    backend::examine(hash)
}

/// Whether a password of at most 4096 bytes belongs to a hash. The check begins at once; awaiting it is for a
/// [`Task`](crate::task::Task), and dropping it gives it up.
pub fn verify(
    hash: &str,
    password: &str,
) -> impl Future<Output = Result<bool, Error>> + 'static + use<> {
    let check = backend::Check::start(hash, password);
    poll_fn(move |_| match check.take() {
        Some(result) => Poll::Ready(backend::checked(result)),
        None => Poll::Pending,
    })
}
