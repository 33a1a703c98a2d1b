//! Real servers to put behind the gateway, installed when a test first needs them.

use std::{
    fs,
    path::{Path, PathBuf},
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
            apt_install(&["nginx-light"]);
        }
    });
    find().expect("this test needs nginx: install it, for instance with `apt-get install nginx`")
}

/// A Python with grpcio and protobuf, in an environment of its own that is kept between runs.
pub(crate) fn python_with_grpc() -> PathBuf {
    static INSTALL: Mutex<()> = Mutex::new(());
    let _guard = INSTALL.lock();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("grpc-python");
    let python = folder.join("bin/python");
    let has_grpc = || {
        succeeds(
            Command::new(&python).args(["-c", "import grpc, google.protobuf, grpc_reflection"]),
            60,
        )
    };
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
        Command::new(&python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "grpcio==1.85.1",
            "grpcio-reflection==1.85.1",
            "protobuf==7.36.2",
        ]),
        300,
    );
    assert!(
        installed && has_grpc(),
        "this test needs grpcio from PyPI, and pip could not install it"
    );
    python
}

/// Debian's Chromium, installed if it is not there.
pub(crate) fn chromium() -> PathBuf {
    static INSTALL: Once = Once::new();
    let find = || on_path(&["chromium", "chromium-browser", "google-chrome"]);
    INSTALL.call_once(|| {
        if find().is_none() {
            apt_install(&["chromium"]);
        }
    });
    find().expect(
        "this test needs Chromium: install it, for instance with `apt-get install chromium`",
    )
}

/// The script of the browser's page with the npm packages that it uses, which are kept between runs.
pub(crate) fn browser_bundle() -> Vec<u8> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/browser");
    let folder = npm_packages("browser", &source.join("package.json"));
    let esbuild = folder.join("node_modules/.bin/esbuild");
    static BUNDLE: Mutex<()> = Mutex::new(());
    let _guard = BUNDLE.lock();
    // Where its imports are found.
    fs::copy(source.join("page.js"), folder.join("page.js")).unwrap();
    let mut bundle = Command::new(&esbuild);
    bundle
        .args([
            "page.js",
            "--bundle",
            "--format=esm",
            "--outfile=bundle.js",
            "--log-level=error",
        ])
        .current_dir(&folder);
    assert!(
        succeeds(&mut bundle, 60),
        "esbuild cannot bundle browser/page.js"
    );
    fs::read(folder.join("bundle.js")).unwrap()
}

/// A folder of this name with the packages of a `package.json`, kept between runs. Scripts that lie there find them.
pub(crate) fn npm_packages(name: &str, package: &Path) -> PathBuf {
    static INSTALL: Mutex<()> = Mutex::new(());
    let _guard = INSTALL.lock();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let packages = fs::read(package).unwrap();
    let installed = fs::read(folder.join("package.json")).unwrap_or_default();
    if packages != installed
        || !folder.join("node_modules").is_dir()
        || on_path(&["node"]).is_none()
    {
        npm_install(&folder, &packages);
    }
    folder
}

fn npm_install(folder: &Path, packages: &[u8]) {
    if on_path(&["npm"]).is_none() {
        apt_install(&["nodejs", "npm"]);
    }
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("package.json"), packages).unwrap();
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
    ])
    .current_dir(folder);
    let installed = succeeds(&mut npm, 300);
    if !installed {
        let _ = fs::remove_file(folder.join("package.json"));
    }
    assert!(installed, "this test needs Node.js, and packages from npm");
}

/// The first of these programs that there is.
fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    places.find(|place| place.is_file())
}

fn apt_install(packages: &[&str]) {
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
    let install = [&["install", "-y", "--no-install-recommends"], packages].concat();
    let _ = apt(&["update"], 180) && apt(&install, 300);
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
