//! One running instance of a plugin: its store, its functions, and the configurations it has parsed.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant as Moment},
};

use wasmtime::{
    Store, Trap, UpdateDeadline,
    component::{ComponentNamedList, Lift, Lower, ResourceAny, TypedFunc},
};

use super::{
    bindings::policy::Problem,
    capabilities::{
        catalog::{Catalog, Opening},
        gates::Opened,
    },
    engine::TICK,
    exports::Exports,
    failure::FailureKind,
    phase::Phase,
    plugin::Plugin,
    settings::Settings,
    state::{Home, State},
    stats::Shard,
};

/// What starting an instance or parsing a configuration may take: more than a call, since it is done once.
const PREPARATION: Duration = Duration::from_secs(2);

/// Bytes of what is asked of a plugin about a configuration, as an OpenAPI document.
const LONGEST_ANSWER: usize = 16 << 20;

/// Calls before an instance that is nearly full of memory is replaced, so that a plugin whose own size is near
/// its limit is not started again and again.
const CALLS_BETWEEN_RESTARTS: u32 = 1_000;

pub(super) struct Instance {
    pub(super) store: Store<State>,
    pub(super) exports: Exports,
    parsed: Vec<Option<Parsed>>,
    shard: Arc<Shard>,
    time: Duration,
    waits: bool,
    most_calls: u32,
    calls: u32,
    /// A call has begun and not ended well: the store cannot be used again.
    poisoned: bool,
}

/// A configuration in the guest's memory.
struct Parsed {
    id: u64,
    settings: Weak<Settings>,
    resource: ResourceAny,
}

/// What goes into a function of a component.
pub(super) trait Params: ComponentNamedList + Lower {}

impl<T: ComponentNamedList + Lower> Params for T {}

/// What comes out of it.
pub(super) trait Results: ComponentNamedList + Lift + 'static {}

impl<T: ComponentNamedList + Lift + 'static> Results for T {}

impl Instance {
    pub(super) async fn start(plugin: &Plugin, home: &Arc<Home>) -> Result<Self, FailureKind> {
        let limits = &plugin.settings.limits;
        let state = State::new(Arc::clone(home), limits);
        let mut store = Store::new(plugin.pre.engine(), state);
        store.limiter(|state| &mut state.meter);
        store.set_hostcall_fuel(usize::try_from(limits.host_call).unwrap_or(usize::MAX));
        store.set_max_component_handles(limits.all_handles());
        if !plugin.waits {
            store.epoch_deadline_callback(|mut store| Ok(store.data_mut().budget.look()));
        }
        deadline(&mut store, plugin.waits, PREPARATION);
        let started = if plugin.waits {
            plugin.pre.instantiate_async(&mut store).await
        } else {
            plugin.pre.instantiate(&mut store)
        };
        let instance = started.map_err(|error| start_failure(&mut store, &error))?;
        let exports = Exports::load(
            wasmtime::AsContextMut::as_context_mut(&mut store),
            &instance,
            &plugin.indices,
        )
        .map_err(|error| FailureKind::Invalid(format!("{error:#}").into()))?;
        home.shard.started();
        Ok(Self {
            store,
            exports,
            parsed: Vec::new(),
            shard: Arc::clone(&home.shard),
            time: limits.time,
            waits: plugin.waits,
            most_calls: limits.calls,
            calls: 0,
            poisoned: false,
        })
    }

    /// Whether it should serve no exchange that does not depend on it.
    pub(super) fn is_spent(&self) -> bool {
        let full = self.store.data().meter.nearly_full() && self.calls >= CALLS_BETWEEN_RESTARTS;
        self.poisoned || self.calls >= self.most_calls || full
    }

    /// Whether it can serve at all.
    pub(super) fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Calls a phase.
    pub(super) async fn call<P: Params, R: Results>(
        &mut self,
        phase: Phase,
        function: TypedFunc<P, R>,
        params: P,
    ) -> Result<R, FailureKind> {
        self.begin(phase);
        self.run(self.time, function, params).await
    }

    /// The same for a plugin that cannot wait.
    pub(super) fn call_now<P: Params, R: Results>(
        &mut self,
        phase: Phase,
        function: TypedFunc<P, R>,
        params: P,
    ) -> Result<R, FailureKind> {
        self.begin(phase);
        self.run_now(self.time, function, params)
    }

    fn begin(&mut self, phase: Phase) {
        self.shard.called(phase);
        // What an earlier call asked for is not this one's to wait for.
        self.store.data_mut().arrivals.clear();
        self.calls += 1;
    }

    async fn run<P: Params, R: Results>(
        &mut self,
        time: Duration,
        function: TypedFunc<P, R>,
        params: P,
    ) -> Result<R, FailureKind> {
        if !self.waits {
            return self.run_now(time, function, params);
        }
        self.prepare(time);
        let call = function.call_async(&mut self.store, params);
        match Box::pin(tokio::time::timeout(time, call)).await {
            Ok(returned) => self.returned(returned),
            Err(_) => Err(FailureKind::Timeout("".into())),
        }
    }

    fn run_now<P: Params, R: Results>(
        &mut self,
        time: Duration,
        function: TypedFunc<P, R>,
        params: P,
    ) -> Result<R, FailureKind> {
        self.prepare(time);
        let returned = function.call(&mut self.store, params);
        self.returned(returned)
    }

    /// Poisoned before, clean after: what ends in between, by a trap or by a future that is dropped, stays so.
    fn prepare(&mut self, time: Duration) {
        self.poisoned = true;
        deadline(&mut self.store, self.waits, time);
    }

