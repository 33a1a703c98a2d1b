//! `cargo xtask new`: a plugin to begin with.

use std::fs;

use anyhow::ensure;

use crate::workspace::Workspace;

/// The README's first plugin, which the tests run.
const SOURCE: &str = include_str!("../../gateway/tests/plugins/greeter/src/lib.rs");
const MANIFEST: &str = include_str!("../../gateway/tests/plugins/greeter/Cargo.toml");

pub(crate) fn plugin(workspace: &Workspace, name: &str) -> anyhow::Result<()> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    ensure!(
        begins && name.bytes().all(fits),
        "{name:?} cannot be a plugin's name: write lower-case letters, digits and -"
    );
    let folder = workspace.path("plugins").join(name);
    ensure!(!folder.exists(), "{} is there already", folder.display());
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), manifest(name))?;
    fs::write(folder.join("src/lib.rs"), SOURCE)?;
    eprintln!(
        "Made plugins/{name}. Build it with `cargo xtask components {name}`, then name it in witgate.yaml:\n\n\
         plugins:\n  {name}: {{ component: target/components/{name}.wasm }}\n\n\
         and use it on a route in routes.d:\n\n\
         \x20   plugins:\n      - {name}: {{ greeting: hello }}\n"
    );
    Ok(())
}

fn manifest(name: &str) -> String {
    let lines = MANIFEST.lines().map(|line| match line.split_once(" = ") {
        Some(("name", _)) => format!("name = \"{name}\"\n"),
        Some(("description", _)) => String::from("description = \"Greets the upstream.\"\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_manifest_has_the_new_name() {
        let manifest = super::manifest("shout");
        assert!(manifest.contains("name = \"shout\"\n"), "{manifest}");
        assert!(
            !manifest.contains("greeter") && manifest.contains("cdylib"),
            "{manifest}"
        );
    }
}
