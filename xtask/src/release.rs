//! `cargo xtask build` and `cargo xtask dist`: what is given to others.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use crate::{
    command,
    components::{self, Which},
    licences,
    workspace::Workspace,
};

/// The release binary and the shipped components.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    components::build(workspace, &Which::Shipped)?;
    let gateway = build_gateway(workspace)?;
    eprintln!("{}", gateway.display());
    eprintln!("{}/", components::folder(workspace).display());
    Ok(())
}

/// The release binary.
pub(crate) fn build_gateway(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    command::run(
        workspace
            .cargo("build")
            .args(["--locked", "--release", "--package", "witgate"]),
    )?;
    Ok(workspace.target().join("release/witgate"))
}

/// One archive with all that a server needs.
pub(crate) fn dist(workspace: &Workspace) -> anyhow::Result<()> {
    components::build(workspace, &Which::Shipped)?;
    command::run(workspace.cargo("build").args([
        "--locked",
        "--profile",
        "dist",
        "--package",
        "witgate",
    ]))?;
    let name = format!(
        "witgate-{}-{}-{}",
        env!("CARGO_PKG_VERSION"),
        env::consts::ARCH,
        env::consts::OS
    );
    let place = workspace.target().join("dist-archive");
    let folder = place.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fill(workspace, &folder)?;
    let archive = place.join(format!("{name}.tar.gz"));
    let owner = ["--owner=0", "--group=0", "--sort=name"];
    command::run(
        Command::new("tar")
            .args(owner)
            .arg("-C")
            .arg(&place)
            .arg("-czf")
            .arg(&archive)
            .arg(&name),
    )?;
    eprintln!("{}", archive.display());
    Ok(())
}

fn fill(workspace: &Workspace, folder: &Path) -> anyhow::Result<()> {
    copy(
        &workspace.target().join("dist/witgate"),
        &folder.join("witgate"),
    )?;
    copy_all(
        &components::folder(workspace),
        &folder.join("components"),
        "wasm",
    )?;
    copy_all(
        &workspace.path("packaging/routes.d"),
        &folder.join("routes.d"),
        "yaml",
    )?;
    for file in [
        "packaging/witgate.yaml",
        "packaging/witgate.service",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
    ] {
        let from = workspace.path(file);
        let name = from.file_name().context("a file has a name")?;
        copy(&from, &folder.join(name))?;
    }
    fs::write(
        folder.join("THIRD-PARTY.txt"),
        licences::notices(workspace)?,
    )?;
    Ok(())
}

fn copy_all(from: &Path, to: &Path, extension: &str) -> anyhow::Result<()> {
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    let files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<Vec<PathBuf>>>()?;
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|found| found == extension))
    {
        copy(
            file,
            &to.join(file.file_name().context("a file has a name")?),
        )?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}
