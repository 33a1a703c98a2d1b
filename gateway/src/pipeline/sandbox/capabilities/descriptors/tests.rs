//! Declared names, with real files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use prost_reflect::DescriptorPool;
use tempfile::TempDir;

use super::{
    super::catalog::{Content, Kind},
    *,
};
use crate::config::{Source as ConfigSource, problem::Problem, raw};

const BOOKS: &str = r#"syntax = "proto3";
package books;
import "google/api/annotations.proto";
import "book.proto";
service Books {
  // Finds one.
  rpc Get(Book) returns (Book) {
    option (google.api.http) = { get: "/v1/{name}" };
  }
}
"#;

const BOOK: &str = "syntax = \"proto3\";\npackage books;\nmessage Book { string name = 1; }\n";

struct Bed {
    folder: TempDir,
    descriptors: Descriptors,
}

impl Bed {
    fn new() -> Self {
        let bed = Self {
            folder: tempfile::tempdir().unwrap(),
            descriptors: Descriptors::default(),
        };
        bed.write("books.proto", BOOKS);
        bed.write("book.proto", BOOK);
        bed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn declare(&self, yaml: &str) -> Found {
        let text = format!("listeners: []\ndescriptors:\n  books: {yaml}\n");
        let source = ConfigSource::<raw::Gateway>::new("witgate.yaml".into(), &text);
        let raw = source
            .raw
            .unwrap_or_else(|| panic!("{:?}", source.problems));
        let base = self.folder.path();
        let found = self
            .descriptors
            .declare(&raw.descriptors, &source.path, base, None);
        if let Some(catalog) = &found.catalog {
            self.descriptors.commit(catalog, &BTreeMap::new());
        }
        found
    }

    fn schema(&self, yaml: &str) -> Arc<Content> {
        let found = self.declare(yaml);
        let catalog = found
            .catalog
            .unwrap_or_else(|| panic!("{:?}", found.problems));
        catalog.open(&(Kind::Descriptors, "books".into())).unwrap()
    }

    fn problem(&self, yaml: &str) -> Problem {
        let found = self.declare(yaml);
        found.problems.into_iter().next().unwrap()
    }
}

fn pool(schema: &Content) -> DescriptorPool {
    DescriptorPool::decode(schema.bytes()).unwrap()
}

#[test]
fn files_are_compiled_with_what_they_import() {
    let bed = Bed::new();
    let schema = bed.schema("books.proto");
    let pool = pool(&schema);
    let names: Vec<_> = pool.files().map(|it| it.name().to_owned()).collect();
    assert_eq!(names.last().unwrap(), "books.proto");
    assert!(names.contains(&"google/api/http.proto".into()), "{names:?}");
    let method = pool.get_service_by_name("books.Books").unwrap();
    let method = method.methods().next().unwrap();
    let rule = pool.get_extension_by_name("google.api.http").unwrap();
    let rule = method.options().get_extension(&rule).into_owned();
    let rule = rule.as_message().unwrap();
    let get = rule.get_field_by_name("get").unwrap().into_owned();
    assert_eq!(get.as_str(), Some("/v1/{name}"));
    let watched = bed.descriptors.files();
    assert!(watched.contains(&bed.path("book.proto")), "{watched:?}");
    // A file that appears there would be taken.
    assert!(watched.contains(&bed.path("google/api/http.proto")));
}

#[test]
fn a_set_is_what_protoc_writes() {
    let bed = Bed::new();
    let compiled = bed.schema("books.proto");
    bed.write("books.pb", compiled.bytes());
    assert_eq!(bed.schema("books.pb").digest(), compiled.digest());
    let pin = format!("{{ set: books.pb, pin: {} }}", compiled.digest());
    assert_eq!(bed.schema(&pin).digest(), compiled.digest());

    bed.write("books.pb", b"\x0a\x03abc");
    let problem = bed.problem("{ set: books.pb }");
    assert!(problem.message.contains("no whole descriptor set"));
    assert_eq!(problem.span.line, 3);
    bed.write("books.pb", b"");
    assert!(bed.problem("books.pb").message.contains("nothing in it"));
    assert!(bed.problem("gone.pb").message.contains("cannot read"));
}

#[test]
fn an_error_stands_at_its_place_in_the_proto_file() {
    let bed = Bed::new();
    bed.write("book.proto", BOOK.replace("string", "strin"));
    let found = bed.declare("books.proto");
    assert!(found.catalog.is_none(), "there was no good content before");
    let problem = &found.problems[0];
    assert!(problem.file.ends_with("book.proto"), "{problem:?}");
    assert_eq!((problem.span.line, problem.span.column), (3, 16));
    assert!(problem.message.contains("strin"), "{problem:?}");
    let (file, span, what) = problem.related.as_ref().unwrap();
    assert_eq!((file.as_path(), span.line), (Path::new("witgate.yaml"), 3));
    assert!(what.contains("`books`"), "{what}");
    assert!(found.texts[0].1.contains("strin name"));

    fs::remove_file(bed.path("book.proto")).unwrap();
    let problem = bed.problem("books.proto");
    assert!(problem.file.ends_with("books.proto"), "{problem:?}");
    assert_eq!(problem.span.line, 4);
    assert!(problem.hint.unwrap().contains("`include`"));
    let problem = bed.problem("gone.proto");
    assert_eq!(problem.file.as_path(), Path::new("witgate.yaml"));
}

#[test]
fn the_last_good_content_stays_while_a_file_is_broken() {
    let bed = Bed::new();
    let good = bed.schema("books.proto");
    bed.write("book.proto", "syntax = ");
    let found = bed.declare("books.proto");
    assert_eq!(found.problems.len(), 1);
    let kept = found
        .catalog
        .unwrap()
        .open(&(Kind::Descriptors, "books".into()))
        .unwrap();
    assert_eq!(kept.digest(), good.digest());
    let status = bed.descriptors.status().remove(0);
    assert!(status.error.is_some() && status.digest.is_some());

    bed.write("book.proto", BOOK.replace("name", "title"));
    bed.write("books.proto", BOOKS.replace("{name}", "{title}"));
    let found = bed.declare("books.proto");
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    let newer = found
        .catalog
        .unwrap()
        .open(&(Kind::Descriptors, "books".into()))
        .unwrap();
    assert_ne!(newer.digest(), good.digest());
    assert_eq!(bed.descriptors.status().remove(0).error, None);
}

#[test]
fn another_content_than_the_pinned_one_stays_out() {
    let bed = Bed::new();
    let good = bed.schema("books.proto");
    let pinned = format!("{{ proto: books.proto, pin: {} }}", good.digest());
    assert_eq!(bed.schema(&pinned).digest(), good.digest());
    bed.write("book.proto", format!("{BOOK}message More {{}}\n"));
    let found = bed.declare(&pinned);
    assert!(
        found.problems[0]
            .message
            .contains("another content is pinned")
    );
    assert!(found.problems[0].span.column > 20, "at the pin");
    let kept = found
        .catalog
        .unwrap()
        .open(&(Kind::Descriptors, "books".into()))
        .unwrap();
    assert_eq!(kept.digest(), good.digest());
}

#[test]
fn a_hidden_file_is_told() {
    let bed = Bed::new();
    fs::create_dir(bed.path("first")).unwrap();
    bed.write("first/books.proto", BOOK);
    let problem = bed.problem("{ proto: books.proto, include: [first, .] }");
    assert!(problem.message.contains("hides"), "{problem:?}");
}

/// Another interval, or another server, is no reason to stop serving.
#[test]
fn what_is_known_stays_until_another_server_has_answered() {
    let bed = Bed::new();
    let good = bed.schema("books.proto");
    let server = "{ reflection: 'http://127.0.0.1:1', refresh: 5s }";
    assert_eq!(bed.schema(server).digest(), good.digest());
    assert_eq!(bed.schema("http://127.0.0.1:2").digest(), good.digest());
    let pinned = format!(
        "{{ reflection: 'http://127.0.0.1:2', pin: '{}' }}",
        "0".repeat(64)
    );
    let catalog = bed.declare(&pinned).catalog.unwrap();
    assert!(
        catalog
            .awaits(&(Kind::Descriptors, "books".into()))
            .is_some(),
        "it is not what is pinned"
    );
}

#[test]
fn a_server_is_awaited_and_nothing_is_wrong() {
    let bed = Bed::new();
    let found = bed.declare("http://127.0.0.1:1");
    assert!(found.problems.is_empty());
    let error = found
        .catalog
        .unwrap()
        .open(&(Kind::Descriptors, "books".into()))
        .unwrap_err();
    assert!(error.contains("not there yet"), "{error}");
    let status = bed.descriptors.status().remove(0);
    assert_eq!(status.source, "reflection of http://127.0.0.1:1");
    let mut metrics = String::new();
    bed.descriptors.render(&mut metrics);
    let ready = "witgate_descriptors_ready{name=\"books\"} 0\n";
    assert!(metrics.contains(ready), "{metrics}");
}
