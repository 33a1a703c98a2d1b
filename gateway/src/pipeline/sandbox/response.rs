//! The resource `response`: the head of a response in a plugin's hands, and its trailers.

use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, HeaderMap, StatusCode};
use wasmtime::{
    StoreContextMut,
    component::{LinkerInstance, Resource, ResourceType, WasmList, WasmStr},
};

use super::{
    bindings::types::EditError,
    body::KeepAlive,
    fields::{self, Edit},
    request::{field, field_name},
    state::{Call, State},
};

/// Names the resource to wasmtime. What it stands for is `Call::response`: there is one at a time.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Response;

/// A response's head in the store; like the request's, it comes and goes by swapping.
#[derive(Clone, Debug, Default)]
pub(super) struct ResponseHead {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Staged until the call returns.
    pub(super) new_status: Option<StatusCode>,
    /// The head has gone out: it can be read, no more edited.
    pub(super) sealed: bool,
    /// Those received, once the body has ended.
    pub(super) trailers: Option<HeaderMap>,
    /// The call is one for the body: trailers can be edited.
    pub(super) in_body: bool,
    /// What is to be sent while the body's sender is silent.
    pub(super) keep_alive: Option<KeepAlive>,
}

/// A response, whole or taken apart.
pub trait AsResponse {
    fn status(&mut self) -> &mut StatusCode;
    fn headers(&mut self) -> &mut HeaderMap;
    fn extensions(&mut self) -> &mut Extensions;
}

impl AsResponse for http::response::Parts {
    fn status(&mut self) -> &mut StatusCode {
        &mut self.status
    }

    fn headers(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    fn extensions(&mut self) -> &mut Extensions {
        &mut self.extensions
    }
}

impl<B> AsResponse for http::Response<B> {
    fn status(&mut self) -> &mut StatusCode {
        self.status_mut()
    }

    fn headers(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    fn extensions(&mut self) -> &mut Extensions {
        self.extensions_mut()
    }
}

impl ResponseHead {
    /// Swaps the head with the response's; done twice, all is as before.
    pub(super) fn swap(&mut self, response: &mut impl AsResponse) {
        std::mem::swap(&mut self.status, response.status());
        std::mem::swap(&mut self.headers, response.headers());
    }

    /// A copy to read from once the head has gone out.
    pub(super) fn sealed(parts: &http::response::Parts) -> Self {
        Self {
            status: parts.status,
            headers: parts.headers.clone(),
            sealed: true,
            ..Self::default()
        }
    }

    /// After a call: carries out what was staged if it succeeded, forgets it if not.
    pub(super) fn settle(&mut self, edits: &mut Vec<Edit>, succeeded: bool) {
        if succeeded {
            self.commit(edits);
        } else {
            edits.clear();
            self.new_status = None;
            self.keep_alive = None;
        }
    }

    fn commit(&mut self, edits: &mut Vec<Edit>) {
        fields::apply(edits, &mut self.headers);
        if let Some(status) = self.new_status.take() {
            self.status = status;
        }
    }
}

impl Call {
    fn response(&self) -> wasmtime::Result<&ResponseHead> {
        let head = self.response.get();
        head.ok_or_else(|| wasmtime::format_err!("there is no response in this phase"))
    }

    /// The head, when it can still be edited.
    fn open_response(&mut self) -> Result<&mut ResponseHead, EditError> {
        match self.response.get_mut() {
            Some(head) if !head.sealed => Ok(head),
            _ => Err(EditError::Sealed),
        }
    }

    fn stage(&mut self, edit: Result<Edit, EditError>) -> Result<(), EditError> {
        self.open_response()?;
        self.edits.push(edit?);
        Ok(())
    }

