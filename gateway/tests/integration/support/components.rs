//! Components to test with, compiled when they are not there yet.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the gateway is a folder of the workspace")
}

/// The component of a crate in `plugins/`.
pub(crate) fn shipped(name: &str) -> PathBuf {
    find(&format!("{name}.wasm"))
}

/// The component of a crate in `gateway/tests/plugins/`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    find(&format!("test/{name}.wasm"))
}

fn find(file: &str) -> PathBuf {
    static BUILD: Once = Once::new();
    // Two levels up from `target/tmp`.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("it lies in the target folder");
    let component = target.join("components").join(file);
    if !component.is_file() {
        BUILD.call_once(|| {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let status = Command::new(cargo)
                .args(["xtask", "components"])
                .current_dir(root())
                .status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "`cargo xtask components` failed"
            );
        });
    }
    assert!(
        component.is_file(),
        "{} is missing: run `cargo xtask components`",
        component.display()
    );
    component
}
