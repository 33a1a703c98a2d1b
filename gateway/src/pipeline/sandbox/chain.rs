//! The policies of one route, as compiled.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use super::{
    bindings::insight,
    capabilities::catalog::Catalog,
    doors::Door,
    failure::FailureKind,
    phase::{Phase, Phases},
    plugin::{Judgement, Plugin},
    plugins::Plugins,
    settings::Settings,
};
use crate::config::{
    problem::{Problem, Severity},
    raw::{self, Capability},
    span::Spanned,
};

/// The policies of one route, in order, each with its configuration. Empty for a route without plugins.
#[derive(Clone, Debug, Default)]
pub struct Chain(pub(super) Option<Arc<Links>>);

#[derive(Debug)]
pub(super) struct Links {
    pub(super) route: Arc<str>,
    pub(super) links: Box<[Link]>,
    pub(super) phases: Phases,
    /// A gate of its plugins tells endpoints apart.
    pub(super) has_endpoint_doors: bool,
    /// Some: it cannot serve yet, and has no links.
    pub(super) waiting: Option<Waiting>,
}

/// Why a chain cannot serve yet.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) plugin: Arc<str>,
    pub(super) why: Arc<str>,
    /// What it waits for is among these.
    schemas: Arc<Catalog>,
}

/// One plugin on one route.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) plugin: Arc<Plugin>,
    pub(super) settings: Arc<Settings>,
    /// The gates that exchanges come to before the plugin; none before the chain is bound to its route.
    pub(super) doors: Box<[Door]>,
}

/// What one plugin of a chain became.
enum Compiled {
    Link(Link, Vec<Problem>),
    Waiting(Waiting, Problem),
}

impl Chain {
    /// Resolves names and lets each plugin check its configuration; problems stand at their place in the file. What the
    /// plugins think odd comes with the chain.
    ///
    /// A chain whose descriptors are not there yet refuses every exchange until it is compiled again.
    pub fn compile(
        route: &str,
        uses: &[Spanned<raw::PluginUse>],
        installed: &Installed<'_>,
        file: &Arc<PathBuf>,
    ) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        if uses.is_empty() {
            return Ok((Self(None), Vec::new()));
        }
        let mut links = Vec::with_capacity(uses.len());
        let mut waiting = None;
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        for wanted in uses {
            match compile(wanted, installed, file) {
                Ok(Compiled::Link(link, odd)) => {
                    links.push(link);
                    warnings.extend(odd);
                }
                Ok(Compiled::Waiting(one, warning)) => {
                    waiting.get_or_insert(one);
                    warnings.push(warning);
                }
                Err(more) => problems.extend(more),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        if waiting.is_some() {
            links.clear();
        }
        let phases = links
            .iter()
            .fold(Phases::default(), |all, link| all.union(link.plugin.phases));
        let links = Links {
            route: Arc::from(route),
            links: links.into(),
            phases,
            has_endpoint_doors: false,
            waiting,
        };
        Ok((Self(Some(Arc::new(links))), warnings))
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

    /// The plugins in order.
    pub fn plugins(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.links().map(|link| &link.plugin)
    }

    /// Whether one of its configurations has opened one of these.
    pub fn opens_any(&self, things: &BTreeSet<(Capability, Arc<str>)>) -> bool {
        let mut opened = self.links().flat_map(|link| link.settings.opened.iter());
        !things.is_empty() && opened.any(|thing| things.contains(thing))
    }

    /// Whether descriptors that one of its configurations has opened, or waits for, have another content now.
    pub fn is_outdated(&self, catalog: &Catalog) -> bool {
        let waiting = self.0.as_ref().and_then(|links| links.waiting.as_ref());
        let awaited = || {
            let waiting = waiting?;
            let mut names = waiting.schemas.iter();
            names.find(|(name, _)| !waiting.schemas.agrees(catalog, name))
        };
        let outdated = |link: &Link| link.settings.is_outdated(catalog);
        awaited().is_some() || self.links().any(outdated)
    }

    /// The plugin that has no descriptors yet, and why.
    pub fn waits(&self) -> Option<(&str, &str)> {
        let waiting = self.0.as_ref()?.waiting.as_ref()?;
        Some((&waiting.plugin, &waiting.why))
    }

    /// What each of its plugins would do with a request, in order; none for one that has nothing to say.
    pub fn explain(&self, asked: &Asked) -> Vec<Option<Insight>> {
        let ask = |link: &Link| answer(link.plugin.explain(&link.settings, asked.into()));
        self.links().map(ask).collect()
    }

    /// The first OpenAPI document that one of its plugins has, and the plugin's name.
    pub fn openapi(&self) -> Option<(&str, Insight)> {
        self.links().find_map(|link| {
            let document = answer(link.plugin.openapi(&link.settings))?;
            Some((link.plugin.name(), document))
        })
    }

    fn links(&self) -> impl Iterator<Item = &Link> {
        self.0.iter().flat_map(|links| links.links.iter())
    }
}

/// A request as somebody imagines it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub method: String,
    pub path_and_query: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Option<Vec<u8>>,
}

impl From<&Asked> for insight::Asked {
    fn from(asked: &Asked) -> Self {
        Self {
            method: asked.method.clone(),
            path_and_query: asked.path_and_query.clone(),
            headers: asked.headers.clone(),
            body: asked.body.clone(),
        }
    }
}

/// What a plugin says about a configuration, or why it does not.
pub type Insight = Result<serde_json::Value, String>;

fn answer(answered: Result<Option<String>, FailureKind>) -> Option<Insight> {
    match answered {
        Ok(None) => None,
        Ok(Some(json)) => Some(
            serde_json::from_str(&json).map_err(|error| format!("its answer is no JSON: {error}")),
        ),
        Err(kind) => Some(Err(format!("it {kind}"))),
    }
}

/// What chains are compiled against.
#[derive(Clone, Copy, Debug)]
pub struct Installed<'a> {
    pub plugins: &'a Plugins,
    pub catalog: &'a Arc<Catalog>,
}

