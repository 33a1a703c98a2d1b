//! Files as they come and go.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Files, FilesFound};
use crate::{
    config::span::Spanned,
    pipeline::sandbox::capabilities::catalog::{Catalog, Entry, Kind},
};

fn declare(files: &Files, base: &Path, names: &[&str]) -> FilesFound {
    let raw = names.iter().map(|name| {
        let path = Spanned::new(PathBuf::from(name), Default::default());
        ((*name).to_owned(), path)
    });
    files.declare(&raw.collect(), &Arc::new("witgate.yaml".into()), base)
}

fn bytes(catalog: &Catalog, name: &str) -> Vec<u8> {
    match catalog.get(&(Kind::File, name.into())) {
        Some(Entry::Ready(content)) => content.bytes().to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_read_stays_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users");
    let files = Files::default();
    let found = declare(&files, folder.path(), &["users"]);
    assert!(found.catalog.is_none() && found.problems.len() == 1);
    assert!(
        found.problems[0]
            .message
            .starts_with("cannot take the file `users` from ")
    );
    files.withdraw();

    std::fs::write(&path, "one").unwrap();
    let found = declare(&files, folder.path(), &["users"]);
    assert_eq!(bytes(&found.catalog.unwrap(), "users"), b"one");
    files.commit(&BTreeMap::new());
    assert_eq!(files.files(), std::slice::from_ref(&path));

    std::fs::remove_file(&path).unwrap();
    let found = declare(&files, folder.path(), &["users"]);
    assert_eq!(
        (
            bytes(&found.catalog.unwrap(), "users"),
            found.problems.len()
        ),
        (b"one".to_vec(), 1)
    );
    files.commit(&BTreeMap::new());
    std::fs::write(&path, vec![b'x'; (4 << 20) + 1]).unwrap();
    let found = declare(&files, folder.path(), &["users"]);
    assert!(
        found.problems[0]
            .message
            .ends_with("it is longer than 4 MiB")
    );
    assert_eq!(bytes(&found.catalog.unwrap(), "users"), b"one");
    files.commit(&BTreeMap::new());
    let mut metrics = String::new();
    files.render(&mut metrics);
    assert!(
        metrics.contains("witgate_file_stale{file=\"users\"} 1\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("witgate_file_read_failures_total{file=\"users\"} 2\n"),
        "{metrics}"
    );

    std::fs::write(&path, "two").unwrap();
    let found = declare(&files, folder.path(), &["users"]);
    assert_eq!(
        (
            bytes(&found.catalog.unwrap(), "users"),
            found.problems.len()
        ),
        (b"two".to_vec(), 0)
    );
}

#[test]
fn why_content_does_not_serve_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("users"), "").unwrap();
    let files = Files::default();
    assert!(
        declare(&files, folder.path(), &["users"]).catalog.is_some(),
        "empty is content"
    );
    let why = String::from("routes.d/a.yaml:1: line 3 is none");
    files.commit(
        &[((Kind::File, "users".into()), why.clone())]
            .into_iter()
            .collect(),
    );
    assert_eq!(files.status()[0].error, Some(why));
}
