//! The gateway as plain Rust values, for tests on the author's machine. What a test may set is in
//! [`testing`](crate::testing).

mod capabilities;
mod crypto;
mod fields;
mod gates;
mod heads;
mod identity;
mod limits;
mod outbound;
mod passwords;
mod secrets;

pub(crate) use capabilities::{
    Counter, DescriptorSet, File, Gauge, KeySet, World, log, monotonic, now, random_bytes,
    random_u64, world,
};
pub(crate) use crypto::{VerifyingKey, sha256};
pub(crate) use gates::{
    Cell, Gate, Window, definition, gates, in_a_row, pass, position, reason, reset_gates, row,
    totals,
};
pub(crate) use heads::{Request, Response, Summary};
pub(crate) use heads::{RequestHead, ResponseHead};
pub(crate) use identity::{Identity, identity_fields};
pub(crate) use limits::{FakeLimit, LimitPermit, Limiter, decision, limits};
pub(crate) use outbound::{
    Claim, Client, kv_delete, kv_get, kv_set, outbound, reset_outbound, start, take,
};
pub(crate) use passwords::{Check, checked, examine};
pub(crate) use secrets::Secret;

use crate::{
    EditError, Ending, Outcome, Peer,
    crypto::{Algorithm, Curve},
};

// Where the component's backend translates generated types, there is nothing to translate here.

pub(crate) fn peer(peer: Peer) -> Peer {
    peer
}

pub(crate) fn edited(result: Result<(), EditError>) -> Result<(), EditError> {
    result
}

pub(crate) fn ending(ending: Ending) -> Ending {
    ending
}

pub(crate) fn outcome(outcome: Outcome) -> Outcome {
    outcome
}

pub(crate) fn curve(curve: Curve) -> Curve {
    curve
}

pub(crate) fn algorithm(algorithm: Algorithm) -> Algorithm {
    algorithm
}
