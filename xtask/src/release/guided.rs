//! Profile-guided optimisation: the gateway is built to count what it executes, put under load, and built again with
//! the counts. What runs with every request then lies together, and what seldom runs out of its way.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};

use crate::{bench, command, workspace::Workspace};

/// Where both builds end up; the second replaces the first.
pub(crate) fn program(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = workspace.target().join(command::host()?);
    Ok(folder.join("dist/witgate"))
}

/// The binary that is shipped. Two builds of everything: some twenty minutes on two cores.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let merge = profdata()?;
    let counts = workspace.target().join("profile");
    if counts.exists() {
        fs::remove_dir_all(&counts)?;
    }
    fs::create_dir_all(&counts)?;

    eprintln!("Building a gateway that counts …");
    build_with(workspace, "-Cprofile-generate=", &counts)?;
    eprintln!("Putting it under load …");
    let program = program(workspace)?;
    bench::train(workspace, &program, &counts)?;

    let merged = counts.join("merged.profdata");
    command::run(
        Command::new(merge)
            .arg("merge")
            .arg("--output")
            .arg(&merged)
            .args(counted(&counts)?),
    )?;
    eprintln!("Building with the counts …");
    build_with(workspace, "-Cprofile-use=", &merged)?;
    Ok(program)
}

/// With a target, so that what runs while it is built (build scripts, macros) is left alone; the same for both builds,
/// since it goes into the names of the functions.
fn build_with(workspace: &Workspace, flag: &str, value: &Path) -> anyhow::Result<()> {
    let mut flags = env::var_os("RUSTFLAGS").unwrap_or_default();
    flags.push(OsString::from(format!(" {flag}")));
    flags.push(value);
    command::run(
        workspace
            .cargo("build")
            .args(["--locked", "--profile", "dist", "--package", "witgate"])
            .args(["--target", &command::host()?])
            .env("RUSTFLAGS", flags),
    )
}

fn counted(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?;
    let mut files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|found| found == "profraw"));
    ensure!(!files.is_empty(), "the gateway left no counts");
    Ok(files)
}

/// The program that makes one profile of many; it must be of the compiler's own LLVM.
fn profdata() -> anyhow::Result<PathBuf> {
    let sysroot = command::output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let path = Path::new(&sysroot)
        .join("lib/rustlib")
        .join(command::host()?)
        .join("bin/llvm-profdata");
    if !path.is_file() {
        eprintln!("Installing llvm-tools …");
        let add = ["component", "add", "llvm-tools"];
        command::run_bounded(Command::new("rustup").args(add), Duration::from_secs(300)).context(
            "install llvm-profdata of the compiler's own LLVM: the rustup component llvm-tools",
        )?;
    }
    Ok(path)
}
