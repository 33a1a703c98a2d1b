//! Write policies for the witgate API gateway.
//!
//! A policy is a type that holds one route's configuration, and an implementation of [`Policy`] with the phases
//! it takes part in. [`#[config]`](macro@config) makes the type readable from a route file;
//! [`#[policy]`](macro@policy) exports exactly the phases that are written, so that the gateway never calls,
//! copies or buffers for the others.
//!
//! ```
//! use witgate_plugin::prelude::*;
//!
//! /// Greets the upstream.
//! #[config]
//! struct Greeter {
//!     /// Value of the `x-greeting` header.
//!     greeting: String,
//! }
//!
//! #[policy]
//! impl Policy for Greeter {
//!     fn on_request(&self, request: &mut Request) -> Result<Verdict> {
//!         request.set_header("x-greeting", &self.greeting)?;
//!         Ok(Verdict::Next)
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! In a route file that is `plugins: [{ greeter: { greeting: hello } }]`. Logic is tested without a gateway, by
//! plain `cargo test`: see [`testing`]. What the plugin uses of [`log`], [`clock`], [`random`], [`metrics`],
//! [`crypto`], [`keys`], [`http`], [`kv`], [`descriptors`], [`gates`], [`windows`] and [`limits`] becomes an import of its component, and needs a grant
//! in `witgate.yaml`.
//!
//! A crate holds one policy, and is a library with `crate-type = ["cdylib", "rlib"]`.

mod backend;
pub mod challenge;
pub mod clock;
pub mod config;
pub mod credential;
pub mod crypto;
pub mod descriptors;
mod error;
pub mod fields;
pub mod files;
pub mod gates;
pub mod http;
mod identity;
mod insight;
pub mod keys;
pub mod kv;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod passwords;
mod policy;
pub mod random;
mod reply;
mod request;
mod response;
pub mod rules;
pub mod secrets;
mod summary;
pub mod task;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod windows;

pub use error::{EditError, Error, Result};
pub use identity::{Identity, IdentityFields, Peer};
pub use insight::Asked;
pub use policy::{BodyAction, Chunk, Policy, ResponseVerdict, Verdict};
pub use reply::Reply;
pub use request::Request;
pub use response::Response;
pub use summary::{Ending, Outcome, Summary};
pub use witgate_plugin_macros::{config, policy};

/// What a plugin usually needs.
pub mod prelude {
    pub use crate::{
        Asked, BodyAction, Chunk, Ending, Error, Identity, IdentityFields, Peer, Policy, Reply,
        Request, Response, ResponseVerdict, Result, Summary, Verdict, clock, config,
        config::Problem, log, policy,
    };
}

/// For the macros' use only: no part of the contract.
#[doc(hidden)]
pub mod __private {
    pub use ::{schemars, serde};
    #[cfg(target_arch = "wasm32")]
    pub use {
        crate::backend::wasm::{bindings, glue},
        wit_bindgen,
    };
}
