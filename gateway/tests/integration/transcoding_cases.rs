//! The component `grpc-json-transcoder` against lists of cases: the project's own, and a larger one that lies beside
//! the checkout or where `WITGATE_TRANSCODING_CASES` says.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::components;

/// Cargo builds examples with the tests, beside their folder.
fn runner() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    folder.join("examples/transcoding_cases")
}

/// Runs all cases of the file and checks that none fails. Returns the last line.
fn run(file: &Path) -> String {
    components::shipped("grpc-json-transcoder");
    let output = Command::new(runner()).arg(file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    said.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn the_projects_own_cases_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let last = run(&folder.join("tests/transcoding/cases.json"));
    assert!(last.ends_with(" passed, 0 failed, 0 skipped"), "{last}");
}

#[test]
fn the_cases_of_peers_pass() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/transcoding/cases.json");
    let named = std::env::var_os("WITGATE_TRANSCODING_CASES").map(PathBuf::from);
    let file = named.unwrap_or(beside);
    if !file.is_file() {
        eprintln!(
            "{} is not here: only the project's own cases have run",
            file.display()
        );
        return;
    }
    eprintln!("{}", run(&file));
}
