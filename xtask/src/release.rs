//! `cargo xtask build` and `cargo xtask dist`: what is given to others.

mod guided;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

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

/// The binary of the last archive.
pub(crate) fn packed(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let program = place(workspace).join(name()).join("witgate");
    ensure!(program.is_file(), "run `cargo xtask dist` first");
    Ok(program)
}

/// One archive with all that a server needs.
pub(crate) fn dist(workspace: &Workspace) -> anyhow::Result<()> {
    components::build(workspace, &Which::Shipped)?;
    let program = guided::build(workspace)?;
    let (place, name) = (place(workspace), name());
    let folder = place.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fill(workspace, &program, &folder)?;
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

fn place(workspace: &Workspace) -> PathBuf {
    workspace.target().join("dist-archive")
}

fn name() -> String {
    format!(
        "witgate-{}-{}-{}",
        env!("CARGO_PKG_VERSION"),
        env::consts::ARCH,
        env::consts::OS
    )
}

fn fill(workspace: &Workspace, program: &Path, folder: &Path) -> anyhow::Result<()> {
    copy(program, &folder.join("witgate"))?;
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
