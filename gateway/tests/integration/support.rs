//! What the tests are made of: a real gateway process, upstreams, clients, certificates and tools.

pub(crate) mod auth_servers;
pub(crate) mod chromium;
pub(crate) mod client;
pub(crate) mod components;
pub(crate) mod descriptors;
pub(crate) mod documentation;
pub(crate) mod frames;
pub(crate) mod gateway;
pub(crate) mod issuer;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod ports;
pub(crate) mod raw;
pub(crate) mod samples;
pub(crate) mod shell;
pub(crate) mod tls;
pub(crate) mod tools;
pub(crate) mod upstream;

use std::{future::Future, time::Duration};

/// Longer than anything here takes, so that it only ends what hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that must happen soon.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} did not happen within {PATIENCE:?}"),
    }
}

/// Asks again and again, with a short rest between, until the answer is yes.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    soon(what, async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}
