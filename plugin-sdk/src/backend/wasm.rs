//! The gateway as a component sees it: the generated imports, under the names that the SDK uses.

#[allow(
    unsafe_code,
    reason = "generated: the canonical ABI speaks of raw pointers"
)]
#[allow(unreachable_pub, unused_qualifications, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "capabilities",
    });
}
mod gates;
pub mod glue;
mod limits;
mod outbound;

pub(crate) use bindings::witgate::plugin::types::{Identity, Request, Response, Summary};
pub(crate) use bindings::witgate::plugin::{
    clock::{monotonic, now},
    crypto::{VerifyingKey, sha256},
    descriptors::DescriptorSet,
    files::File,
    gates::Gate,
    keys::KeySet,
    limits::{Limiter, Permit as LimitPermit},
    metrics::{Counter, Gauge},
    passwords::{Check, examine},
    random::{bytes as random_bytes, u64 as random_u64},
    secrets::Secret,
    windows::{Window, in_a_row},
};
pub(crate) use outbound::{Claim, Client, kv_delete, kv_get, kv_set, start, take};

pub(crate) use gates::{definition, pass, position, reason, row, totals};
pub(crate) use limits::decision;

use std::time::Duration;

use crate::{
    EditError, Ending, IdentityFields, Outcome, Peer,
    crypto::{Algorithm, Curve},
    log::Level,
    passwords,
};
use bindings::witgate::plugin::{crypto, log as host_log, passwords as host_passwords, types};

pub(crate) fn identity_fields(fields: IdentityFields) -> types::IdentityFields {
    types::IdentityFields {
        scheme: fields.scheme,
        subject: fields.subject,
        tenant: fields.tenant,
        consumer: fields.consumer,
        issuer: fields.issuer,
        scopes: fields.scopes,
        claims: fields.claims,
    }
}

pub(crate) fn peer(peer: types::Peer) -> Peer {
    Peer {
        spiffe_id: peer.spiffe_id,
        dns_names: peer.dns_names,
        subject: peer.subject,
        fingerprint: peer.fingerprint,
    }
}

pub(crate) fn edited(result: Result<(), types::EditError>) -> Result<(), EditError> {
    result.map_err(|error| match error {
        types::EditError::Invalid => EditError::Invalid,
        types::EditError::Forbidden => EditError::Forbidden,
        types::EditError::Sealed => EditError::Sealed,
    })
}

pub(crate) fn checked(
    result: Result<bool, host_passwords::Error>,
) -> Result<bool, passwords::Error> {
    result.map_err(|error| match error {
        host_passwords::Error::Busy => passwords::Error::Busy,
        host_passwords::Error::Unusable(why) => passwords::Error::Unusable(why),
    })
}

pub(crate) fn ending(ending: types::Ending) -> Ending {
    match ending {
        types::Ending::Complete => Ending::Complete,
        types::Ending::ClientGone => Ending::ClientGone,
        types::Ending::UpstreamFailed => Ending::UpstreamFailed,
        types::Ending::Timeout => Ending::Timeout,
        types::Ending::AnsweredHere => Ending::AnsweredHere,
    }
}

pub(crate) fn outcome(outcome: types::Outcome) -> Outcome {
    Outcome {
        ending: ending(outcome.ending),
        status: outcome.status,
        grpc_status: outcome.grpc_status,
        time_to_head: outcome.time_to_head.map(Duration::from_nanos),
        noted: outcome.noted,
    }
}

pub(crate) fn log(level: Level, message: &str) {
    let level = match level {
        Level::Debug => host_log::Level::Debug,
        Level::Info => host_log::Level::Info,
        Level::Warn => host_log::Level::Warn,
        Level::Error => host_log::Level::Error,
    };
    host_log::write(level, message);
}

pub(crate) fn curve(curve: Curve) -> crypto::Curve {
    match curve {
        Curve::P256 => crypto::Curve::P256,
        Curve::P384 => crypto::Curve::P384,
        Curve::Ed25519 => crypto::Curve::Ed25519,
    }
}

pub(crate) fn algorithm(algorithm: Algorithm) -> crypto::Algorithm {
    match algorithm {
        Algorithm::Hs256 => crypto::Algorithm::Hs256,
        Algorithm::Hs384 => crypto::Algorithm::Hs384,
        Algorithm::Hs512 => crypto::Algorithm::Hs512,
        Algorithm::Rs256 => crypto::Algorithm::Rs256,
        Algorithm::Rs384 => crypto::Algorithm::Rs384,
        Algorithm::Rs512 => crypto::Algorithm::Rs512,
        Algorithm::Ps256 => crypto::Algorithm::Ps256,
        Algorithm::Ps384 => crypto::Algorithm::Ps384,
        Algorithm::Ps512 => crypto::Algorithm::Ps512,
        Algorithm::Es256 => crypto::Algorithm::Es256,
        Algorithm::Es384 => crypto::Algorithm::Es384,
        Algorithm::Eddsa => crypto::Algorithm::Eddsa,
    }
}
