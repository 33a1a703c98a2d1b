//! Whether every dependency comes from crates.io under a licence that `deny.toml` allows.
//!
//! `cargo deny` does this and more when it is installed; compiling it takes longer than compiling witgate, so
//! that without it the two checks that need nothing but `cargo metadata` are done here.

mod expression;

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::{command, workspace::Workspace};

pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    if command::exists("cargo-deny") {
        // Advisories need a database from the internet: a scheduled job's work, not a test's.
        let checks = ["check", "bans", "licenses", "sources"];
        return command::run(
            workspace
                .cargo("deny")
                .args(["--offline", "--locked"])
                .args(checks),
        );
    }
    let allowed = allowed(&fs::read_to_string(workspace.path("deny.toml"))?)?;
    let mut wrong = Vec::new();
    for package in packages(workspace)? {
        if package
            .source
            .as_deref()
            .is_some_and(|source| !source.starts_with("registry+"))
        {
            wrong.push(format!(
                "{} {} does not come from a registry",
                package.name, package.version
            ));
        }
        let fine = expression::holds(&package.licence, &|licence| allowed.contains(licence));
        if !fine {
            wrong.push(format!(
                "{} {} is under {:?}, which deny.toml does not allow",
                package.name, package.version, package.licence
            ));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// The licences and notices of everything that is linked in, for those who get the binary.
pub(crate) fn notices(workspace: &Workspace) -> anyhow::Result<String> {
    let mut text = String::from("witgate contains these libraries.\n");
    let mut seen = BTreeSet::new();
    for package in packages(workspace)?
        .iter()
        .filter(|package| package.source.is_some())
    {
        text += &format!(
            "\n== {} {} ({})\n",
            package.name, package.version, package.licence
        );
        for file in notice_files(Path::new(&package.manifest))? {
            let notice = String::from_utf8_lossy(&fs::read(file)?).trim().to_owned();
            if seen.insert(notice.clone()) {
                text += &format!("\n{notice}\n");
            }
        }
    }
    Ok(text)
}

struct Package {
    name: String,
    version: String,
    licence: String,
    source: Option<String>,
    manifest: String,
}

fn packages(workspace: &Workspace) -> anyhow::Result<Vec<Package>> {
    let host = command::host()?;
    let metadata = workspace.metadata(&["--locked", "--filter-platform", &host])?;
    let text = |package: &Value, key: &str| package[key].as_str().map(str::to_owned);
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let package = |package: &Value| {
        Some(Package {
            name: text(package, "name")?,
            version: text(package, "version")?,
            licence: text(package, "license").unwrap_or_default(),
            source: text(package, "source"),
            manifest: text(package, "manifest_path")?,
        })
    };
    Ok(packages.iter().filter_map(package).collect())
}

/// The strings of `allow = [ … ]`: the one list that both checkers read.
fn allowed(deny: &str) -> anyhow::Result<BTreeSet<String>> {
    let (_, rest) = deny
        .split_once("\nallow = [")
        .context("deny.toml has no `allow = [`")?;
    let (list, _) = rest
        .split_once(']')
        .context("the list `allow` in deny.toml does not end")?;
    Ok(list
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect())
}

fn notice_files(manifest: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let folder = manifest.parent().context("a manifest lies in a folder")?;
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_uppercase();
        let notice = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        if notice && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_is_read_from_deny_toml() {
        let allowed = super::allowed(include_str!("../../deny.toml")).unwrap();
        assert!(
            allowed.contains("MIT") && allowed.contains("Apache-2.0"),
            "{allowed:?}"
        );
        assert!(!allowed.contains("GPL-3.0"), "{allowed:?}");
    }
}
