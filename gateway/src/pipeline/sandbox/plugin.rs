//! One installed component, ready to be instantiated.

use std::{
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use wasmtime::component::{InstancePre, ResourceAny};

use super::{
    admission::{self, Refusal},
    bindings::{insight, policy::Problem},
    block_on::block_on,
    capabilities::catalog::Catalog,
    compile::ContentHash,
    exports::{Indices, Insight},
    failure::FailureKind,
    grants::Grants,
    host::{CONTROL, Host},
    instance::Instance,
    link,
    phase::Phases,
    settings::{Accepted, Settings, Shelf},
    state::{Home, State},
    stats::PluginStats,
};
use crate::config::raw::{self, Isolation, OnFailure};
use crate::pipeline::gate::Gates;

/// An installed component: compiled, checked against its grants, linked.
pub struct Plugin {
    pub(super) name: Arc<str>,
    pub(super) settings: Policy,
    pub(super) hash: ContentHash,
    /// Counts the components that this process has loaded.
    pub(super) generation: u64,
    pub(super) phases: Phases,
    pub(super) waits: bool,
    pub(super) pre: InstancePre<State>,
    pub(super) indices: Indices,
    /// Where workers keep their instances of it.
    pub(super) slot: usize,
    pub(super) shelf: Arc<Shelf>,
    schema: String,
    stats: Arc<PluginStats>,
    host: Arc<Host>,
    /// An instance that judges configurations, away from all traffic; and what it lives in.
    judge: Mutex<Option<Instance>>,
    pub(super) home: Arc<Home>,
}

/// What `witgate.yaml` says about a plugin besides its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) grants: Grants,
    pub(super) on_failure: OnFailure,
    pub(super) isolation: Isolation,
    pub(super) limits: Limits,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) time: Duration,
    pub(super) wait: Duration,
    pub(super) memory: u64,
    pub(super) table: u32,
    pub(super) handles: u32,
    pub(super) identities: u32,
    pub(super) host_call: u64,
    pub(super) body: u64,
    pub(super) calls: u32,
}

impl Limits {
    /// Identities are kept for long, and leave the room for all else as it is.
    pub(super) fn all_handles(&self) -> usize {
        self.handles.saturating_add(self.identities) as usize
    }
}

impl From<&raw::Plugin> for Policy {
    fn from(raw: &raw::Plugin) -> Self {
        Self {
            grants: Grants::new(&raw.grants),
            on_failure: raw.on_failure,
            isolation: raw.isolation,
            limits: Limits {
                time: raw.limits.time.0,
                wait: raw.limits.wait.0,
                memory: raw.limits.memory.0,
                table: raw.limits.table,
                handles: raw.limits.handles,
                identities: raw.limits.identities,
                host_call: raw.limits.host_call.0,
                body: raw.limits.body.0,
                calls: raw.limits.calls,
            },
        }
    }
}

/// What a plugin says of a configuration.
pub(super) enum Judgement {
    Accepted(Arc<Settings>),
    Refused(Vec<Problem>),
    /// It needs descriptors that are not there yet.
    Awaits {
        why: Arc<str>,
        /// Those that it asked for.
        schemas: Arc<Catalog>,
    },
}

static GENERATION: AtomicU64 = AtomicU64::new(1);

impl Plugin {
    /// Compiles, checks, links and starts it once.
    pub(super) fn load(
        host: &Arc<Host>,
        name: &Arc<str>,
        settings: Policy,
        bytes: &[u8],
        hash: ContentHash,
    ) -> Result<Self, Refusal> {
        admission::inspect_bytes(bytes)?;
        host.start_clock()
            .map_err(|error| Refusal::Misfit(format!("{error:#}")))?;
        let component = host
            .component(bytes, &hash)
            .map_err(|error| Refusal::NotValid(format!("{error:#}")))?;
        let shape = admission::inspect(&host.engine, &component, &settings.grants)?;
        let misfit = |error: wasmtime::Error| Refusal::Misfit(format!("{error:#}"));
        let pre = link::linker(&host.engine, &component, shape.waits)
            .and_then(|linker| linker.instantiate_pre(&component))
            .map_err(misfit)?;
        let indices = Indices::find(&component).map_err(Refusal::Misfit)?;
        let stats = host.registry.plugin(name);
        stats.generations.fetch_add(1, Relaxed);
        let home = Arc::new(Home {
            plugin: Arc::clone(name),
            worker: CONTROL,
            grants: settings.grants.clone(),
            keys: Arc::clone(&host.keys),
            limits: Arc::clone(&host.limits),
            passwords: Arc::clone(&host.passwords),
            secrets: Arc::clone(&host.secrets),
            http_clients: Arc::clone(&host.http_clients),
            memory: host.memories.of(name),
            shard: stats.shard(),
            stats: Arc::clone(&stats),
        });
        let mut plugin = Self {
            name: Arc::clone(name),
            settings,
            hash,
            generation: GENERATION.fetch_add(1, Relaxed),
            phases: shape.phases,
            waits: shape.waits,
            pre,
            indices,
            slot: host.take_slot(),
            shelf: Arc::new(Shelf::new(host)),
            schema: String::new(),
            stats,
            host: Arc::clone(host),
            judge: Mutex::new(None),
            home,
        };
        plugin.schema =
            plugin
                .judged(async |judge| judge.schema().await)
                .map_err(|kind| match kind {
                    FailureKind::Invalid(what) => Refusal::Misfit(what.to_string()),
                    kind => Refusal::Start(kind),
                })?;
        Ok(plugin)
    }

