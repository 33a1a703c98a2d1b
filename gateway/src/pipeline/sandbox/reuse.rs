//! Decisions that are reused (`reuse` of `wit/types.wit`): what a plugin decided for one value of a header field is carried
//! out for the same value again, without a call.
//!
//! The plugin offers it in `on-request` ([`Offer`]); a worker stores it when that call has ended well ([`Decisions`]), until
//! its time is over or anything that plugins rely on has changed ([`Epoch`]).

mod epoch;
mod store;

use std::{ops::Range, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue};
use wasmtime::{
    StoreContextMut,
    component::{LinkerInstance, Resource, WasmStr},
};

use super::{
    bindings::types::EditError,
    fields::Edit,
    request::{Request, field_name},
    state::{Call, State},
};
use crate::pipeline::identity::Identity;

pub(super) use epoch::Epoch;
pub(super) use store::{Decision, Decisions};

/// Bytes of a value; longer ones are judged every time.
const LONGEST: usize = 8 << 10;

/// Bytes of what is edited; more is done by the plugin every time.
const MOST_EDITS: usize = 16 << 10;

/// What the current call lets the gateway reuse, if it ends well.
#[derive(Debug)]
pub(super) struct Offer {
    field: HeaderName,
    value: Box<[u8]>,
    /// In seconds since 1970.
    span: Range<u64>,
    /// Decisions of one configuration that a worker stores.
    most: u32,
    edits: Box<[Edit]>,
    identity: Option<Arc<Identity>>,
}

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn link(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]request.reuse",
        |mut store: Store<'_>,
         (_, field, from, to, most): (Resource<Request>, WasmStr, u64, u64, u32)| {
            let field = field_name(&store, &field)?;
            let call = &mut store.data_mut().call;
            Ok((field.and_then(|field| call.offer(field, from..to, most)),))
        },
    )
}

impl Call {
    fn offer(&mut self, field: HeaderName, span: Range<u64>, most: u32) -> Result<(), EditError> {
        let identity = self.findings.established().cloned();
        let head = self.open_request()?;
        let moved = head.new_method.is_some() || head.new_path.is_some();
        let value = only(&head.headers, &field).map(HeaderValue::as_bytes);
        let value = value.filter(|value| value.len() <= LONGEST && most > 0 && !moved);
        let value = value.map(Box::<[u8]>::from);
        let small = self.edits.iter().map(Edit::weight).sum::<usize>() <= MOST_EDITS;
        self.offer = value.filter(|_| small).map(|value| {
            Box::new(Offer {
                field,
                value,
                span,
                most,
                edits: self.edits.clone().into(),
                identity,
            })
        });
        Ok(())
    }
}

/// The value of a field that is there once.
fn only<'h>(headers: &'h HeaderMap, field: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(field).iter();
    let first = values.next()?;
    values.next().is_none().then_some(first)
}
