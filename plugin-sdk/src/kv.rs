//! Capability `kv`: a memory that all instances of one plugin share, on every worker, and that survives reloads and the
//! instances' deaths, not the gateway's.
//!
//! At most 16 MiB and 100,000 entries per plugin, of which those not used longest give way first: what is in it may be
//! gone at any time.
//!
//! What many want and one should fetch is asked for with [`get_or_claim`]:
//!
//! ```
//! use std::time::Duration;
//! use witgate_plugin::kv::{self, Entry};
//!
//! const LEASE: Duration = Duration::from_secs(10);
//!
//! async fn greeting() -> Vec<u8> {
//!     match kv::get_or_claim("greeting", LEASE).await {
//!         Entry::Value(known) => known,
//!         Entry::Claimed(_claim) => {
//!             let greeting = fetch().await;
//!             kv::set("greeting", &greeting, Duration::from_secs(60));
//!             greeting
//!         } // Now the claim is free again.
//!     }
//! }
//! # async fn fetch() -> Vec<u8> { b"hello".to_vec() }
//! ```

use std::{future::poll_fn, task::Poll, time::Duration};

use crate::backend;

/// What is remembered under this key, which has at most 256 bytes.
pub fn get(key: &str) -> Option<Vec<u8>> {
    backend::kv_get(key)
}

/// Remembers a value of at most 64 KiB for so long, at least a millisecond. False, and nothing is remembered, when key or
/// value is too long.
pub fn set(key: &str, value: &[u8], ttl: Duration) -> bool {
    backend::kv_set(key, value, millis(ttl))
}

/// Remembers a value until room is needed.
pub fn keep(key: &str, value: &[u8]) -> bool {
    backend::kv_set(key, value, 0)
}

pub fn delete(key: &str) {
    backend::kv_delete(key);
}

/// The right to do something that is done once for all. It keeps nobody from [`set`]. Free again when it is dropped,
/// also with the exchange or the instance that holds it, and when its lease is over.
pub struct Claim {
    _handle: backend::Claim,
}

impl Claim {
    /// None when somebody has it. In an exchange that answers [`Verdict::Again`](crate::Verdict::Again) then, the gateway
    /// calls again when it is free, or when the key is set.
    pub fn try_acquire(key: &str, lease: Duration) -> Option<Self> {
        let handle = backend::Claim::acquire(key, millis(lease))?;
        Some(Self { _handle: handle })
    }

    /// Waits until it can be had. See [`task`](crate::task).
    pub async fn acquire(key: &str, lease: Duration) -> Self {
        poll_fn(|_| match Self::try_acquire(key, lease) {
            Some(claim) => Poll::Ready(claim),
            None => Poll::Pending,
        })
        .await
    }
}

/// What [`get_or_claim`] found.
pub enum Entry {
    /// What is remembered.
    Value(Vec<u8>),
    /// Nothing is remembered, and now it is for whoever has this to see to it; others wait meanwhile.
    Claimed(Claim),
}

/// The value of a key, or the claim to find it out: while somebody else has that, it waits. See [`task`](crate::task).
pub async fn get_or_claim(key: &str, lease: Duration) -> Entry {
    poll_fn(|_| {
        if let Some(value) = get(key) {
            return Poll::Ready(Entry::Value(value));
        }
        let claim = Claim::try_acquire(key, lease);
        // Between the two it may have been set.
        match (get(key), claim) {
            (Some(value), _) => Poll::Ready(Entry::Value(value)),
            (None, Some(claim)) => Poll::Ready(Entry::Claimed(claim)),
            (None, None) => Poll::Pending,
        }
    })
    .await
}

/// At least one: 0 means no limit.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
