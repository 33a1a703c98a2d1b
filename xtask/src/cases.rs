//! `cargo xtask transcoding-cases FILE`: cases of transcoding, against the component in a real gateway.

use std::{path::Path, process::Command};

use anyhow::ensure;

use crate::{
    components::{self, Which},
    workspace::Workspace,
};

/// Prints one line for each case that fails, and at last how many did. With `only`, just the cases whose id begins so.
pub(crate) fn run(workspace: &Workspace, file: &Path, only: Option<&str>) -> anyhow::Result<()> {
    let name = String::from("grpc-json-transcoder");
    components::build(workspace, &Which::named(vec![name]))?;
    let debug = workspace.build_debug()?;
    let status = Command::new(debug.join("examples/transcoding_cases"))
        .arg(file)
        .args(only)
        .status()?;
    ensure!(status.success(), "not all cases pass");
    Ok(())
}
