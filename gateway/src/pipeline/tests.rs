//! The shape of the code: who may know whom.

use std::{fs, path::Path};

const STAGES: [&str; 6] = [
    "limit", "listen", "protocol", "route", "sandbox", "upstream",
];

fn each_file(folder: &Path, see: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_file(&path, see);
        } else {
            see(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

/// What a file imports, one line for each `use`.
fn imports(text: &str) -> Vec<String> {
    let uses = text
        .split("\n")
        .map(str::trim_start)
        .collect::<Vec<_>>()
        .join(" ");
    let uses = uses
        .split(" use ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next());
    uses.map(str::to_owned).collect()
}

#[test]
fn stages_do_not_know_each_other() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for stage in STAGES {
        each_file(&source.join("pipeline").join(stage), &mut |path, text| {
            seen += 1;
            for import in imports(text) {
                for other in STAGES.iter().filter(|other| **other != stage) {
                    let named = format!("pipeline::{other}");
                    let inside = import.starts_with("crate::") || import.contains("super::super");
                    let listed = inside && import.contains(&format!(" {other}::"));
                    assert!(
                        !import.contains(&named) && !listed,
                        "{}: {import}",
                        path.display()
                    );
                }
                for above in [
                    "crate::snapshot",
                    "crate::worker",
                    "crate::app",
                    "crate::admin",
                ] {
                    assert!(!import.starts_with(above), "{}: {import}", path.display());
                }
            }
        });
    }
    assert!(seen > 50, "{seen} files");
}

#[test]
fn only_the_sandbox_names_wasmtime() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    each_file(&source, &mut |path, text| {
        if !path.components().any(|part| part.as_os_str() == "sandbox")
            && !path.ends_with("sandbox.rs")
        {
            assert!(
                !text.contains(concat!("wasm", "time::")),
                "{}",
                path.display()
            );
        }
    });
}
