//! What stands behind the SDK's types: the gateway for a component, plain values for a test on the host.

#[cfg(not(target_arch = "wasm32"))]
mod fake;
#[cfg(target_arch = "wasm32")]
pub(crate) mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use fake::*;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm::*;

/// Field values are bytes; those beyond UTF-8 become U+FFFD.
pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
