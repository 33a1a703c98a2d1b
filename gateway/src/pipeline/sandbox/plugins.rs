//! The installed components, by name, as `witgate.yaml` lists them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use super::{
    admission::Refusal,
    compile,
    engine::MOST_TABLE_ELEMENTS,
    host::Host,
    plugin::{Plugin, Policy},
    stamp::Stamp,
};
use crate::config::{problem::Problem, raw, span::Spanned};

/// The installed components: loaded, checked against their grants and ready to be instantiated.
#[derive(Debug, Default)]
pub struct Plugins {
    all: BTreeMap<Arc<str>, Installed>,
}

#[derive(Clone, Debug)]
struct Installed {
    plugin: Arc<Plugin>,
    /// None: the file had to be read to know that it is the same.
    stamp: Option<Stamp>,
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
            let previous = previous.and_then(|previous| previous.all.get(&**name));
            match load(host, name, raw, file, base, previous) {
                Ok(installed) => {
                    all.insert(Arc::clone(&installed.plugin.name), installed);
                }
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
        self.all.get(name).map(|installed| &installed.plugin)
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.all.values().map(|installed| &installed.plugin)
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
    previous: Option<&Installed>,
) -> Result<Installed, Problem> {
    let settings = Policy::from(&raw.value);
    if settings.limits.table > MOST_TABLE_ELEMENTS {
        let message = format!("plugin `{name}`: `limits.table` is at most {MOST_TABLE_ELEMENTS}");
        return Err(Problem::error(file, raw.span, message));
    }
    let path = base.join(&*raw.component);
    install(host, name, settings, &path, previous).map_err(|refusal| {
        let message = format!("plugin `{name}` ({}): {refusal}", path.display());
        let problem = Problem::error(file, raw.component.span, message);
        match refusal.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    })
}

/// The previous one, if neither its file nor its settings changed.
fn install(
    host: &Arc<Host>,
    name: &str,
    settings: Policy,
    path: &Path,
    previous: Option<&Installed>,
) -> Result<Installed, Refusal> {
    // Before the content, so that a change in between shows the next time.
    let metadata = fs::metadata(path).map_err(Refusal::Unreadable)?;
    let stamp = Stamp::new(&metadata, SystemTime::now());
    let previous = previous.filter(|previous| previous.plugin.settings == settings);
    let untouched = previous.filter(|previous| stamp.is_some() && previous.stamp == stamp);
    if let Some(untouched) = untouched {
        return Ok(untouched.clone());
    }
    let bytes = fs::read(path).map_err(Refusal::Unreadable)?;
    let hash = compile::hash(&bytes);
    let plugin = match previous {
        Some(previous) if previous.plugin.hash == hash => Arc::clone(&previous.plugin),
        _ => {
            let plugin = Plugin::load(host, &Arc::from(name), settings, &bytes, hash)?;
            Arc::new(plugin)
        }
    };
    Ok(Installed { plugin, stamp })
}
