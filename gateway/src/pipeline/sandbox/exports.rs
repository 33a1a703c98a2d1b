//! The functions that a plugin exports, found once per component and again, by index, per instance.

use wasmtime::{
    StoreContextMut,
    component::{
        Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, Resource,
        ResourceAny, TypedFunc, types::ComponentItem,
    },
};

use super::{
    admission::VERSION,
    bindings::{
        on_request, on_response,
        policy::Problem,
        types::{BodyAction, Failure},
    },
    phase::Phase,
    request::Request,
    response::Response,
    state::State,
    summary::Summary,
};

type Config = ResourceAny;
type GuestState = Option<ResourceAny>;
type Done<T> = (Result<T, Failure>,);

pub(super) type Parse = TypedFunc<(&'static str,), (Result<Config, Vec<Problem>>,)>;
pub(super) type Schema = TypedFunc<(), (String,)>;
pub(super) type OnRequest = TypedFunc<(Config, Resource<Request>), Done<on_request::Outcome>>;
pub(super) type OnRequestBody =
    TypedFunc<(Config, GuestState, Resource<Request>, &'static [u8], bool), Done<BodyAction>>;
pub(super) type OnResponse =
    TypedFunc<(Config, GuestState, Resource<Response>), Done<on_response::Verdict>>;
pub(super) type OnResponseBody =
    TypedFunc<(Config, GuestState, Resource<Response>, &'static [u8], bool), Done<BodyAction>>;
pub(super) type OnEnd = TypedFunc<(Config, GuestState, Resource<Summary>), ()>;
pub(super) type Interval = TypedFunc<(Config,), (u64,)>;
pub(super) type OnTick = TypedFunc<(Config,), Done<()>>;

/// Where a component exports its functions.
#[derive(Debug)]
pub(super) struct Indices {
    parse: ComponentExportIndex,
    schema: ComponentExportIndex,
    request: Option<ComponentExportIndex>,
    request_body: Option<ComponentExportIndex>,
    response: Option<ComponentExportIndex>,
    response_body: Option<ComponentExportIndex>,
    end: Option<ComponentExportIndex>,
    tick: Option<(ComponentExportIndex, ComponentExportIndex)>,
}

impl Indices {
    /// Fails with the name of the function that is missing.
    pub(super) fn find(component: &Component) -> Result<Self, String> {
        let policy = find(component, Phase::Configure, "[static]config.parse")?;
        let optional = |phase: Phase| {
            let interface = format!("witgate:plugin/{}@{VERSION}", phase.name());
            match component.get_export_index(None, interface.as_str()) {
                None => Ok(None),
                Some(_) => find(component, phase, "handle").map(Some),
            }
        };
        Ok(Self {
            parse: policy,
            schema: find(component, Phase::Configure, "[static]config.schema")?,
            request: optional(Phase::Request)?,
            request_body: optional(Phase::RequestBody)?,
            response: optional(Phase::Response)?,
            response_body: optional(Phase::ResponseBody)?,
            end: optional(Phase::End)?,
            tick: match optional(Phase::Tick)? {
                Some(handle) => Some((find(component, Phase::Tick, "interval")?, handle)),
                None => None,
            },
        })
    }
}

fn find(
    component: &Component,
    phase: Phase,
    function: &str,
) -> Result<ComponentExportIndex, String> {
    let interface = format!("witgate:plugin/{}@{VERSION}", phase.name());
    let instance = component.get_export_index(None, interface.as_str());
    let found = instance.and_then(|instance| component.get_export(Some(&instance), function));
    match found {
        Some((ComponentItem::ComponentFunc(_), index)) => Ok(index),
        _ => Err(format!("`{interface}` has no function `{function}`")),
    }
}

/// The functions of one instance.
#[derive(Clone, Copy)]
pub(super) struct Exports {
    pub(super) parse: Parse,
    pub(super) schema: Schema,
    pub(super) request: Option<OnRequest>,
    pub(super) request_body: Option<OnRequestBody>,
    pub(super) response: Option<OnResponse>,
    pub(super) response_body: Option<OnResponseBody>,
    pub(super) end: Option<OnEnd>,
    pub(super) tick: Option<(Interval, OnTick)>,
}

impl Exports {
    /// Fails when a function has another type than the world says.
    pub(super) fn load(
        mut store: StoreContextMut<'_, State>,
        instance: &Instance,
        indices: &Indices,
    ) -> wasmtime::Result<Self> {
        let store = &mut store;
        Ok(Self {
            parse: instance.get_typed_func(&mut *store, indices.parse)?,
            schema: instance.get_typed_func(&mut *store, indices.schema)?,
            request: optional(store, instance, indices.request.as_ref())?,
            request_body: optional(store, instance, indices.request_body.as_ref())?,
            response: optional(store, instance, indices.response.as_ref())?,
            response_body: optional(store, instance, indices.response_body.as_ref())?,
            end: optional(store, instance, indices.end.as_ref())?,
            tick: match &indices.tick {
                Some((interval, handle)) => Some((
                    instance.get_typed_func(&mut *store, interval)?,
                    instance.get_typed_func(&mut *store, handle)?,
                )),
                None => None,
            },
        })
    }
}

fn optional<P, R>(
    store: &mut StoreContextMut<'_, State>,
    instance: &Instance,
    index: Option<&ComponentExportIndex>,
) -> wasmtime::Result<Option<TypedFunc<P, R>>>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    index
        .map(|index| instance.get_typed_func(store, index))
        .transpose()
}
