//! Real servers to put behind the gateway, installed when a test first needs them.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Mutex, Once},
    time::{Duration, Instant},
};

/// Debian's nginx, installed if it is not there.
pub(crate) fn nginx() -> PathBuf {
    static INSTALL: Once = Once::new();
    let find = || {
        ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx"]
            .map(PathBuf::from)
            .into_iter()
            .find(|path| path.is_file())
    };
    INSTALL.call_once(|| {
        if find().is_none() {
            apt_install("nginx-light");
        }
    });
    find().expect("this test needs nginx: install it, for instance with `apt-get install nginx`")
}

/// A Python with grpcio, in an environment of its own that is kept between runs.
pub(crate) fn python_with_grpc() -> PathBuf {
    static INSTALL: Mutex<()> = Mutex::new(());
    let _guard = INSTALL.lock();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("grpc-python");
    let python = folder.join("bin/python");
    let has_grpc = || succeeds(Command::new(&python).args(["-c", "import grpc"]), 60);
    if python.is_file() && has_grpc() {
        return python;
    }
    let made = succeeds(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
        120,
    );
    assert!(
        made,
        "this test needs Python 3 with its venv module: install python3 and python3-venv"
    );
    let installed = succeeds(
        Command::new(&python).args(["-m", "pip", "install", "--quiet", "grpcio==1.85.1"]),
        300,
    );
    assert!(
        installed && has_grpc(),
        "this test needs grpcio from PyPI, and pip could not install it"
    );
    python
}

fn apt_install(package: &str) {
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n");
    let apt = |arguments: &[&str], seconds| {
        let mut apt = Command::new(if root { "env" } else { "sudo" });
        if !root {
            apt.args(["-n", "env"]);
        }
        succeeds(
            apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"])
                .args(arguments),
            seconds,
        )
    };
    // The caller looks whether it is there now.
    let _ =
        apt(&["update"], 180) && apt(&["install", "-y", "--no-install-recommends", package], 300);
}

fn succeeds(command: &mut Command, seconds: u64) -> bool {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn();
    let Ok(mut child) = child else { return false };
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) | Err(_) => break,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}
