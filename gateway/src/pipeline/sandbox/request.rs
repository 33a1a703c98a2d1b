//! The resource `request`: the head of a request in a plugin's hands.

use http::{HeaderMap, Method, Uri, uri::PathAndQuery};
use wasmtime::{
    StoreContextMut,
    component::{LinkerInstance, Resource, ResourceType, WasmList, WasmStr},
};

use super::{
    bindings::types::EditError,
    fields::{self, Edit},
    state::{About, Call, State},
};

/// Names the resource to wasmtime. What it stands for is `Call::request`: there is one at a time.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Request;

/// A request's head in the store: it comes and goes by swapping, since moving a whole head costs more than most
/// plugins do with it.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestHead {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    /// Staged until the call returns.
    pub(super) new_method: Option<Method>,
    pub(super) new_path: Option<PathAndQuery>,
    /// The head has gone out: it can be read, no more edited.
    pub(super) sealed: bool,
    pub(super) trailers: Option<HeaderMap>,
}

/// A request, whole or taken apart.
pub trait AsRequest {
    fn method(&mut self) -> &mut Method;
    fn uri(&mut self) -> &mut Uri;
    fn headers(&mut self) -> &mut HeaderMap;
}

impl AsRequest for http::request::Parts {
    fn method(&mut self) -> &mut Method {
        &mut self.method
    }

    fn uri(&mut self) -> &mut Uri {
        &mut self.uri
    }

    fn headers(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }
}

impl<B> AsRequest for http::Request<B> {
    fn method(&mut self) -> &mut Method {
        self.method_mut()
    }

    fn uri(&mut self) -> &mut Uri {
        self.uri_mut()
    }

    fn headers(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }
}

impl RequestHead {
    /// Swaps the head with the request's; done twice, all is as before.
    pub(super) fn swap(&mut self, request: &mut impl AsRequest) {
        std::mem::swap(&mut self.method, request.method());
        std::mem::swap(&mut self.uri, request.uri());
        std::mem::swap(&mut self.headers, request.headers());
    }

    /// A copy to read from once the head has gone out.
    pub(super) fn sealed(parts: &http::request::Parts) -> Self {
        Self {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
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
            self.new_method = None;
            self.new_path = None;
        }
    }

    fn commit(&mut self, edits: &mut Vec<Edit>) {
        fields::apply(edits, &mut self.headers);
        if let Some(method) = self.new_method.take() {
            self.method = method;
        }
        if let Some(path) = self.new_path.take() {
            let mut parts = std::mem::take(&mut self.uri).into_parts();
            parts.path_and_query = Some(path);
            self.uri = Uri::from_parts(parts).expect("only the path of a whole URI was replaced");
        }
    }

    fn path_and_query(&self) -> Option<&PathAndQuery> {
        self.new_path.as_ref().or(self.uri.path_and_query())
    }

    fn authority(&self) -> String {
        let named = match self.uri.authority() {
            Some(authority) => authority.as_str(),
            None => {
                let host = self.headers.get(http::header::HOST);
                host.and_then(|host| host.to_str().ok()).unwrap_or_default()
            }
        };
        named.to_ascii_lowercase()
    }
}

impl Call {
    fn request(&self) -> wasmtime::Result<&RequestHead> {
        let head = self.request.get();
        head.ok_or_else(|| wasmtime::format_err!("there is no request in this phase"))
    }

    /// The head, when it can still be edited.
    pub(super) fn open_request(&mut self) -> Result<&mut RequestHead, EditError> {
        match self.request.get_mut() {
            Some(head) if !head.sealed => Ok(head),
            _ => Err(EditError::Sealed),
        }
    }

    pub(super) fn about(&self) -> wasmtime::Result<&About> {
        let about = self.about.as_deref();
        about.ok_or_else(|| wasmtime::format_err!("there is no exchange in this phase"))
    }
}

type This = Resource<Request>;
type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn link(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.resource("request", ResourceType::host::<Request>(), |_, _| Ok(()))?;
    link_reads(types)?;
    link_facts(types)?;
    link_edits(types)
}

fn link_reads(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]request.method",
        |store: Store<'_>, (_,): (This,)| {
            let head = store.data().call.request()?;
            Ok((head.new_method.as_ref().unwrap_or(&head.method).to_string(),))
        },
    )?;
    types.func_wrap(
        "[method]request.authority",
        |store: Store<'_>, (_,): (This,)| Ok((store.data().call.request()?.authority(),)),
    )?;
    types.func_wrap("[method]request.path", |store: Store<'_>, (_,): (This,)| {
        let path = store.data().call.request()?.path_and_query();
        Ok((path.map_or("/", PathAndQuery::path).to_owned(),))
    })?;
    types.func_wrap(
        "[method]request.query",
        |store: Store<'_>, (_,): (This,)| {
            let path = store.data().call.request()?.path_and_query();
            Ok((path.and_then(PathAndQuery::query).map(String::from),))
        },
    )?;
    types.func_wrap(
        "[method]request.header",
        |store: Store<'_>, (_, name): (This, WasmStr)| {
            let call = &store.data().call;
            let name = name.to_str(&store)?;
            Ok((fields::joined(&call.request()?.headers, &call.edits, &name),))
        },
    )?;
    types.func_wrap(
        "[method]request.header-values",
        |store: Store<'_>, (_, name): (This, WasmStr)| {
            let call = &store.data().call;
            let name = name.to_str(&store)?;
            Ok((fields::each(&call.request()?.headers, &call.edits, &name),))
        },
    )?;
    types.func_wrap(
        "[method]request.headers",
        |store: Store<'_>, (_,): (This,)| {
            let call = &store.data().call;
            Ok((fields::all(&call.request()?.headers, &call.edits),))
        },
    )?;
    types.func_wrap(
        "[method]request.trailer",
        |store: Store<'_>, (_, name): (This, WasmStr)| {
            let trailers = store.data().call.request()?.trailers.as_ref();
            let name = name.to_str(&store)?;
            Ok((trailers.and_then(|trailers| fields::joined(trailers, &[], &name)),))
        },
    )?;
    types.func_wrap(
        "[method]request.trailers",
        |store: Store<'_>, (_,): (This,)| {
            let trailers = store.data().call.request()?.trailers.as_ref();
            Ok((trailers.map_or_else(Vec::new, |trailers| fields::all(trailers, &[])),))
        },
    )
}

