//! Where things are in this checkout, and what cargo knows about it.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::command;

/// The checkout that this chore works on.
pub(crate) struct Workspace {
    root: PathBuf,
}

/// One package of the workspace.
pub(crate) struct Package {
    pub name: String,
    pub folder: PathBuf,
    /// `[package.metadata.witgate]`
    pub metadata: Value,
}

impl Workspace {
    pub(crate) fn find() -> anyhow::Result<Self> {
        let xtask = env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR")));
        let root = Path::new(&xtask)
            .parent()
            .context("xtask is not in a workspace")?;
        Ok(Self { root: root.into() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Where the gateway is built to.
    pub(crate) fn target(&self) -> PathBuf {
        env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.path("target"), |folder| self.root.join(folder))
    }

    /// The cargo that runs this chore, in the root folder.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root).arg(subcommand);
        cargo
    }

    /// Builds everything unoptimised, and returns the folder of the programs. All targets of all packages at once,
    /// as `cargo test` does: another selection has other features, and wasmtime would be compiled again.
    pub(crate) fn build_debug(&self) -> anyhow::Result<PathBuf> {
        command::run(
            self.cargo("build")
                .args(["--locked", "--workspace", "--all-targets"]),
        )?;
        Ok(self.target().join("debug"))
    }

    /// The packages of the workspace, their dependencies left out.
    pub(crate) fn packages(&self) -> anyhow::Result<Vec<Package>> {
        let metadata = self.metadata(&["--no-deps"])?;
        let packages = metadata["packages"]
            .as_array()
            .context("cargo metadata lists no packages")?;
        packages.iter().map(package).collect()
    }

    /// What `cargo metadata` prints.
    pub(crate) fn metadata(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = self
            .cargo("metadata")
            .args(["--format-version", "1"])
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "cargo metadata failed");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn package(value: &Value) -> anyhow::Result<Package> {
    let text = |key: &str| {
        value[key]
            .as_str()
            .with_context(|| format!("a package has no {key}"))
    };
    let manifest = Path::new(text("manifest_path")?);
    Ok(Package {
        name: text("name")?.into(),
        folder: manifest.parent().unwrap_or(manifest).into(),
        metadata: value["metadata"]["witgate"].clone(),
    })
}
