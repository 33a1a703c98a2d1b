//! The gateway as plain Rust values, for tests on the author's machine. What a test may set is in
//! [`testing`](crate::testing).

mod capabilities;
mod crypto;
mod fields;
mod heads;

pub(crate) use capabilities::{
    Counter, DescriptorSet, Gauge, KeySet, World, log, monotonic, now, random_bytes, random_u64,
    world,
};
pub(crate) use crypto::{VerifyingKey, sha256};
pub(crate) use heads::{Request, Response, Summary};
pub(crate) use heads::{RequestHead, ResponseHead};

use crate::{
    EditError, Ending,
    crypto::{Algorithm, Curve},
};

// Where the component's backend translates generated types, there is nothing to translate here.

pub(crate) fn edited(result: Result<(), EditError>) -> Result<(), EditError> {
    result
}

pub(crate) fn ending(ending: Ending) -> Ending {
    ending
}

pub(crate) fn curve(curve: Curve) -> Curve {
    curve
}

pub(crate) fn algorithm(algorithm: Algorithm) -> Algorithm {
    algorithm
}
