//! Builds plugin crates to components: `target/components/NAME.wasm`, those that only tests use below `test/`.

mod fingerprint;
mod toolchain;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use wit_component::ComponentEncoder;

use crate::{
    command,
    workspace::{Package, Workspace},
};
pub(crate) use toolchain::apt_install;
use toolchain::{Target, Toolchain};

/// Which of the plugin crates.
pub(crate) enum Which {
    All,
    /// Those of `plugins/`, not the fixtures of the tests.
    Shipped,
    Named(Vec<String>),
}

impl Which {
    /// No name at all means every plugin.
    pub(crate) fn named(names: Vec<String>) -> Self {
        if names.is_empty() {
            Self::All
        } else {
            Self::Named(names)
        }
    }
}

/// One plugin crate.
struct Plugin {
    name: String,
    folder: PathBuf,
    target: Target,
    component: PathBuf,
}

/// Where the component of a shipped plugin is.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target().join("components")
}

/// Brings the components up to date; a plugin whose sources did not change is not built again.
pub(crate) fn build(workspace: &Workspace, which: &Which) -> anyhow::Result<()> {
    let mut toolchain = Toolchain::new();
    let mut stale = BTreeMap::<Target, Vec<(Plugin, String)>>::new();
    for plugin in plugins(workspace, which)? {
        let compiler = toolchain.identity(plugin.target)?;
        let fingerprint = fingerprint::of(workspace, &plugin.folder, plugin.target, &compiler)?;
        let stamp = fs::read_to_string(stamp(&plugin.component)).unwrap_or_default();
        if stamp != fingerprint || !plugin.component.is_file() {
            stale
                .entry(plugin.target)
                .or_default()
                .push((plugin, fingerprint));
        }
    }
    for (target, plugins) in stale {
        compile(workspace, &mut toolchain, target, &plugins)?;
        for (plugin, fingerprint) in plugins {
            let module = module(workspace, &plugin);
            finish(&plugin, &module)
                .with_context(|| format!("the plugin {} is not a component", plugin.name))?;
            fs::write(stamp(&plugin.component), fingerprint)?;
        }
    }
    Ok(())
}

fn plugins(workspace: &Workspace, which: &Which) -> anyhow::Result<Vec<Plugin>> {
    let mut plugins = Vec::new();
    for package in workspace.packages()? {
        let shipped = package.folder.starts_with(workspace.path("plugins"));
        let fixture = package
            .folder
            .starts_with(workspace.path("gateway/tests/plugins"));
        let wanted = match which {
            Which::All => shipped || fixture,
            Which::Shipped => shipped,
            Which::Named(names) => (shipped || fixture) && names.contains(&package.name),
        };
        if wanted {
            plugins.push(plugin(workspace, package, fixture)?);
        }
    }
    if let Which::Named(names) = which {
        let unknown = names
            .iter()
            .find(|name| !plugins.iter().any(|plugin| plugin.name == **name));
        if let Some(name) = unknown {
            bail!(
                "no plugin crate is called {name}: write the name of a package in plugins/ or gateway/tests/plugins/"
            );
        }
    }
    Ok(plugins)
}

fn plugin(workspace: &Workspace, package: Package, fixture: bool) -> anyhow::Result<Plugin> {
    let target = match package.metadata["target"].as_str() {
        None => Target::Unknown,
        Some(name) => Target::named(name).with_context(|| {
            format!("{}: [package.metadata.witgate] target = {name:?}: write \"wasm32-unknown-unknown\" or \"wasm32-wasip2\"", package.name)
        })?,
    };
    let place = if fixture {
        folder(workspace).join("test")
    } else {
        folder(workspace)
    };
    Ok(Plugin {
        component: place.join(format!("{}.wasm", package.name)),
        name: package.name,
        folder: package.folder,
        target,
    })
}

/// One run of cargo for all of them: they share their dependencies and both cores.
fn compile(
    workspace: &Workspace,
    toolchain: &mut Toolchain,
    target: Target,
    plugins: &[(Plugin, String)],
) -> anyhow::Result<()> {
    let names = plugins
        .iter()
        .map(|(plugin, _)| plugin.name.as_str())
        .collect::<Vec<_>>();
    eprintln!("Building for {}: {}", target.name(), names.join(", "));
    let mut cargo = workspace.cargo("build");
    cargo.args(["--lib", "--profile", "guest", "--target", target.name()]);
    cargo.arg("--target-dir").arg(guest_folder(workspace));
    cargo.args(names.iter().flat_map(|name| ["--package", name]));
    toolchain.prepare(target, &mut cargo)?;
    command::run(&mut cargo)
}

fn guest_folder(workspace: &Workspace) -> PathBuf {
    workspace.target().join("guest")
}

/// What cargo left behind.
fn module(workspace: &Workspace, plugin: &Plugin) -> PathBuf {
    guest_folder(workspace)
        .join(plugin.target.name())
        .join("guest")
        .join(format!("{}.wasm", plugin.name.replace('-', "_")))
}

/// Puts the component in its place in one step, so that a gateway that watches it never sees half of it.
fn finish(plugin: &Plugin, module: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(module).with_context(|| {
        format!(
            "no {}: has its Cargo.toml crate-type = [\"cdylib\"]?",
            module.display()
        )
    })?;
    let component = match plugin.target {
        Target::Unknown => ComponentEncoder::default()
            .validate(true)
            .module(&bytes)?
            .encode()?,
        Target::Wasip2 => bytes,
    };
    // The layer field (the Component Model's Binary.md): 1 for a component, 0 for a core module.
    ensure!(
        component.get(4..8) == Some(&[0x0d, 0, 1, 0]),
        "its bytes are those of a core module"
    );
    let folder = plugin
        .component
        .parent()
        .context("a component lies in a folder")?;
    fs::create_dir_all(folder)?;
    let draft = plugin.component.with_extension("wasm.new");
    fs::write(&draft, &component)?;
    fs::rename(&draft, &plugin.component)?;
    eprintln!(
        "  {} ({} kB)",
        plugin.component.display(),
        component.len().div_ceil(1000)
    );
    Ok(())
}

fn stamp(component: &Path) -> PathBuf {
    component.with_extension("stamp")
}
