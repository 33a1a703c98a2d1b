//! `cargo xtask test`: everything that must hold before a change is merged, cheap things first.

use anyhow::ensure;

use crate::{
    command,
    components::{self, Which},
    licences, reference,
    workspace::Workspace,
};

/// One thing that must hold.
type Check = fn(&Workspace) -> anyhow::Result<()>;

const CHECKS: [(&str, Check); 6] = [
    ("format", format),
    ("licences", licences::check),
    ("components", |workspace| {
        components::build(workspace, &Which::All)
    }),
    ("lints", lints),
    ("reference", reference::check),
    ("tests", tests),
];

/// Goes on after a failure, so that one run shows all of them.
pub(crate) fn all(workspace: &Workspace) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        eprintln!("== {name}");
        if let Err(error) = check(workspace) {
            eprintln!("error: {error:#}");
            failed.push(name);
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn format(workspace: &Workspace) -> anyhow::Result<()> {
    command::run(workspace.cargo("fmt").args(["--all", "--check"]))
}

fn lints(workspace: &Workspace) -> anyhow::Result<()> {
    command::run(workspace.cargo("clippy").args([
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Unit, integration and documentation tests.
fn tests(workspace: &Workspace) -> anyhow::Result<()> {
    command::run(
        workspace
            .cargo("test")
            .args(["--locked", "--workspace", "--no-fail-fast"]),
    )
}