    /// The gates of all plugins.
    pub(super) fn gates(&self) -> &Gates {
        &self.host.gates
    }

    /// The name in `witgate.yaml`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The phases that it takes part in.
    pub fn phases(&self) -> Phases {
        self.phases
    }

    /// What it was granted.
    pub fn grants(&self) -> &Grants {
        &self.settings.grants
    }

    /// SHA-256 of its file.
    pub fn content_hash(&self) -> &[u8] {
        &self.hash
    }

    /// Counts the components that this process has loaded.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The JSON Schema of its configuration.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The living configuration with this JSON, or a new one that the plugin has accepted.
    pub(super) fn settings_for(
        &self,
        json: &str,
        catalog: &Arc<Catalog>,
    ) -> Result<Judgement, FailureKind> {
        if let Some(settings) = self.shelf.get(json)
            && settings
                .opened
                .iter()
                .all(|(capability, name)| self.host.declares(*capability, name))
            && !settings.is_outdated(catalog)
        {
            return Ok(Judgement::Accepted(settings));
        }
        self.judged(async |judge| {
            judge.store.data_mut().opened.clear();
            let judged = judge.parse(json, catalog).await?;
            let state = judge.store.data_mut();
            let opened = mem::take(&mut state.opened);
            let asked = mem::take(&mut state.schemas.asked);
            let gates = mem::take(&mut state.gates.gates);
            let resource = match judged {
                Ok(resource) => resource,
                Err(problems) => {
                    let awaited = asked.iter().find_map(|name| catalog.awaits(name));
                    return Ok(match awaited {
                        Some(why) => Judgement::Awaits {
                            why: Arc::clone(why),
                            schemas: Arc::new(catalog.only(&asked)),
                        },
                        None => Judgement::Refused(problems),
                    });
                }
            };
            let warnings = match judge.exports.insight {
                Some(insight) => judge.ask(insight.warnings, (resource,)).await?.0,
                None => Vec::new(),
            };
            judge.discard(resource).await?;
            let accepted = Accepted {
                opened: opened.into_iter().collect(),
                schemas: Arc::new(catalog.only(&asked)),
                gates: gates.into(),
                warnings: warnings.into(),
            };
            Ok(Judgement::Accepted(self.shelf.put(json, accepted)))
        })
    }

    /// What the plugin says about a request, as JSON; none if it has nothing to say.
    pub(super) fn explain(
        &self,
        settings: &Settings,
        asked: insight::Asked,
    ) -> Result<Option<String>, FailureKind> {
        self.asked(settings, async |judge, insight, config| {
            let (answer,) = judge.ask(insight.explain, (config, asked)).await?;
            Ok(answer)
        })
    }

    /// The API that clients see, as an OpenAPI document in JSON; none if it makes none.
    pub(super) fn openapi(&self, settings: &Settings) -> Result<Option<String>, FailureKind> {
        self.asked(settings, async |judge, insight, config| {
            let (answer,) = judge.ask(insight.openapi, (config,)).await?;
            Ok(answer)
        })
    }

    /// Asks about a living configuration, if the plugin can be asked at all.
    fn asked(
        &self,
        settings: &Settings,
        ask: impl AsyncFnOnce(
            &mut Instance,
            Insight,
            ResourceAny,
        ) -> Result<Option<String>, FailureKind>
        + Send,
    ) -> Result<Option<String>, FailureKind> {
        if !self.indices.has_insight() {
            return Ok(None);
        }
        let answer = self.judged(async |judge| {
            let Some(insight) = judge.exports.insight else {
                return Ok(None);
            };
            let parsed = judge.parse(&settings.json, &settings.schemas).await?;
            let Ok(config) = parsed else {
                let what = "it refuses a configuration that it once accepted";
                return Err(FailureKind::Invalid(what.into()));
            };
            let answer = ask(judge, insight, config).await?;
            judge.discard(config).await?;
            Ok(answer)
        });
        self.dismiss_judge();
        answer
    }

    /// Runs something in the judge, who is replaced when spent. The control thread waits for it.
    fn judged<R: Send>(
        &self,
        run: impl AsyncFnOnce(&mut Instance) -> Result<R, FailureKind> + Send,
    ) -> Result<R, FailureKind> {
        let mut judge = self.judge.lock().unwrap_or_else(PoisonError::into_inner);
        let judge = &mut *judge;
        block_on(self.waits, async || {
            if judge.as_ref().is_none_or(Instance::is_spent) {
                *judge = Some(Instance::start(self, &self.home).await?);
            }
            let instance = judge.as_mut().expect("started above");
            run(instance).await
        })
    }

    /// The judge's memory is given back when a load is done.
    pub(super) fn dismiss_judge(&self) {
        *self.judge.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        self.stats.generations.fetch_sub(1, Relaxed);
        self.host.give_back_slot(self.slot);
        self.host.wake_workers();
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plugin({}, generation {})", self.name, self.generation)
    }
}
