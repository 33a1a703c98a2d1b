//! What one file of `routes.d` became, and which files are others than before.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashSet},
    path::PathBuf,
    sync::Arc,
};

use super::{Route, SourceFile, tests_of_routes::Test};
use crate::{
    config::{compare_paths, raw::RouteFile},
    pipeline::route::Rule,
};

/// What one file became.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) path: Arc<PathBuf>,
    pub(super) raw: Arc<RouteFile>,
    pub(super) routes: Vec<Compiled>,
    pub(super) tests: Arc<[Test]>,
    /// The names of the upstreams that its routes forward to, sorted.
    upstreams: Box<[Arc<str>]>,
    /// The names of the plugins on its routes, sorted.
    plugins: Box<[Box<str>]>,
}

#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) route: Arc<Route>,
    pub(super) rules: Arc<[Arc<Rule>]>,
}

impl Unit {
    pub(super) fn new(source: &SourceFile, routes: Vec<Compiled>, tests: Arc<[Test]>) -> Self {
        let upstreams = routes.iter().flat_map(|it| it.route.upstreams());
        let plugins = source.raw.routes.iter().flat_map(|it| &it.plugins);
        Self {
            path: Arc::clone(&source.path),
            raw: Arc::clone(&source.raw),
            upstreams: set(upstreams.map(|it| Arc::clone(&it.name))),
            plugins: set(plugins.map(|it| it.name.as_str().into())),
            routes,
            tests,
        }
    }

    /// Whether one of its routes refers to one of these.
    pub(super) fn uses_any(
        &self,
        upstreams: &HashSet<Arc<str>>,
        plugins: &HashSet<Arc<str>>,
    ) -> bool {
        let upstream = |name: &Arc<str>| self.upstreams.binary_search(name).is_ok();
        let plugin = |name: &Arc<str>| {
            let found = self.plugins.binary_search_by(|it| (**it).cmp(name));
            found.is_ok()
        };
        upstreams.iter().any(upstream) || plugins.iter().any(plugin)
    }

    /// Whether one of its routes has a rate limit.
    pub(super) fn has_limits(&self) -> bool {
        self.routes.iter().any(|it| it.route.limits.is_some())
    }

    /// Whether one of its routes has a plugin.
    pub(super) fn has_plugins(&self) -> bool {
        !self.plugins.is_empty()
    }
}

fn set<T: Ord>(items: impl Iterator<Item = T>) -> Box<[T]> {
    items.collect::<BTreeSet<T>>().into_iter().collect()
}

/// What became of one file.
pub(super) enum Step<'a> {
    Kept(&'a Arc<Unit>),
    Gone(&'a Arc<Unit>),
    Fresh {
        source: &'a SourceFile,
        old: Option<&'a Arc<Unit>>,
    },
}

impl<'a> Step<'a> {
    /// What is no more.
    pub(super) fn old(&self) -> Option<&'a Arc<Unit>> {
        match self {
            Self::Kept(_) => None,
            Self::Gone(unit) => Some(unit),
            Self::Fresh { old, .. } => *old,
        }
    }

    pub(super) fn fresh(&self) -> Option<&'a SourceFile> {
        match self {
            Self::Fresh { source, .. } => Some(source),
            Self::Kept(_) | Self::Gone(_) => None,
        }
    }
}

/// In the order of paths, in which `units` are.
pub(super) fn steps<'a>(sources: &'a [SourceFile], units: &'a [Arc<Unit>]) -> Vec<Step<'a>> {
    in_order(sources, units).unwrap_or_else(|| {
        let mut sources: Vec<&SourceFile> = sources.iter().collect();
        sources.sort_by(|a, b| order(&a.path, &b.path));
        in_order(sources, units).expect("they are in order now")
    })
}

/// None when the sources are not in the order of their paths.
///
/// Where both lists go on with the same path, which is nearly everywhere, it is the same allocation, and nothing is
/// compared.
fn in_order<'a>(
    sources: impl IntoIterator<Item = &'a SourceFile>,
    units: &'a [Arc<Unit>],
) -> Option<Vec<Step<'a>>> {
    let mut steps = Vec::with_capacity(units.len() + 1);
    let mut units = units.iter().peekable();
    let mut before: Option<&SourceFile> = None;
    for source in sources {
        let mut old = units.next_if(|unit| Arc::ptr_eq(&unit.path, &source.path));
        if old.is_none() {
            if before.is_some_and(|before| order(&before.path, &source.path).is_gt()) {
                return None;
            }
            while let Some(unit) = units.next_if(|unit| order(&unit.path, &source.path).is_lt()) {
                steps.push(Step::Gone(unit));
            }
            old = units.next_if(|unit| order(&unit.path, &source.path).is_eq());
        }
        steps.push(match old {
            Some(unit) if Arc::ptr_eq(&unit.raw, &source.raw) => Step::Kept(unit),
            old => Step::Fresh { source, old },
        });
        before = Some(source);
    }
    steps.extend(units.map(Step::Gone));
    Some(steps)
}

pub(super) fn order(a: &Arc<PathBuf>, b: &Arc<PathBuf>) -> Ordering {
    if Arc::ptr_eq(a, b) {
        return Ordering::Equal;
    }
    compare_paths(a, b)
}