    fn stage_trailer(&mut self, edit: Result<Edit, EditError>) -> Result<(), EditError> {
        match self.response.get() {
            Some(head) if head.in_body => self.trailer_edits.push(edit?),
            _ => return Err(EditError::Sealed),
        }
        Ok(())
    }
}

/// Bytes of what is sent in a silence.
const MOST_KEEP_ALIVE: usize = 1024;
const SHORTEST_SILENCE: Duration = Duration::from_millis(100);
const LONGEST_SILENCE: Duration = Duration::from_secs(24 * 60 * 60);

type This = Resource<Response>;
type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn link(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.resource("response", ResourceType::host::<Response>(), |_, _| Ok(()))?;
    link_reads(types)?;
    link_edits(types)?;
    link_keep_alive(types)?;
    link_trailers(types)
}

fn link_reads(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]response.status",
        |store: Store<'_>, (_,): (This,)| {
            let head = store.data().call.response()?;
            Ok((head.new_status.unwrap_or(head.status).as_u16(),))
        },
    )?;
    types.func_wrap(
        "[method]response.header",
        |store: Store<'_>, (_, name): (This, WasmStr)| {
            let call = &store.data().call;
            let name = name.to_str(&store)?;
            Ok((fields::joined(
                &call.response()?.headers,
                &call.edits,
                &name,
            ),))
        },
    )?;
    types.func_wrap(
        "[method]response.header-values",
        |store: Store<'_>, (_, name): (This, WasmStr)| {
            let call = &store.data().call;
            let name = name.to_str(&store)?;
            Ok((fields::each(&call.response()?.headers, &call.edits, &name),))
        },
    )?;
    types.func_wrap(
        "[method]response.headers",
        |store: Store<'_>, (_,): (This,)| {
            let call = &store.data().call;
            Ok((fields::all(&call.response()?.headers, &call.edits),))
        },
    )
}

fn link_edits(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]response.set-status",
        |mut store: Store<'_>, (_, status): (This, u16)| {
            let status = StatusCode::from_u16(status)
                .ok()
                .filter(|status| is_final(*status));
            Ok((status.ok_or(EditError::Invalid).and_then(|status| {
                store.data_mut().call.open_response()?.new_status = Some(status);
                Ok(())
            }),))
        },
    )?;
    types.func_wrap(
        "[method]response.set-header",
        |mut store: Store<'_>, (_, name, value): (This, WasmStr, WasmList<u8>)| {
            let edit = field(&store, &name, &value, Edit::Set)?;
            Ok((store.data_mut().call.stage(edit),))
        },
    )?;
    types.func_wrap(
        "[method]response.append-header",
        |mut store: Store<'_>, (_, name, value): (This, WasmStr, WasmList<u8>)| {
            let edit = field(&store, &name, &value, Edit::Append)?;
            Ok((store.data_mut().call.stage(edit),))
        },
    )?;
    types.func_wrap(
        "[method]response.remove-header",
        |mut store: Store<'_>, (_, name): (This, WasmStr)| {
            let edit = field_name(&store, &name)?.map(Edit::Remove);
            Ok((store.data_mut().call.stage(edit),))
        },
    )
}

fn link_keep_alive(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]response.keep-alive",
        |mut store: Store<'_>, (_, after, bytes): (This, u64, WasmList<u8>)| {
            let bytes = bytes.as_le_slice(&store);
            if bytes.is_empty() || bytes.len() > MOST_KEEP_ALIVE {
                return Ok((Err(EditError::Invalid),));
            }
            let wanted = KeepAlive {
                after: Duration::from_millis(after).clamp(SHORTEST_SILENCE, LONGEST_SILENCE),
                bytes: Bytes::copy_from_slice(bytes),
            };
            let staged = match store.data_mut().call.open_response() {
                Ok(head) if !head.in_body => {
                    head.keep_alive = Some(wanted);
                    Ok(())
                }
                _ => Err(EditError::Sealed),
            };
            Ok((staged,))
        },
    )
}

fn link_trailers(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]response.trailer",
        |store: Store<'_>, (_, name): (This, WasmStr)| {
            let call = &store.data().call;
            let head = call.response()?;
            let name = name.to_str(&store)?;
            let none = HeaderMap::new();
            let received = head.trailers.as_ref().unwrap_or(&none);
            Ok((fields::joined(received, &call.trailer_edits, &name),))
        },
    )?;
    types.func_wrap(
        "[method]response.trailers",
        |store: Store<'_>, (_,): (This,)| {
            let call = &store.data().call;
            let none = HeaderMap::new();
            let received = call.response()?.trailers.as_ref().unwrap_or(&none);
            Ok((fields::all(received, &call.trailer_edits),))
        },
    )?;
    types.func_wrap(
        "[method]response.set-trailer",
        |mut store: Store<'_>, (_, name, value): (This, WasmStr, WasmList<u8>)| {
            let edit = field(&store, &name, &value, Edit::Set)?;
            Ok((store.data_mut().call.stage_trailer(edit),))
        },
    )?;
    types.func_wrap(
        "[method]response.remove-trailer",
        |mut store: Store<'_>, (_, name): (This, WasmStr)| {
            let edit = field_name(&store, &name)?.map(Edit::Remove);
            Ok((store.data_mut().call.stage_trailer(edit),))
        },
    )
}

/// 200 to 599: an interim response (RFC 9110 section 15.2) is not an answer.
pub(super) fn is_final(status: StatusCode) -> bool {
    (200..600).contains(&status.as_u16())
}