fn link_facts(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]request.scheme",
        |store: Store<'_>, (_,): (This,)| {
            let secure = store.data().call.about()?.secure;
            Ok((String::from(if secure { "https" } else { "http" }),))
        },
    )?;
    types.func_wrap(
        "[method]request.client-address",
        |store: Store<'_>, (_,): (This,)| Ok((store.data().call.about()?.client.ip().to_string(),)),
    )?;
    types.func_wrap("[method]request.id", |store: Store<'_>, (_,): (This,)| {
        Ok((String::from(store.data().call.about()?.id()),))
    })?;
    types.func_wrap(
        "[method]request.route",
        |store: Store<'_>, (_,): (This,)| Ok((String::from(&*store.data().call.about()?.route),)),
    )
}

fn link_edits(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]request.set-header",
        |mut store: Store<'_>, (_, name, value): (This, WasmStr, WasmList<u8>)| {
            let edit = field(&store, &name, &value, Edit::Set)?;
            Ok((stage(store.data_mut(), edit),))
        },
    )?;
    types.func_wrap(
        "[method]request.append-header",
        |mut store: Store<'_>, (_, name, value): (This, WasmStr, WasmList<u8>)| {
            let edit = field(&store, &name, &value, Edit::Append)?;
            Ok((stage(store.data_mut(), edit),))
        },
    )?;
    types.func_wrap(
        "[method]request.remove-header",
        |mut store: Store<'_>, (_, name): (This, WasmStr)| {
            let edit = field_name(&store, &name)?.map(Edit::Remove);
            Ok((stage(store.data_mut(), edit),))
        },
    )?;
    types.func_wrap(
        "[method]request.set-method",
        |mut store: Store<'_>, (_, method): (This, WasmStr)| {
            let method = parse_method(&method.to_str(&store)?);
            Ok((method.and_then(|method| {
                store.data_mut().call.open_request()?.new_method = Some(method);
                Ok(())
            }),))
        },
    )?;
    types.func_wrap(
        "[method]request.set-path",
        |mut store: Store<'_>, (_, path): (This, WasmStr)| {
            let path = parse_path(&path.to_str(&store)?);
            Ok((path.and_then(|path| {
                store.data_mut().call.open_request()?.new_path = Some(path);
                Ok(())
            }),))
        },
    )
}

/// One edit of a field from what lies in the guest's memory.
pub(super) fn field(
    store: &Store<'_>,
    name: &WasmStr,
    value: &WasmList<u8>,
    edit: fn(http::HeaderName, http::HeaderValue) -> Edit,
) -> wasmtime::Result<Result<Edit, EditError>> {
    let name = field_name(store, name)?;
    let value = fields::value(value.as_le_slice(store));
    Ok(name.and_then(|name| Ok(edit(name, value?))))
}

pub(super) fn field_name(
    store: &Store<'_>,
    name: &WasmStr,
) -> wasmtime::Result<Result<http::HeaderName, EditError>> {
    let text = name.to_str(store)?;
    Ok(store.data().names.borrow_mut().parse(&text))
}

fn stage(state: &mut State, edit: Result<Edit, EditError>) -> Result<(), EditError> {
    state.call.open_request()?;
    state.call.edits.push(edit?);
    Ok(())
}

/// `CONNECT` would turn the exchange into a tunnel.
fn parse_method(method: &str) -> Result<Method, EditError> {
    match Method::from_bytes(method.as_bytes()) {
        Ok(Method::CONNECT) => Err(EditError::Forbidden),
        Ok(method) => Ok(method),
        Err(_) => Err(EditError::Invalid),
    }
}

fn parse_path(path: &str) -> Result<PathAndQuery, EditError> {
    if !path.starts_with('/') || path.contains('#') {
        return Err(EditError::Invalid);
    }
    path.parse().map_err(|_| EditError::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_replaced_and_the_authority_stays() {
        for uri in ["http://a.example/x?y", "/x?y"] {
            let mut head = RequestHead {
                uri: uri.parse().unwrap(),
                ..Default::default()
            };
            head.new_path = Some(parse_path("/new?q=1").unwrap());
            head.commit(&mut Vec::new());
            assert_eq!(head.uri.path_and_query().unwrap(), "/new?q=1");
            assert_eq!(head.uri.authority().is_some(), uri.starts_with("http"));
        }
    }

    #[test]
    fn bad_paths_and_methods_are_refused() {
        for path in ["", "x", "//a b", "/a#b", "/a\nb"] {
            assert!(parse_path(path).is_err(), "{path}");
        }
        assert!(matches!(parse_method("CONNECT"), Err(EditError::Forbidden)));
        assert!(matches!(parse_method("G T"), Err(EditError::Invalid)));
        assert!(parse_method("PURGE").is_ok());
    }
}
