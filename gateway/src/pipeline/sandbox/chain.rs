//! The policies of one route, as compiled.

use std::{path::PathBuf, sync::Arc};

use super::{
    failure::FailureKind,
    phase::{Phase, Phases},
    plugin::Plugin,
    plugins::Plugins,
    settings::Settings,
};
use crate::config::{problem::Problem, raw, span::Spanned};

/// The policies of one route, in order, each with its configuration. Empty for a route without plugins.
#[derive(Clone, Debug, Default)]
pub struct Chain(pub(super) Option<Arc<Links>>);

#[derive(Debug)]
pub(super) struct Links {
    pub(super) route: Arc<str>,
    pub(super) links: Box<[Link]>,
    pub(super) phases: Phases,
}

/// One plugin on one route.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) plugin: Arc<Plugin>,
    pub(super) settings: Arc<Settings>,
}

impl Chain {
    /// Resolves names and lets each plugin check its configuration; problems stand at their place in the file.
    pub fn compile(
        route: &str,
        uses: &[Spanned<raw::PluginUse>],
        plugins: &Plugins,
        file: &Arc<PathBuf>,
    ) -> Result<Self, Vec<Problem>> {
        if uses.is_empty() {
            return Ok(Self(None));
        }
        let mut links = Vec::with_capacity(uses.len());
        let mut problems = Vec::new();
        for wanted in uses {
            match compile(wanted, plugins, file) {
                Ok(link) => links.push(link),
                Err(more) => problems.extend(more),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let phases = links
            .iter()
            .fold(Phases::default(), |all, link| all.union(link.plugin.phases));
        Ok(Self(Some(Arc::new(Links {
            route: Arc::from(route),
            links: links.into(),
            phases,
        }))))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether any of its plugins takes part in this phase.
    pub fn has(&self, phase: Phase) -> bool {
        self.0
            .as_ref()
            .is_some_and(|links| links.phases.contains(phase))
    }

    /// The plugins in order, each with its configuration as JSON.
    pub fn plugins(&self) -> impl Iterator<Item = (&Arc<Plugin>, &str)> {
        let links = self.0.iter().flat_map(|links| links.links.iter());
        links.map(|link| (&link.plugin, &*link.settings.json))
    }
}

fn compile(
    wanted: &raw::PluginUse,
    plugins: &Plugins,
    file: &Arc<PathBuf>,
) -> Result<Link, Vec<Problem>> {
    let name = &wanted.name;
    let Some(plugin) = plugins.get(name) else {
        return Err(vec![unknown(name, plugins, file)]);
    };
    let place = |pointer: &str| {
        let span = wanted.config.locate(pointer);
        if span.line == 0 { name.span } else { span }
    };
    match plugin.settings_for(&wanted.config.to_json()) {
        Ok(Ok(settings)) => Ok(Link {
            plugin: Arc::clone(plugin),
            settings,
        }),
        Ok(Err(problems)) if problems.is_empty() => {
            let message = format!("plugin `{}` does not accept its configuration", **name);
            Err(vec![Problem::error(file, place(""), message)])
        }
        Ok(Err(problems)) => {
            let problem = |problem: super::bindings::policy::Problem| {
                let message = format!("plugin `{}`: {}", **name, problem.message);
                Problem::error(file, place(&problem.pointer), message)
            };
            Err(problems.into_iter().map(problem).collect())
        }
        Err(kind) => Err(vec![broken(name, &kind, place(""), file)]),
    }
}

/// The plugin itself failed over its configuration.
fn broken(
    name: &str,
    kind: &FailureKind,
    span: crate::config::span::Span,
    file: &Arc<PathBuf>,
) -> Problem {
    let message = format!("plugin `{name}` {kind} while it read its configuration");
    Problem::error(file, span, message)
}

fn unknown(name: &Spanned<String>, plugins: &Plugins, file: &Arc<PathBuf>) -> Problem {
    let installed: Vec<_> = plugins.iter().map(|plugin| plugin.name()).collect();
    let closest = installed
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(candidate, name), candidate))
        .min()
        .filter(|(distance, _)| *distance <= name.len().max(3) / 3);
    let list = match installed.join(", ") {
        list if list.is_empty() => String::from("none: add it under `plugins` in witgate.yaml"),
        list => list,
    };
    let hint = match closest {
        Some((_, closest)) => format!("did you mean `{closest}`? (installed: {list})"),
        None => format!("installed: {list}"),
    };
    Problem::error(file, name.span, format!("no plugin is called `{}`", **name)).hint(hint)
}
