//! Secrets from real files, and what they are good for.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::{Content, Secrets};
use crate::config::{problem::Problem, raw, span::Spanned};

const OLD: &str = "0123456789abcdef-old";
const NEW: &str = "0123456789abcdef-new";

fn content(versions: &[&str]) -> Content {
    let versions = versions.iter();
    let versions = versions.map(|version| Zeroizing::new(version.as_bytes().to_vec()));
    Content::new(versions.collect()).unwrap()
}

#[test]
fn what_an_older_version_made_is_right_until_it_is_gone() {
    let (before, during, after) = (content(&[OLD]), content(&[NEW, OLD]), content(&[NEW]));
    let sealed = before.seal(b"session".to_vec(), b"cookie").unwrap();
    let tag = before.hmac(b"data");
    assert_eq!(during.unseal(&sealed, b"cookie").unwrap(), b"session");
    assert!(during.verify_hmac(b"data", tag.as_ref()));
    assert!(during.equals(OLD.as_bytes()) && during.equals(NEW.as_bytes()));
    assert_eq!(after.unseal(&sealed, b"cookie"), None);
    assert!(!after.verify_hmac(b"data", tag.as_ref()) && !after.equals(OLD.as_bytes()));

    let fresh = during.seal(b"session".to_vec(), b"cookie").unwrap();
    assert_eq!(after.unseal(&fresh, b"cookie").unwrap(), b"session");
    let all: Vec<_> = during.hmac_all(b"data").collect();
    assert_eq!(all[0].as_ref(), during.hmac(b"data").as_ref());
    assert_eq!(all[1].as_ref(), tag.as_ref());
}

/// RFC 4231 section 4.2 has a key of 20 bytes.
#[test]
fn hmac_is_that_of_the_rfc() {
    let secret = Content::new(vec![Zeroizing::new(vec![0x0b; 20])]).unwrap();
    let tag = secret.hmac(b"Hi There");
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hex,
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    );
}

#[test]
fn the_same_is_never_sealed_the_same_and_is_bound_to_its_context() {
    let secret = content(&[NEW]);
    let seal = || secret.seal(b"a".to_vec(), b"login").unwrap();
    assert_ne!(seal(), seal());
    assert_eq!(secret.unseal(&seal(), b"logout"), None);
    assert_eq!(seal().len(), 1 + 29);
}

#[test]
fn nothing_shows_the_bytes() {
    let secret = content(&[NEW]);
    assert_eq!(format!("{secret:?}"), "Content(1 versions)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_was_changed_is_not_unsealed(
        plaintext in proptest::collection::vec(any::<u8>(), 0..100),
        place in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let secret = content(&[NEW, OLD]);
        let sealed = secret.seal(plaintext.clone(), b"x").unwrap();
        prop_assert_eq!(secret.unseal(&sealed, b"x"), Some(plaintext));
        let mut changed = sealed.clone();
        changed[place.index(sealed.len())] ^= flip;
        prop_assert_eq!(secret.unseal(&changed, b"x"), None);
        prop_assert_eq!(secret.unseal(&sealed[..cut.index(sealed.len())], b"x"), None);
    }
}

/// `witgate.yaml` with these secrets, read as the gateway reads it.
fn declare(secrets: &Secrets, base: &Path, yaml: &str) -> (Vec<Problem>, bool) {
    #[derive(serde::Deserialize)]
    struct File {
        secrets: BTreeMap<String, Spanned<raw::Secret>>,
    }
    let source = crate::config::Source::<File>::new("witgate.yaml".into(), yaml);
    let raw = source.raw.as_ref().expect(yaml);
    let read = secrets.declare(&raw.secrets, &Arc::new(PathBuf::from("witgate.yaml")), base);
    (read.problems, read.complete)
}

#[test]
fn a_file_is_followed_and_what_was_good_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let yaml = "secrets: { key: { file: key } }\n";
    let secrets = Secrets::default();
    let (problems, complete) = declare(&secrets, folder.path(), yaml);
    assert!(
        !complete
            && problems[0]
                .message
                .contains("cannot take the secret `key` from")
    );
    secrets.withdraw();
    assert!(secrets.find("key").is_err());

    std::fs::write(&path, format!("{OLD}\r\n")).unwrap();
    assert!(declare(&secrets, folder.path(), yaml).1);
    secrets.commit();
    let handle = secrets.find("key").unwrap();
    assert_eq!(handle.content().unwrap().newest(), OLD.as_bytes());

    std::fs::write(&path, format!("{NEW}\n")).unwrap();
    assert!(declare(&secrets, folder.path(), yaml).1);
    secrets.commit();
    assert_eq!(handle.content().unwrap().newest(), NEW.as_bytes());

    for bad in ["", "\n", &"x".repeat(70_000)] {
        std::fs::write(&path, bad).unwrap();
        let (problems, complete) = declare(&secrets, folder.path(), yaml);
        assert_eq!((problems.len(), complete), (1, true), "{bad:.10}");
        secrets.commit();
        assert_eq!(handle.content().unwrap().newest(), NEW.as_bytes());
    }
    let status = secrets.status().remove(0);
    assert!(
        status
            .error
            .as_deref()
            .unwrap()
            .contains("longer than 64 KiB")
    );
    assert_eq!((status.failures, status.versions), (3, 1));
    let mut metrics = String::new();
    secrets.render(&mut metrics);
    assert!(metrics.contains("witgate_secret_read_failures_total{secret=\"key\"} 3\n"));
    assert!(metrics.contains("witgate_secret_stale{secret=\"key\"} 1\n"));
}

#[test]
fn what_plugins_key_with_is_not_short_and_does_not_become_so() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "secrets: { key: { file: key } }\n";
    let secrets = Secrets::default();
    std::fs::write(folder.path().join("key"), "hunter2").unwrap();
    assert!(
        declare(&secrets, folder.path(), yaml).1,
        "fit for a password"
    );
    secrets.commit();
    let refused = secrets.open("key").unwrap_err();
    assert!(
        refused.contains("has 7 bytes") && !refused.contains("hunter2"),
        "{refused}"
    );

    std::fs::write(folder.path().join("key"), NEW).unwrap();
    assert!(declare(&secrets, folder.path(), yaml).1);
    secrets.commit();
    assert!(secrets.open("key").is_ok());
    std::fs::write(folder.path().join("key"), "hunter2").unwrap();
    let (problems, complete) = declare(&secrets, folder.path(), yaml);
    assert!(
        complete && problems[0].message.contains("too few"),
        "{problems:?}"
    );
    secrets.commit();
    assert_eq!(
        secrets.find("key").unwrap().content().unwrap().newest(),
        NEW.as_bytes()
    );
}

#[test]
fn wrong_definitions_are_all_reported_and_none_shows_what_was_written() {
    let yaml = "secrets:\n  a: hunter2\n  b: 12345678\n  c: [{ file: x }, hunter2]\n  d: { env: not a name }\n  \
        e: { file: x, env: Y }\n  f: {}\n  g: []\n  h: { env: WITGATE_NOT_SET_ANYWHERE }\n";
    let secrets = Secrets::default();
    let (problems, complete) = declare(&secrets, Path::new("/nowhere"), yaml);
    assert_eq!((problems.len(), complete), (8, false), "{problems:#?}");
    let said = format!("{problems:?}");
    assert!(
        !said.contains("hunter2") && !said.contains("12345678"),
        "{said}"
    );
    assert!(
        said.contains("write `{ file: PATH }`") || said.contains("{ file: PATH }"),
        "{said}"
    );
    let lines: Vec<_> = problems.iter().map(|problem| problem.span.line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7, 8, 9]);
}
