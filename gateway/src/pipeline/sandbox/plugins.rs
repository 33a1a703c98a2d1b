//! The installed components, by name, as `witgate.yaml` lists them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    admission::Refusal,
    compile,
    engine::MOST_TABLE_ELEMENTS,
    host::Host,
    plugin::{Plugin, Policy},
};
use crate::config::{problem::Problem, raw, span::Spanned};

/// The installed components: loaded, checked against their grants and ready to be instantiated.
#[derive(Debug, Default)]
pub struct Plugins {
    all: BTreeMap<Arc<str>, Arc<Plugin>>,
}

impl Plugins {
    /// Loads what `witgate.yaml` names; a component whose file and settings did not change is kept.
    pub fn load(
        host: &Arc<Host>,
        raw: &BTreeMap<String, Spanned<raw::Plugin>>,
        file: &Arc<PathBuf>,
        base: &Path,
        previous: Option<&Self>,
    ) -> Result<Self, Vec<Problem>> {
        let mut all = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, raw) in raw {
            let previous = previous.and_then(|previous| previous.get(name));
            match load(host, name, raw, file, base, previous) {
                Ok(plugin) => drop(all.insert(Arc::clone(&plugin.name), plugin)),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(Self { all })
        } else {
            Err(problems)
        }
    }

    /// The plugin that routes call `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<Plugin>> {
        self.all.get(name)
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.all.values()
    }

    /// Gives back what was only needed while routes were compiled.
    pub fn settle(&self) {
        self.iter().for_each(|plugin| plugin.dismiss_judge());
    }
}

fn load(
    host: &Arc<Host>,
    name: &str,
    raw: &Spanned<raw::Plugin>,
    file: &Arc<PathBuf>,
    base: &Path,
    previous: Option<&Arc<Plugin>>,
) -> Result<Arc<Plugin>, Problem> {
    let settings = Policy::from(&raw.value);
    if settings.limits.table > MOST_TABLE_ELEMENTS {
        let message = format!("plugin `{name}`: `limits.table` is at most {MOST_TABLE_ELEMENTS}");
        return Err(Problem::error(file, raw.span, message));
    }
    let path = base.join(&*raw.component);
    let refused = |refusal: Refusal| {
        let message = format!("plugin `{name}` ({}): {refusal}", path.display());
        let problem = Problem::error(file, raw.component.span, message);
        match refusal.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    };
    let bytes = fs::read(&path).map_err(|error| refused(Refusal::Unreadable(error)))?;
    let hash = compile::hash(&bytes);
    if let Some(previous) = previous
        && previous.hash == hash
        && previous.settings == settings
    {
        return Ok(Arc::clone(previous));
    }
    Plugin::load(host, &Arc::from(name), settings, &bytes, hash)
        .map(Arc::new)
        .map_err(refused)
}
