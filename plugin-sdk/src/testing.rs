//! Tests of a plugin without a gateway: plain `cargo test`, on the author's machine.
//!
//! Heads are plain values, and the capabilities answer what the test says: the clock stands still until it is
//! moved, random numbers are the same in every run, key sets are JSON, descriptors bytes. All of this belongs to the test's thread.
//! Signatures are checked for real with the feature `testing-crypto`.
//!
//! ```
//! use witgate_plugin::{prelude::*, testing::{self, Exchange, TestRequest}};
//!
//! # #[config]
//! # struct Greeter { greeting: String }
//! # #[policy]
//! # impl Policy for Greeter {
//! #     fn on_request(&self, request: &mut Request) -> Result<Verdict> {
//! #         request.set_header("x-greeting", &self.greeting)?;
//! #         Ok(Verdict::Next)
//! #     }
//! # }
//! # fn main() {
//! let greeter: Greeter = testing::configure(r#"{ "greeting": "hello" }"#).unwrap();
//! let mut exchange = Exchange::new(&greeter, TestRequest::get("/orders/7"));
//! assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
//! assert_eq!(exchange.request().header("x-greeting").as_deref(), Some("hello"));
//! # }
//! ```

mod exchange;
pub mod gates;
pub mod limits;
mod outbound;

use std::time::Duration;

use crate::{
    Policy,
    backend::{DescriptorSet, World, world},
    config::{self, Problem},
    log::Level,
};

pub use exchange::{Exchange, TestRequest, TestResponse, TestSummary};
pub use outbound::{answer_http, cancelled_http_requests, set_http_client, take_http_requests};

/// What the gateway does with the configuration in a route file.
pub fn configure<P: Policy>(json: &str) -> Result<P, Vec<Problem>> {
    config::parse(json).and_then(P::new)
}

/// The JSON Schema of a policy's configuration, as the gateway reads it.
pub fn schema<P: Policy>() -> String {
    config::schema::<P::Config>()
}

/// Forgets everything that was set on this thread.
pub fn reset() {
    world(|world| *world = World::default());
    crate::backend::reset_gates();
    crate::backend::reset_outbound();
    crate::backend::limits(std::collections::BTreeMap::clear);
}

/// Sets the clock to so many seconds since 1970.
pub fn set_unix_seconds(seconds: u64) {
    world(|world| world.now = seconds.saturating_mul(1_000_000_000));
}

/// Moves both clocks on.
pub fn advance(by: Duration) {
    let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    world(|world| {
        world.now = world.now.saturating_add(by);
        world.monotonic = world.monotonic.saturating_add(by);
    });
}

/// Declares a key set, or gives it new content. An empty string stands for one that has never been fetched.
pub fn set_keys(name: &str, jwks: &str) {
    world(|world| {
        let set = world.key_sets.entry(name.to_owned()).or_default();
        if !jwks.is_empty() {
            set.version += 1;
        }
        set.jwks = jwks.to_owned();
    });
}

/// Says whose keys those of a key set are, as if it were declared by its issuer.
pub fn set_key_issuer(name: &str, issuer: &str) {
    world(|world| {
        let set = world.key_sets.entry(name.to_owned()).or_default();
        set.issuer = Some(issuer.to_owned());
    });
}

/// What the key set answers to `refresh`.
pub fn allow_refresh(name: &str, allowed: bool) {
    world(|world| {
        world
            .key_sets
            .entry(name.to_owned())
            .or_default()
            .can_refresh = allowed;
    });
}

/// How often the plugin asked for a refresh.
pub fn refreshes(name: &str) -> u32 {
    world(|world| world.key_sets.get(name).map_or(0, |set| set.refreshes))
}

/// Declares descriptors, or gives them new content: a `google.protobuf.FileDescriptorSet`. The digest that the
/// plugin sees tells contents apart, and is not SHA-256 here.
pub fn set_descriptors(name: &str, bytes: &[u8]) {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let set = DescriptorSet {
        digest: format!("{:064x}", hasher.finish()),
        bytes: bytes.to_vec(),
    };
    world(|world| world.descriptors.insert(name.to_owned(), set));
}

/// Declares a file, or gives it new content. The digest that the plugin sees tells contents apart, and is not SHA-256
/// here.
pub fn set_file(name: &str, content: impl AsRef<[u8]>) {
    world(|world| {
        world
            .files
            .insert(name.to_owned(), content.as_ref().to_vec())
    });
}

/// How often a password check that begins from now on is still under way when it is asked for. A hash that fits is
/// `fake=` and the password.
pub fn delay_password_checks(polls: u32) {
    world(|world| world.check_waits = polls);
}

/// Whether password checks that begin from now on are refused as busy.
pub fn refuse_password_checks(refused: bool) {
    world(|world| world.checks_are_refused = refused);
}

/// How many password checks have begun.
pub fn password_checks() -> u32 {
    world(|world| world.checks)
}

/// Declares a secret, or gives it other versions, the newest first: at least one, each of at least 16 bytes. It can be
/// opened with the feature `testing-crypto`.
pub fn set_secret(name: &str, versions: &[&[u8]]) {
    let versions = versions.iter().map(|version| version.to_vec()).collect();
    world(|world| world.secrets.insert(name.to_owned(), versions));
}

/// The lines logged so far; they are not handed out again.
pub fn take_log() -> Vec<(Level, String)> {
    world(|world| std::mem::take(&mut world.lines))
}

/// The value of a series; 0 if it has none.
pub fn metric(name: &str, labels: &[(&str, &str)]) -> i64 {
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    world(|world| {
        let value = world.series.get(&(name.to_owned(), labels));
        value.copied().unwrap_or_default()
    })
}