fn compile(
    wanted: &raw::PluginUse,
    installed: &Installed<'_>,
    file: &Arc<PathBuf>,
) -> Result<Compiled, Vec<Problem>> {
    let name = &wanted.name;
    let Some(plugin) = installed.plugins.get(name) else {
        return Err(vec![unknown(name, installed.plugins, file)]);
    };
    let place = |pointer: &str| {
        let span = wanted.config.locate(pointer);
        if span.line == 0 { name.span } else { span }
    };
    let said = |problem: &super::bindings::policy::Problem| {
        let message = format!("plugin `{}`: {}", **name, problem.message);
        Problem::error(file, place(&problem.pointer), message)
    };
    match plugin.settings_for(&wanted.config.to_json(), installed.catalog) {
        Ok(Judgement::Accepted(settings)) => {
            let odd = settings.warnings.iter().map(|problem| Problem {
                severity: Severity::Warning,
                ..said(problem)
            });
            let odd = odd.collect();
            let plugin = Arc::clone(plugin);
            let doors = Box::default();
            Ok(Compiled::Link(
                Link {
                    plugin,
                    settings,
                    doors,
                },
                odd,
            ))
        }
        Ok(Judgement::Awaits { why, schemas }) => {
            let message = format!(
                "plugin `{}` waits for its descriptors ({why}), and the route answers 503",
                **name
            );
            let waiting = Waiting {
                plugin: Arc::clone(&plugin.name),
                why,
                schemas,
            };
            let warning = Problem::warning(file, place(""), message);
            Ok(Compiled::Waiting(waiting, warning))
        }
        Ok(Judgement::Refused(problems)) if problems.is_empty() => {
            let message = format!("plugin `{}` does not accept its configuration", **name);
            Err(vec![Problem::error(file, place(""), message)])
        }
        Ok(Judgement::Refused(problems)) => Err(problems.iter().map(said).collect()),
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
