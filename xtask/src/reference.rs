//! `cargo xtask reference`: docs/configuration.md, from the schemas that witgate prints.

mod markdown;

use std::{fs, process::Command};

use anyhow::ensure;
use serde_json::Value;

use crate::{command, workspace::Workspace};

const PAGE: &str = "docs/configuration.md";

pub(crate) fn write(workspace: &Workspace) -> anyhow::Result<()> {
    fs::write(workspace.path(PAGE), page(workspace)?)?;
    Ok(())
}

/// Whether the page says what the schemas say.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let written = fs::read_to_string(workspace.path(PAGE)).unwrap_or_default();
    ensure!(
        written == page(workspace)?,
        "{PAGE} is out of date: run `cargo xtask reference`"
    );
    Ok(())
}

fn page(workspace: &Workspace) -> anyhow::Result<String> {
    let mut page = String::from(
        "# Configuration\n\nEvery key of every file. Made by `cargo xtask reference` from the schemas that `witgate schema` prints; \
         an editor that knows JSON Schema completes and checks with them.\n\n\
         A duration has its unit, as in `250ms`, `5s`, `10m`, `1h`; a size may have one, as in `512`, `32KiB`, `10MiB`, `1GiB`.\n",
    );
    let witgate = workspace.build_debug()?.join("witgate");
    for (kind, title) in [
        ("gateway", "`witgate.yaml`"),
        ("routes", "`routes.d/*.yaml`"),
    ] {
        let printed = command::output(Command::new(&witgate).args(["schema", kind]))?;
        let schema: Value = serde_json::from_str(&printed)?;
        page += &markdown::of(&schema, title);
    }
    Ok(page)
}
