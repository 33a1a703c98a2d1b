//! Rate limits: whoever asks, and whoever answers.
//!
//! Routes (the stage `limit`) and plugins (the capability `limits`) ask a [`Limiter`]. The one that there is, [`Local`],
//! counts in this process, exactly over all workers. One that asks a store over the network can stand in its place: its
//! answer comes [later](Answer::Later), and those who ask are ready for that; the local one answers at once and pays
//! nothing for it.
//!
//! Counts lie outside of snapshots ([`store`]) and survive them; [`Limits`] has the limits of `witgate.yaml` by name.

mod bucket;
mod counts;
mod definition;
mod key;
mod keyed;
mod limits;
mod local;
mod moment;
mod rate;
mod single;
mod store;
mod warm_up;

use std::{fmt, pin::Pin, sync::Arc};

pub use bucket::{Cause, Left, Refused, Terms};
pub use counts::{Counts, Tally};
pub use definition::{By, Definition, Missing};
pub use key::Key;
pub use limits::{Limit, Limiters, Limits};
pub use local::Local;
pub use moment::Moment;
pub use rate::Rate;

/// Decides how much may pass.
pub trait Limiter: Send + Sync + fmt::Debug {
    /// Takes `cost`, all of it or nothing; 0 takes nothing, and tells what is left.
    fn ask(&self, question: &Question) -> Answer;
}

/// What a limiter is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Whom it is counted for; none when nobody can be told.
    pub key: Option<Key>,
    pub cost: u32,
    pub now: Moment,
}

/// When a limiter answers.
pub enum Answer {
    Now(Decision),
    /// It has to ask elsewhere.
    Later(Awaited),
}

/// A decision on its way.
pub type Awaited = Pin<Box<dyn Future<Output = Decision> + Send>>;

/// What a limiter says.
pub type Decision = Result<Admission, Refused>;

/// It may pass.
#[derive(Debug)]
pub struct Admission {
    /// None when the limit has no rates, or did not count it.
    pub left: Option<Left>,
    /// Of a limit on concurrency.
    pub permit: Option<Permit>,
}

/// A place among those that a limit on concurrency gives, for as long as it lives.
#[must_use = "it is free again when it is dropped"]
pub struct Permit {
    lender: Arc<dyn Lender>,
    key: Key,
}

/// Who gives permits.
pub(super) trait Lender: Send + Sync {
    fn take_back(&self, key: Key);
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.lender.take_back(self.key);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

#[cfg(test)]
pub(in crate::pipeline) mod tests;
