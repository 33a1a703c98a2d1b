//! Finds, or installs, what compiles Rust to WebAssembly on this machine.
//!
//! In this order: the target's standard library beside rustc; Debian's compiler with the sources of its
//! standard library, when it is there already; `rustup target add`; the same Debian packages from apt.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, bail};

use crate::command;

/// A kind of WebAssembly that plugins are compiled to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// Imports what the world has and nothing else.
    Unknown,
    /// With WASI 0.2, for crates that insist on a clock, files or randomness from std.
    Wasip2,
}

impl Target {
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Unknown, Self::Wasip2]
            .into_iter()
            .find(|target| target.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "wasm32-unknown-unknown",
            Self::Wasip2 => "wasm32-wasip2",
        }
    }
}

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
const DEBIAN_WASI: &str = "/usr/lib/wasm32-wasi/libc.a";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "wasi-libc"];

/// How components are compiled here; found when first needed.
pub(crate) struct Toolchain {
    found: Vec<(Target, Way)>,
}

#[derive(Clone, Copy)]
enum Way {
    /// The target is installed beside rustc.
    Installed,
    /// Debian's compiler builds the standard library too.
    Debian,
}

impl Toolchain {
    pub(crate) fn new() -> Self {
        Self { found: Vec::new() }
    }

    /// Makes `cargo build` able to compile for the target.
    pub(crate) fn prepare(&mut self, target: Target, cargo: &mut Command) -> anyhow::Result<()> {
        match self.way(target)? {
            Way::Installed => Ok(()),
            Way::Debian => build_std(target, cargo),
        }
    }

    /// Names the compiler, so that another one means another build.
    pub(crate) fn identity(&mut self, target: Target) -> anyhow::Result<String> {
        let rustc = match self.way(target)? {
            Way::Installed => "rustc",
            Way::Debian => DEBIAN_RUSTC,
        };
        command::output(Command::new(rustc).arg("-vV"))
    }

    fn way(&mut self, target: Target) -> anyhow::Result<Way> {
        if let Some((_, way)) = self.found.iter().find(|(known, _)| *known == target) {
            return Ok(*way);
        }
        let way = match present(target)? {
            Some(way) => way,
            None => install(target)?,
        };
        self.found.push((target, way));
        Ok(way)
    }
}

fn present(target: Target) -> anyhow::Result<Option<Way>> {
    let installed = sysroot()?
        .join("lib/rustlib")
        .join(target.name())
        .join("lib");
    let debian = [DEBIAN_RUSTC, DEBIAN_SOURCES, DEBIAN_WASI];
    Ok(if installed.is_dir() {
        Some(Way::Installed)
    } else if debian.iter().all(|path| Path::new(path).is_file()) {
        Some(Way::Debian)
    } else {
        None
    })
}

fn install(target: Target) -> anyhow::Result<Way> {
    let advice = format!(
        "install the compiler's {0} target, for instance with `rustup target add {0}`",
        target.name()
    );
    eprintln!("Looking for a way to compile for {} …", target.name());
    let rustup = command::run_bounded(
        Command::new("rustup").args(["target", "add", target.name()]),
        Duration::from_secs(120),
    );
    if rustup.is_ok()
        && let Some(way) = present(target)?
    {
        return Ok(way);
    }
    if !command::exists("apt-get") {
        bail!(advice);
    }
    eprintln!(
        "rustup cannot add it; installing Debian's {} …",
        DEBIAN_PACKAGES.join(", ")
    );
    apt_install(&DEBIAN_PACKAGES).context(advice.clone())?;
    present(target)?.context(advice)
}

/// As root, or through a sudo that asks nothing.
pub(crate) fn apt_install(packages: &[&str]) -> anyhow::Result<()> {
    let root = command::output(Command::new("id").arg("-u"))? == "0";
    let apt = |arguments: &[&str], limit| {
        let mut apt = if root {
            Command::new("env")
        } else {
            Command::new("sudo")
        };
        if !root {
            apt.args(["-n", "env"]);
        }
        apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .args(arguments);
        command::run_bounded(&mut apt, Duration::from_secs(limit))
    };
    apt(&["update", "-q"], 180)?;
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    apt(&[&install, packages].concat(), 900)
}

/// Debian's rustc has no standard library for WebAssembly, only its sources: cargo builds it along.
fn build_std(target: Target, cargo: &mut Command) -> anyhow::Result<()> {
    let tools = sysroot()?
        .join("lib/rustlib")
        .join(command::host()?)
        .join("bin");
    let lld = tools.join("rust-lld");
    cargo
        .env("RUSTC", DEBIAN_RUSTC)
        // build-std is unstable; the compiler is Debian's own choice of a stable one.
        .env("RUSTC_BOOTSTRAP", "1")
        .arg("-Zbuild-std=std,panic_abort");
    match target {
        Target::Unknown => {
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", lld);
        }
        Target::Wasip2 => {
            cargo
                .env(
                    "CARGO_TARGET_WASM32_WASIP2_LINKER",
                    tools.join("wasm-component-ld"),
                )
                .env(
                    "RUSTFLAGS",
                    "-L/usr/lib/wasm32-wasi -Clink-self-contained=no",
                )
                .env("PATH", path_with(&[tools.clone(), tools.join("gcc-ld")])?);
        }
    }
    Ok(())
}

fn path_with(folders: &[PathBuf]) -> anyhow::Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(
        folders.iter().cloned().chain(std::env::split_paths(&path)),
    )?)
}

fn sysroot() -> anyhow::Result<PathBuf> {
    command::output(Command::new("rustc").args(["--print", "sysroot"])).map(PathBuf::from)
}
