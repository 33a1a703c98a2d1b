//! An exchange in retrospect, as `on-end` sees it.

use std::{sync::Arc, time::Duration};

use wasmtime::component::{LinkerInstance, Resource, ResourceType};

pub use super::bindings::types::Ending;
use super::{bindings::types::Outcome, state::State};

/// How an exchange ended. The host's side of the resource `summary`.
#[derive(Clone, Debug)]
pub struct Summary {
    pub ending: Ending,
    /// What the client was told; none if it was told nothing.
    pub status: Option<u16>,
    pub duration: Duration,
    /// Until the response's head.
    pub time_to_head: Option<Duration>,
    /// The name of the upstream that was asked.
    pub upstream: Option<Arc<str>>,
    /// The URL of the endpoint that was asked last.
    pub endpoint: Option<Arc<str>>,
    /// Of a gRPC call that got as far as a status.
    pub grpc_status: Option<u8>,
    /// Of the answer that the gateway gave itself.
    pub code: Option<&'static str>,
}

impl Summary {
    pub fn new(ending: Ending) -> Self {
        Self {
            ending,
            status: None,
            duration: Duration::ZERO,
            time_to_head: None,
            upstream: None,
            endpoint: None,
            grpc_status: None,
            code: None,
        }
    }
}

pub(super) fn link(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.resource("summary", ResourceType::host::<Summary>(), |_, _| Ok(()))?;
    types.func_wrap("[method]summary.outcome", |store, (_,): (This,)| {
        let noted = !store.data().call.findings.notes.is_empty();
        summary(store.data(), |summary| Outcome {
            ending: summary.ending,
            status: summary.status,
            grpc_status: summary.grpc_status.map(u32::from),
            time_to_head: summary.time_to_head.map(nanos),
            noted,
        })
    })?;
    types.func_wrap("[method]summary.ending", |store, (_,): (This,)| {
        summary(store.data(), |summary| summary.ending)
    })?;
    types.func_wrap("[method]summary.status", |store, (_,): (This,)| {
        summary(store.data(), |summary| summary.status)
    })?;
    types.func_wrap("[method]summary.duration", |store, (_,): (This,)| {
        summary(store.data(), |summary| nanos(summary.duration))
    })?;
    types.func_wrap("[method]summary.time-to-head", |store, (_,): (This,)| {
        summary(store.data(), |summary| summary.time_to_head.map(nanos))
    })?;
    types.func_wrap("[method]summary.upstream", |store, (_,): (This,)| {
        summary(store.data(), |summary| {
            summary.upstream.as_deref().map(String::from)
        })
    })?;
    types.func_wrap("[method]summary.endpoint", |store, (_,): (This,)| {
        summary(store.data(), |summary| {
            summary.endpoint.as_deref().map(String::from)
        })
    })?;
    types.func_wrap("[method]summary.grpc-status", |store, (_,): (This,)| {
        summary(store.data(), |summary| summary.grpc_status.map(u32::from))
    })?;
    types.func_wrap("[method]summary.code", |store, (_,): (This,)| {
        summary(store.data(), |summary| summary.code.map(String::from))
    })?;
    types.func_wrap("[method]summary.notes", |store, (_,): (This,)| {
        let notes = &store.data().call.findings.notes;
        Ok((notes
            .iter()
            .map(|note| String::from(&**note))
            .collect::<Vec<_>>(),))
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

type This = Resource<Summary>;

fn summary<R>(state: &State, read: impl FnOnce(&Summary) -> R) -> wasmtime::Result<(R,)> {
    let summary = state.call.summary.as_ref();
    Ok((read(summary.ok_or_else(|| {
        wasmtime::format_err!("no exchange has ended")
    })?),))
}
