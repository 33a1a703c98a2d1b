//! Commands as a reader of the documentation would type them.

use std::{path::Path, process::Stdio};

use tokio::process::Command;

use super::soon;

/// What the command prints in this folder, where `witgate` is the one under test; it must succeed.
pub(crate) async fn run(command: &str, folder: &Path) -> String {
    let witgate = Path::new(env!("CARGO_BIN_EXE_witgate"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", witgate.parent().unwrap().display());
    let child = Command::new("bash")
        .args(["-o", "pipefail", "-c", command])
        .current_dir(folder)
        .env("PATH", path)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = soon(command, child).await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "$ {command}\n{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}
