//! Services behind the gateway.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::config::{problem::Problem, raw, span::Spanned};

/// One service, as compiled. Its live state (connections, health) is kept by the workers under its `key`.
#[derive(Debug)]
pub struct Upstream {
    pub name: Arc<str>,
}

/// Where an upstream was written.
pub struct Origin<'a> {
    pub file: &'a Arc<PathBuf>,
    /// The folder that relative paths begin at.
    pub base: &'a Path,
}

/// Compiles one upstream; `previous` is returned when nothing about it changed.
pub fn compile(
    name: &str,
    _raw: &Spanned<raw::ShortOr<raw::Upstream>>,
    _timeouts: &raw::Timeouts,
    _origin: &Origin<'_>,
    _previous: Option<&Arc<Upstream>>,
) -> Result<Arc<Upstream>, Vec<Problem>> {
    Ok(Arc::new(Upstream { name: name.into() }))
}