    fn returned<R>(&mut self, returned: wasmtime::Result<R>) -> Result<R, FailureKind> {
        match returned {
            Ok(returned) => {
                self.poisoned = false;
                Ok(returned)
            }
            Err(error) => Err(failure(&mut self.store, &error)),
        }
    }

    /// The plugin's judgement of a configuration, which may open these descriptors.
    pub(super) async fn parse(
        &mut self,
        json: &str,
        catalog: &Arc<Catalog>,
    ) -> Result<Result<ResourceAny, Vec<Problem>>, FailureKind> {
        let parse: TypedFunc<(&str,), _> = self.exports.parse;
        self.store.data_mut().schemas = Opening::of(catalog);
        self.store.data_mut().gates = Opened::begin();
        let parsed = self.run(PREPARATION, parse, (json,)).await;
        self.store.data_mut().schemas.catalog = None;
        self.store.data_mut().gates.open = false;
        let (parsed,) = parsed?;
        Ok(parsed)
    }

    /// A call away from all exchanges: it may take longer, and answer more.
    pub(super) async fn ask<P: Params, R: Results>(
        &mut self,
        function: TypedFunc<P, R>,
        params: P,
    ) -> Result<R, FailureKind> {
        let usual = self.store.hostcall_fuel();
        self.store.set_hostcall_fuel(LONGEST_ANSWER);
        let answer = self.run(PREPARATION, function, params).await;
        self.store.set_hostcall_fuel(usual);
        answer
    }

    pub(super) async fn schema(&mut self) -> Result<String, FailureKind> {
        let (schema,) = self.run(PREPARATION, self.exports.schema, ()).await?;
        Ok(schema)
    }

    /// A configuration as this instance has it; none if it was never asked for.
    pub(super) fn parsed(&self, settings: &Settings) -> Option<ResourceAny> {
        match self.parsed.get(settings.index) {
            Some(Some(parsed)) if parsed.id == settings.id => Some(parsed.resource),
            _ => None,
        }
    }

    /// A configuration as this instance has it, parsed when it is asked for the first time.
    pub(super) async fn configuration(
        &mut self,
        settings: &Arc<Settings>,
    ) -> Result<ResourceAny, FailureKind> {
        match self.parsed(settings) {
            Some(resource) => Ok(resource),
            None => self.configure(settings).await,
        }
    }

    async fn configure(&mut self, settings: &Arc<Settings>) -> Result<ResourceAny, FailureKind> {
        self.shard.called(Phase::Configure);
        let parsed = self.parse(&settings.json, &settings.schemas).await?;
        let resource = parsed.map_err(|problems| {
            let first = problems.into_iter().next().map(|problem| problem.message);
            let first = first.unwrap_or_default();
            FailureKind::Invalid(format!("a configuration it once accepted: {first}").into())
        })?;
        if self.parsed.len() <= settings.index {
            self.parsed.resize_with(settings.index + 1, || None);
        }
        let parsed = Parsed {
            id: settings.id,
            settings: Arc::downgrade(settings),
            resource,
        };
        if let Some(old) = self.parsed[settings.index].replace(parsed) {
            self.discard(old.resource).await?;
        }
        Ok(resource)
    }

    /// Gives up configurations that no chain holds any more.
    pub(super) async fn sweep(&mut self) -> Result<(), FailureKind> {
        for index in 0..self.parsed.len() {
            let dead = |parsed: &mut Parsed| parsed.settings.strong_count() == 0;
            if let Some(old) = self.parsed[index].take_if(dead) {
                self.discard(old.resource).await?;
            }
        }
        Ok(())
    }

    /// Runs the guest's destructor of a configuration or a state.
    pub(super) async fn discard(&mut self, resource: ResourceAny) -> Result<(), FailureKind> {
        if self.poisoned {
            return Ok(());
        }
        self.prepare(self.time);
        let dropped = if self.waits {
            let drop = resource.resource_drop_async(&mut self.store);
            match tokio::time::timeout(self.time, drop).await {
                Ok(dropped) => dropped,
                Err(_) => return Err(FailureKind::Timeout("".into())),
            }
        } else {
            resource.resource_drop(&mut self.store)
        };
        self.returned(dropped)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.shard.stopped();
    }
}

/// A guest that cannot wait is cut when it has run for so long. One that can is made to give way at every tick, so that a
/// long limit, meant for waiting, does not let it hold the worker.
fn deadline(store: &mut Store<State>, waits: bool, time: Duration) {
    store.data_mut().meter.take_refused();
    if !waits {
        let first = store.data_mut().budget.begin(time);
        store.set_epoch_deadline(first);
        return;
    }
    let end = Moment::now() + time + TICK;
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        Ok(if Moment::now() > end {
            UpdateDeadline::Interrupt
        } else {
            UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))
        })
    });
}

fn failure(store: &mut Store<State>, error: &wasmtime::Error) -> FailureKind {
    if let Some(Trap::Interrupt) = error.downcast_ref::<Trap>() {
        FailureKind::Timeout(format!("{error:?}").into())
    } else if store.data_mut().meter.take_refused() {
        FailureKind::Memory(format!("{error:?}").into())
    } else {
        FailureKind::Trap(format!("{error:?}").into())
    }
}

/// The pool's exhaustion is the gateway's lack, not the plugin's fault.
fn start_failure(store: &mut Store<State>, error: &wasmtime::Error) -> FailureKind {
    if error
        .downcast_ref::<wasmtime::PoolConcurrencyLimitError>()
        .is_some()
    {
        return FailureKind::Exhausted(format!("{error:#}").into());
    }
    failure(store, error)
}
