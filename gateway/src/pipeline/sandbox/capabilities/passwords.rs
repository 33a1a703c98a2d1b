//! `passwords`: whether a password belongs to a hash. That is dear by design, so it is done by a few threads of its own
//! ([`pool`]), away from the workers.

mod hash;
mod pool;
mod status;
#[cfg(test)]
mod tests;

use wasmtime::component::Resource;
use zeroize::Zeroizing;

use crate::pipeline::sandbox::{
    bindings::passwords::{Error, Host, HostCheck},
    state::State,
};

use hash::Hash;
pub use pool::Passwords;
use pool::{Outcome, Pending};

/// What is longer is no password.
const LONGEST_PASSWORD: usize = 4096;

/// A plugin's handle on one check. Dropped, the check is not begun if it has not been.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub enum Check {
    Pending(Pending),
    /// It never began.
    Refused(Error),
    /// The result has been handed out.
    Done,
}

impl Check {
    fn start(passwords: &Passwords, hash: &str, password: Zeroizing<String>) -> Self {
        let hash = match Hash::parse(hash) {
            Ok(hash) => hash,
            Err(unusable) => return Self::Refused(Error::Unusable(unusable.to_string())),
        };
        if password.len() > LONGEST_PASSWORD {
            let message = format!("a password has at most {LONGEST_PASSWORD} bytes");
            return Self::Refused(Error::Unusable(message));
        }
        match passwords.start(hash, password) {
            Some(pending) => Self::Pending(pending),
            None => Self::Refused(Error::Busy),
        }
    }
}

impl Host for State {
    fn examine(&mut self, hash: String) -> wasmtime::Result<Result<(), String>> {
        let judged = Hash::parse(&hash);
        Ok(judged.map(drop).map_err(|unusable| unusable.to_string()))
    }
}

impl HostCheck for State {
    fn start(&mut self, hash: String, password: String) -> wasmtime::Result<Resource<Check>> {
        let check = Check::start(&self.home.passwords, &hash, Zeroizing::new(password));
        Ok(self.table.push(check)?)
    }

    fn take(&mut self, this: Resource<Check>) -> wasmtime::Result<Option<Result<bool, Error>>> {
        let check = self.table.get_mut(&this)?;
        if let Check::Pending(pending) = check {
            match pending.outcome() {
                None => {
                    let done = pending.done();
                    self.arrivals.add(done)?;
                    return Ok(None);
                }
                Some(outcome) => {
                    *check = Check::Done;
                    return Ok(Some(match outcome {
                        Outcome::Right => Ok(true),
                        Outcome::Wrong => Ok(false),
                        Outcome::Lost => Err(Error::Busy),
                    }));
                }
            }
        }
        Ok(Some(Err(match std::mem::replace(check, Check::Done) {
            Check::Refused(error) => error,
            Check::Pending(_) | Check::Done => {
                Error::Unusable(String::from("the result has been taken"))
            }
        })))
    }

    fn drop(&mut self, this: Resource<Check>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
