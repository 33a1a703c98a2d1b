//! Files that did not change: they stay as they are, unless what their routes refer to is not what it was.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::Build;
use crate::{
    config::raw::{self, Capability},
    pipeline::{
        route::Report,
        sandbox::{Catalog, Plugin, Plugins, declared_names},
    },
    snapshot::{Inputs, Route, Settings, Snapshot, route::Draft, unit::Unit},
};

/// What routes refer to, and is not what it was.
#[derive(Default)]
pub(super) struct Changes {
    /// Settings that every route takes something from.
    settings: bool,
    pub(super) upstreams: HashSet<Arc<str>>,
    plugins: HashSet<Arc<str>>,
    /// What is declared no more: the plugins that open it have to say what they think of it.
    gone: BTreeSet<(Capability, Arc<str>)>,
    /// Names of rate limits.
    limits: BTreeSet<Arc<str>>,
    /// Another catalog of descriptors.
    catalog: Option<Arc<Catalog>>,
}

impl Changes {
    /// All but those of upstreams, which are found as these are compiled.
    pub(super) fn between(previous: &Snapshot, inputs: &Inputs, settings: &Settings) -> Self {
        Self {
            settings: previous.settings.of_routes() != settings.of_routes(),
            upstreams: HashSet::new(),
            plugins: changed_plugins(&previous.plugins, &inputs.plugins),
            gone: gone(&previous.gateway, &inputs.gateway.raw),
            limits: previous.limiters.differences(&inputs.limiters),
            catalog: Some(&inputs.catalog)
                .filter(|now| !previous.catalog.differences(now).is_empty())
                .cloned(),
        }
    }

    fn none(&self) -> bool {
        let Self {
            settings,
            upstreams,
            plugins,
            gone,
            limits,
            catalog,
        } = self;
        let same_plugins = plugins.is_empty() && gone.is_empty() && catalog.is_none();
        !settings && upstreams.is_empty() && limits.is_empty() && same_plugins
    }

    /// Whether a look at its routes is worth while.
    fn may_concern(&self, unit: &Unit) -> bool {
        self.settings
            || unit.uses_any(&self.upstreams, &self.plugins)
            || (self.are_of_plugins() && unit.has_plugins())
            || (!self.limits.is_empty() && unit.has_limits())
    }

    fn are_of_plugins(&self) -> bool {
        !self.gone.is_empty() || self.catalog.is_some()
    }

    fn concern(&self, route: &Route) -> bool {
        let upstream = || {
            let mut upstreams = route.upstreams();
            upstreams.any(|upstream| self.upstreams.contains(&upstream.name))
        };
        self.settings || upstream() || self.concern_limits(route) || self.concern_chain(route)
    }

    fn concern_limits(&self, route: &Route) -> bool {
        let limits = route.limits.iter().flat_map(|limits| limits.limits());
        let mut names = limits.map(|limit| &limit.name);
        !self.limits.is_empty() && names.any(|name| self.limits.contains(name))
    }

    fn concern_chain(&self, route: &Route) -> bool {
        // A chain that waits has no plugins: what is written says which it will have.
        let written = &route.written().plugins;
        let mut names = written.iter().map(|it| it.name.as_str());
        let catalog = self.catalog.as_ref();
        names.any(|name| self.plugins.contains(name))
            || route.chain.opens_any(&self.gone)
            || catalog.is_some_and(|now| route.chain.is_outdated(now))
    }
}

impl Build<'_> {
    /// The unit of a file that did not change: the same, unless what its routes refer to did.
    pub(super) fn keep(&mut self, unit: &Arc<Unit>) -> Arc<Unit> {
        if self.changes.none() || !self.changes.may_concern(unit) {
            return Arc::clone(unit);
        }
        let mut report = Report::new(&unit.path);
        let mut unit = Unit::clone(unit);
        for compiled in &mut unit.routes {
            let route = &compiled.route;
            if !self.changes.concern(route) {
                continue;
            }
            let other_chain = self.changes.concern_chain(route);
            let draft = Draft {
                file: &unit.raw,
                position: route.position(),
                name: Arc::clone(&route.name),
                id: route.id,
                chain: (!other_chain).then(|| route.chain.clone()),
            };
            // Its rules are those that it has.
            if let Some((route, _)) = draft.compile(&self.surroundings(), &mut report) {
                compiled.route = Arc::new(route);
                self.table
                    .set(compiled.route.id, Some(Arc::clone(&compiled.route)));
            }
        }
        self.problems.extend(report.into_problems());
        Arc::new(unit)
    }
}

/// What plugins may open by name was declared before, and is no more.
fn gone(before: &raw::Gateway, now: &raw::Gateway) -> BTreeSet<(Capability, Arc<str>)> {
    let names = |raw| declared_names(raw).collect::<BTreeSet<_>>();
    let gone = &names(before) - &names(now);
    gone.into_iter()
        .map(|(capability, name)| (capability, name.into()))
        .collect()
}

/// The names of the plugins that are not the same in both.
pub(in crate::snapshot) fn changed_plugins(before: &Plugins, now: &Plugins) -> HashSet<Arc<str>> {
    let differs = |plugin: &&Arc<Plugin>| {
        let same = |other: &Plugins| {
            let other = other.get(plugin.name());
            other.is_some_and(|other| Arc::ptr_eq(other, plugin))
        };
        !(same(before) && same(now))
    };
    let all = before.iter().chain(now.iter());
    all.filter(differs).map(|it| it.name().into()).collect()
}
