//! The resource `identity`, and what a request in a plugin's hands says and learns of who asks.

use std::sync::Arc;

use wasmtime::{
    StoreContextMut,
    component::{LinkerInstance, Resource, ResourceType, WasmStr},
};

use super::{
    bindings::types::{EditError, IdentityFields, Peer},
    request::Request,
    state::State,
    summary::Summary,
};
use crate::pipeline::identity::{self as shared, Certificate};

/// A plugin's handle on an identity.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Identity {
    who: Arc<shared::Identity>,
    /// The instance has made it, and may keep it: it counts among those.
    made: bool,
}

/// The identities that an instance has made and keeps, and how many it may.
#[derive(Debug, Default)]
pub(super) struct Kept {
    most: u32,
    most_bytes: u64,
    count: u32,
    bytes: u64,
}

impl Kept {
    pub(super) fn new(most: u32, most_bytes: u64) -> Self {
        Self {
            most,
            most_bytes,
            ..Self::default()
        }
    }

    fn add(&mut self, identity: &shared::Identity) -> Result<(), String> {
        if self.count >= self.most {
            let most = self.most;
            return Err(format!(
                "the instance has {most} identities already (`limits.identities`)"
            ));
        }
        let bytes = self.bytes + identity.weight() as u64;
        if bytes > self.most_bytes {
            let most = self.most_bytes;
            return Err(format!(
                "the instance's identities take more than {most} bytes (`limits.memory`)"
            ));
        }
        self.count += 1;
        self.bytes = bytes;
        Ok(())
    }

    fn remove(&mut self, identity: &shared::Identity) {
        self.count -= 1;
        self.bytes -= identity.weight() as u64;
    }
}

type Store<'a> = StoreContextMut<'a, State>;
type This = Resource<Identity>;
type Made = Result<Resource<Identity>, String>;

pub(super) fn link(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.resource("identity", ResourceType::host::<Identity>(), drop_handle)?;
    types.func_wrap(
        "[static]identity.new",
        |mut store: Store<'_>, (fields,): (IdentityFields,)| Ok((make(store.data_mut(), fields)?,)),
    )?;
    link_reads(types)?;
    link_request(types)?;
    types.func_wrap(
        "[method]summary.identity",
        |mut store: Store<'_>, (_,): (Resource<Summary>,)| Ok((known(store.data_mut())?,)),
    )
}

fn link_reads(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]identity.scheme",
        |store: Store<'_>, (this,): (This,)| Ok((who(&store, &this)?.scheme().to_owned(),)),
    )?;
    types.func_wrap(
        "[method]identity.subject",
        |store: Store<'_>, (this,): (This,)| {
            Ok((who(&store, &this)?.subject().map(str::to_owned),))
        },
    )?;
    types.func_wrap(
        "[method]identity.tenant",
        |store: Store<'_>, (this,): (This,)| Ok((who(&store, &this)?.tenant().map(str::to_owned),)),
    )?;
    types.func_wrap(
        "[method]identity.consumer",
        |store: Store<'_>, (this,): (This,)| {
            Ok((who(&store, &this)?.consumer().map(str::to_owned),))
        },
    )?;
    types.func_wrap(
        "[method]identity.issuer",
        |store: Store<'_>, (this,): (This,)| Ok((who(&store, &this)?.issuer().map(str::to_owned),)),
    )?;
    types.func_wrap(
        "[method]identity.scopes",
        |store: Store<'_>, (this,): (This,)| {
            Ok((who(&store, &this)?
                .scopes()
                .map(str::to_owned)
                .collect::<Vec<_>>(),))
        },
    )?;
    types.func_wrap(
        "[method]identity.claim",
        |store: Store<'_>, (this, pointer): (This, WasmStr)| {
            let pointer = pointer.to_str(&store)?;
            Ok((who(&store, &this)?.claim(&pointer),))
        },
    )
}

fn link_request(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]request.identity",
        |mut store: Store<'_>, (_,): (Resource<Request>,)| Ok((known(store.data_mut())?,)),
    )?;
    types.func_wrap(
        "[method]request.set-identity",
        |mut store: Store<'_>, (_, identity): (Resource<Request>, This)| {
            let identity = Arc::clone(&store.data().table.get(&identity)?.who);
            Ok((establish(store.data_mut(), identity),))
        },
    )?;
    types.func_wrap(
        "[method]request.peer",
        |store: Store<'_>, (_,): (Resource<Request>,)| {
            let about = store.data().call.about()?;
            Ok((about.certificate.as_deref().map(peer),))
        },
    )?;
    types.func_wrap(
        "[method]request.note",
        |mut store: Store<'_>, (_, kind): (Resource<Request>, WasmStr)| {
            let kind = kind.to_str(&store)?.into_owned();
            store.data_mut().call.findings.note(&kind);
            Ok(())
        },
    )
}

fn who<'a>(store: &'a Store<'_>, this: &This) -> wasmtime::Result<&'a shared::Identity> {
    Ok(&store.data().table.get(this)?.who)
}

fn make(state: &mut State, fields: IdentityFields) -> wasmtime::Result<Made> {
    let fields = shared::IdentityFields {
        scheme: fields.scheme,
        subject: fields.subject,
        tenant: fields.tenant,
        consumer: fields.consumer,
        issuer: fields.issuer,
        scopes: fields.scopes,
        claims: fields.claims,
    };
    let made = shared::Identity::new(fields).map_err(|error| error.to_string());
    let made = made.and_then(|who| state.identities.add(&who).map(|()| who));
    Ok(match made {
        Ok(who) => {
            let who = Arc::new(who);
            Ok(state.table.push(Identity { who, made: true })?)
        }
        Err(message) => Err(message),
    })
}

/// A handle on what is known of who asks.
fn known(state: &mut State) -> wasmtime::Result<Option<Resource<Identity>>> {
    let Some(who) = state.call.findings.current().cloned() else {
        return Ok(None);
    };
    Ok(Some(state.table.push(Identity { who, made: false })?))
}

fn establish(state: &mut State, identity: Arc<shared::Identity>) -> Result<(), EditError> {
    state.call.open_request()?;
    state.call.findings.establish(identity);
    Ok(())
}

fn drop_handle(mut store: Store<'_>, rep: u32) -> wasmtime::Result<()> {
    let state = store.data_mut();
    let dropped = state.table.delete(Resource::<Identity>::new_own(rep))?;
    if dropped.made {
        state.identities.remove(&dropped.who);
    }
    Ok(())
}

fn peer(certificate: &Certificate) -> Peer {
    Peer {
        spiffe_id: certificate.spiffe_id.as_deref().map(str::to_owned),
        dns_names: certificate
            .dns_names
            .iter()
            .map(|name| name.to_string())
            .collect(),
        subject: certificate.subject.to_string(),
        fingerprint: certificate.fingerprint.to_string(),
    }
}
