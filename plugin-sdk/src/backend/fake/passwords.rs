//! Passwords as one thread's test says: a hash is `fake=` and the password, for the tests of a plugin are not those of
//! bcrypt.

use std::cell::Cell;

use super::capabilities::world;
use crate::passwords::Error;

const PREFIX: &str = "fake=";

pub(crate) fn examine(hash: &str) -> Result<(), String> {
    match hash.strip_prefix(PREFIX) {
        Some(_) => Ok(()),
        None => Err(String::from("is no hash")),
    }
}

pub(crate) struct Check {
    result: Cell<Option<Result<bool, Error>>>,
    /// How often it is still under way.
    waits: Cell<u32>,
}

impl Check {
    pub(crate) fn start(hash: &str, password: &str) -> Self {
        let (waits, busy) = world(|world| {
            world.checks += 1;
            (world.check_waits, world.checks_are_refused)
        });
        let result = match hash.strip_prefix(PREFIX) {
            _ if busy => Err(Error::Busy),
            Some(right) => Ok(right == password),
            None => Err(Error::Unusable(String::from("is no hash"))),
        };
        Self {
            result: Cell::new(Some(result)),
            waits: Cell::new(waits),
        }
    }

    pub(crate) fn take(&self) -> Option<Result<bool, Error>> {
        if let Some(waits) = self.waits.get().checked_sub(1) {
            self.waits.set(waits);
            return None;
        }
        let taken = || Err(Error::Unusable(String::from("the result has been taken")));
        Some(self.result.take().unwrap_or_else(taken))
    }
}

// Where the component's backend translates generated types, there is nothing to translate here.
pub(crate) fn checked(result: Result<bool, Error>) -> Result<bool, Error> {
    result
}
