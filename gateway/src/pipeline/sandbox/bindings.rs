//! What `wit/` says, as Rust types. The host's side of each capability implements the traits made here; the
//! phases are called through functions looked up by `exports`, since each of them is optional.

#![allow(unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    imports: { default: trappable },
    with: {
        "witgate:plugin/types.request": super::request::Request,
        "witgate:plugin/types.response": super::response::Response,
        "witgate:plugin/types.identity": super::identity::Identity,
        "witgate:plugin/types.summary": super::summary::Summary,
        "witgate:plugin/metrics.counter": super::capabilities::metrics::Counter,
        "witgate:plugin/metrics.gauge": super::capabilities::metrics::Gauge,
        "witgate:plugin/crypto.verifying-key": super::capabilities::crypto::VerifyingKey,
        "witgate:plugin/keys.key-set": super::capabilities::keys::KeySet,
        "witgate:plugin/files.file": super::capabilities::files::File,
        "witgate:plugin/passwords.check": super::capabilities::passwords::Check,
        "witgate:plugin/secrets.secret": super::capabilities::secrets::Secret,
        "witgate:plugin/http-client.client": super::capabilities::http_client::Client,
        "witgate:plugin/http-client.call": super::capabilities::http_client::Call,
        "witgate:plugin/limits.limiter": super::capabilities::limits::Limiter,
        "witgate:plugin/limits.permit": super::capabilities::limits::Permit,
        "witgate:plugin/gates.gate": super::capabilities::gates::Gate,
        "witgate:plugin/windows.window": super::capabilities::gates::Window,
        "witgate:plugin/kv.claim": super::capabilities::kv::Claim,
        "witgate:plugin/descriptors.descriptor-set": super::capabilities::descriptors::DescriptorSet,
    },
});

pub(super) use exports::witgate::plugin::{insight, on_request, on_response, policy};
pub(super) use witgate::plugin::{
    clock, crypto, descriptors, files, gates, http_client, keys, kv, limits, log, metrics,
    passwords, random, secrets, types, windows,
};
