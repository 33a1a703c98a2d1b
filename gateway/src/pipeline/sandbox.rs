//! Policies as sandboxed components.

mod bindings;
mod capabilities;
mod failure;
mod fields;
mod meter;
mod phase;
mod request;
mod response;
mod state;
mod stats;
mod summary;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::config::{problem::Problem, raw, span::Spanned};

/// The installed components: loaded, checked against their grants and ready to be instantiated.
#[derive(Debug, Default)]
pub struct Plugins {}

impl Plugins {
    /// Loads what `witgate.yaml` names; a component whose file and settings did not change is kept.
    pub fn load(
        _raw: &BTreeMap<String, Spanned<raw::Plugin>>,
        _file: &Arc<PathBuf>,
        _base: &Path,
        _previous: Option<&Plugins>,
    ) -> Result<Self, Vec<Problem>> {
        Ok(Self {})
    }
}

/// The policies of one route, in order, each with its parsed configuration.
#[derive(Debug, Default)]
pub struct Chain {}

impl Chain {
    /// Resolves names and lets each plugin check its configuration; problems stand at their place in the file.
    pub fn compile(
        _route: &str,
        _uses: &[Spanned<raw::PluginUse>],
        _plugins: &Plugins,
        _file: &Arc<PathBuf>,
    ) -> Result<Self, Vec<Problem>> {
        Ok(Self {})
    }
}
