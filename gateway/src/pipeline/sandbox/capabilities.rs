//! What the host offers to plugins besides the exchange itself: one file per interface of
//! `wit/capabilities.wit`. A capability is linked only into a component that was granted it.

pub(super) mod catalog;
pub(super) mod clock;
pub(super) mod crypto;
pub(super) mod descriptors;
pub(super) mod files;
pub(super) mod gates;
pub(super) mod http_client;
pub(super) mod keys;
pub(super) mod kv;
pub(super) mod limits;
pub(super) mod log;
pub(super) mod metrics;
mod named;
pub(super) mod passwords;
pub(super) mod random;
pub(super) mod secrets;
mod tls;

use wasmtime::component::{HasSelf, LinkerInstance};

use super::{bindings, state::State};
use crate::config::raw::Capability;

/// Every capability with the name of its interface, which is also the name of its grant.
pub(super) const ALL: [(Capability, &str); 15] = [
    (Capability::Log, "log"),
    (Capability::Clock, "clock"),
    (Capability::Random, "random"),
    (Capability::Metrics, "metrics"),
    (Capability::Crypto, "crypto"),
    (Capability::Keys, "keys"),
    (Capability::Descriptors, "descriptors"),
    (Capability::HttpClient, "http-client"),
    (Capability::Kv, "kv"),
    (Capability::Gates, "gates"),
    (Capability::Windows, "windows"),
    (Capability::Limits, "limits"),
    (Capability::Secrets, "secrets"),
    (Capability::Passwords, "passwords"),
    (Capability::Files, "files"),
];

/// Defines the functions of one capability; each is a trait from `bindings` implemented on `State`.
pub(super) fn link(
    capability: Capability,
    linker: &mut LinkerInstance<'_, State>,
) -> wasmtime::Result<()> {
    type Own = HasSelf<State>;
    match capability {
        Capability::Log => bindings::log::add_to_linker_instance::<_, Own>(linker, |state| state),
        Capability::Clock => {
            bindings::clock::add_to_linker_instance::<_, Own>(linker, |state| state)
        }
        Capability::Random => {
            bindings::random::add_to_linker_instance::<_, Own>(linker, |state| state)
        }
        Capability::Metrics => {
            bindings::metrics::add_to_linker_instance::<_, Own>(linker, |state| state)
        }
        Capability::Crypto => {
            bindings::crypto::add_to_linker_instance::<_, Own>(linker, |state| state)
        }
        Capability::Keys => bindings::keys::add_to_linker_instance::<_, Own>(linker, |state| state),
        Capability::HttpClient => {
            bindings::http_client::add_to_linker_instance::<_, Own>(linker, |state| state)
        }
        Capability::Gates => {
            bindings::gates::add_to_linker_instance::<_, Own>(linker, |state| state)
        }
        Capability::Windows => {
            bindings::windows::add_to_linker_instance::<_, Own>(linker, |state| state)
        }
        Capability::Kv => bindings::kv::add_to_linker_instance::<_, Own>(linker, |state| state),
        Capability::Descriptors => {
            bindings::descriptors::add_to_linker_instance::<_, Own>(linker, |state| state)
        }
        Capability::Limits => {
            bindings::limits::add_to_linker_instance::<_, Own>(linker, |state| state)
        }
        Capability::Files => {
            bindings::files::add_to_linker_instance::<_, Own>(linker, |state| state)
        }
        Capability::Passwords => {
            bindings::passwords::add_to_linker_instance::<_, Own>(linker, |state| state)
        }
        Capability::Secrets => {
            bindings::secrets::add_to_linker_instance::<_, Own>(linker, |state| state)
        }
    }
}
