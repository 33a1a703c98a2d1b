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
        insight, on_request, on_response,
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
pub(super) type OnRequest =
    TypedFunc<(Config, GuestState, Resource<Request>), Done<on_request::Outcome>>;
pub(super) type OnRequestBody =
    TypedFunc<(Config, GuestState, Resource<Request>, &'static [u8], bool), Done<BodyAction>>;
pub(super) type OnResponse =
    TypedFunc<(Config, GuestState, Resource<Response>), Done<on_response::Verdict>>;
pub(super) type OnResponseBody =
    TypedFunc<(Config, GuestState, Resource<Response>, &'static [u8], bool), Done<BodyAction>>;
pub(super) type OnEnd = TypedFunc<(Config, GuestState, Resource<Summary>), ()>;
pub(super) type Interval = TypedFunc<(Config,), (u64,)>;
pub(super) type OnTick = TypedFunc<(Config,), Done<()>>;
pub(super) type Warnings = TypedFunc<(Config,), (Vec<Problem>,)>;
pub(super) type Explain = TypedFunc<(Config, insight::Asked), (Option<String>,)>;
pub(super) type OpenApi = TypedFunc<(Config,), (Option<String>,)>;

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
    insight: Option<[ComponentExportIndex; 3]>,
}

/// No phase: its functions are called when somebody asks.
const INSIGHT: &str = "insight";

impl Indices {
    /// Fails with the name of the function that is missing.
    pub(super) fn find(component: &Component) -> Result<Self, String> {
        let policy = Phase::Configure.name();
        let optional = |phase: Phase| match exports(component, phase.name()) {
            false => Ok(None),
            true => find(component, phase.name(), "handle").map(Some),
        };
        Ok(Self {
            parse: find(component, policy, "[static]config.parse")?,
            schema: find(component, policy, "[static]config.schema")?,
            request: optional(Phase::Request)?,
            request_body: optional(Phase::RequestBody)?,
            response: optional(Phase::Response)?,
            response_body: optional(Phase::ResponseBody)?,
            end: optional(Phase::End)?,
            tick: match optional(Phase::Tick)? {
                Some(handle) => Some((find(component, Phase::Tick.name(), "interval")?, handle)),
                None => None,
            },
            insight: match exports(component, INSIGHT) {
                true => Some([
                    find(component, INSIGHT, "warnings")?,
                    find(component, INSIGHT, "explain")?,
                    find(component, INSIGHT, "openapi")?,
                ]),
                false => None,
            },
        })
    }

    /// Whether configurations can be asked about.
    pub(super) fn has_insight(&self) -> bool {
        self.insight.is_some()
    }
}

fn full(interface: &str) -> String {
    format!("witgate:plugin/{interface}@{VERSION}")
}

fn exports(component: &Component, interface: &str) -> bool {
    let index = component.get_export_index(None, full(interface).as_str());
    index.is_some()
}

fn find(
    component: &Component,
    interface: &str,
    function: &str,
) -> Result<ComponentExportIndex, String> {
    let interface = full(interface);
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
    pub(super) insight: Option<Insight>,
}

/// What can be asked about a configuration.
#[derive(Clone, Copy)]
pub(super) struct Insight {
    pub(super) warnings: Warnings,
    pub(super) explain: Explain,
    pub(super) openapi: OpenApi,
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
            insight: match &indices.insight {
                Some([warnings, explain, openapi]) => Some(Insight {
                    warnings: instance.get_typed_func(&mut *store, warnings)?,
                    explain: instance.get_typed_func(&mut *store, explain)?,
                    openapi: instance.get_typed_func(&mut *store, openapi)?,
                }),
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
