//! What a component is made of, as one number: equal inputs need no second build.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::toolchain::Target;
use crate::workspace::Workspace;

/// Of the plugin's own folder, the SDK, the world, the dependencies' versions and the compiler.
pub(crate) fn of(
    workspace: &Workspace,
    folder: &Path,
    target: Target,
    compiler: &str,
) -> anyhow::Result<String> {
    let mut hasher = DefaultHasher::new();
    let inputs = ["plugin-sdk", "wit", "Cargo.toml", "Cargo.lock"].map(|path| workspace.path(path));
    for path in inputs.iter().map(PathBuf::as_path).chain([folder]) {
        for file in files(path)? {
            file.strip_prefix(workspace.root())
                .unwrap_or(&file)
                .hash(&mut hasher);
            fs::read(&file)
                .with_context(|| format!("cannot read {}", file.display()))?
                .hash(&mut hasher);
        }
    }
    target.name().hash(&mut hasher);
    compiler.hash(&mut hasher);
    // The chore itself decides how things are built.
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// All files below, sorted; the file itself if it is one.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.into()]);
    }
    let mut found = Vec::new();
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    for entry in entries {
        let entry = entry?.path();
        if entry.file_name().is_some_and(|name| name != "target") {
            found.extend(files(&entry)?);
        }
    }
    found.sort();
    Ok(found)
}
