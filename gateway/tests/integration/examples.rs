//! Every example that is shipped or written down is one that works.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{
    components,
    documentation::{blocks, named_blocks, root},
    gateway::witgate,
};

/// README.md and docs/*.md.
fn pages() -> BTreeMap<PathBuf, String> {
    let docs = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages
        .chain([root().join("README.md")])
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

/// Checks a folder that has `witgate.yaml` and `routes.d`, with the components that pages speak of beside it.
fn check(what: &str, folder: &Path) {
    for plugin in [
        "access-control",
        "api-key",
        "basic-auth",
        "circuit-breaker",
        "jwt-auth",
        "grpc-json-transcoder",
        "oauth2-client",
        "oauth2-introspection",
        "oidc-login",
    ] {
        let component = components::shipped(plugin);
        for place in ["target/components", "components"] {
            copy(
                &component,
                &folder.join(place).join(format!("{plugin}.wasm")),
            );
        }
    }
    let greeter = components::fixture("greeter");
    copy(&greeter, &folder.join("target/components/greeter.wasm"));
    let mut command = witgate(folder);
    with_secrets(folder, &mut command);
    let output = command.arg("check").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}:\n{text}");
}

#[tokio::test]
async fn the_sample_configurations_are_right() {
    for (settings, routes) in [
        ("witgate.yaml", "routes.d"),
        ("packaging/witgate.yaml", "packaging/routes.d"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        copy(&root().join(settings), &folder.path().join("witgate.yaml"));
        let files = fs::read_dir(root().join(routes))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>();
        assert!(!files.is_empty());
        for file in files {
            copy(
                &file,
                &folder
                    .path()
                    .join("routes.d")
                    .join(file.file_name().unwrap()),
            );
        }
        check(settings, folder.path());
    }
}

#[tokio::test]
async fn the_examples_of_every_page_are_right() {
    let mut checked = 0;
    for (path, page) in pages() {
        let mut settings = "listeners: [{ address: '127.0.0.1:8080' }]\n";
        for block in blocks(&page, "yaml") {
            let name = block
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("# "))
                .unwrap_or_default();
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("routes.d")).unwrap();
            for (language, comment) in [("proto", "// "), ("jsonl", "# "), ("htpasswd", "# ")] {
                for (name, content) in named_blocks(&page, language, comment) {
                    fs::write(folder.path().join(name), content).unwrap();
                }
            }
            match name {
                "witgate.yaml" => settings = block,
                name if name.starts_with("routes.d/") => {
                    fs::write(folder.path().join(name), block).unwrap();
                }
                _ => panic!(
                    "{}: an example must begin with its file's name:\n{block}",
                    path.display()
                ),
            }
            fs::write(folder.path().join("witgate.yaml"), settings).unwrap();
            with_certificate(folder.path());
            check(&format!("{}, {name}", path.display()), folder.path());
            checked += 1;
        }
    }
    assert!(checked > 8, "only {checked} examples were found");
}

/// Whatever the configuration names as a secret is there.
fn with_secrets(folder: &Path, command: &mut Command) {
    let settings = fs::read_to_string(folder.join("witgate.yaml")).unwrap();
    let named = |key: &'static str| {
        let rest = settings.split(key).skip(1);
        rest.map(|rest| rest.split([' ', '}', '\n']).next().unwrap())
    };
    for variable in named("env: ") {
        command.env(variable, "as long as a secret has to be");
    }
    for file in named("file: ").filter(|file| file.starts_with("secrets/")) {
        fs::create_dir_all(folder.join("secrets")).unwrap();
        fs::write(folder.join(file), "as long as a secret has to be").unwrap();
    }
}

fn with_certificate(folder: &Path) {
    let authority = crate::support::tls::Authority::new();
    let identity = authority.issue(&["api.example.com"]);
    fs::create_dir(folder.join("tls")).unwrap();
    fs::write(folder.join("tls/clients.pem"), authority.pem()).unwrap();
    fs::write(folder.join("tls/api.pem"), identity.certificate).unwrap();
    fs::write(folder.join("tls/api.key"), identity.key).unwrap();
}

#[tokio::test]
async fn the_first_plugin_is_one_that_is_tested() {
    let source =
        fs::read_to_string(root().join("gateway/tests/plugins/greeter/src/lib.rs")).unwrap();
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    assert_eq!(blocks(&page, "rust"), [source.as_str()]);
}

#[tokio::test]
async fn links_between_pages_lead_somewhere() {
    for (path, page) in pages() {
        for link in page
            .split("](")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap())
        {
            let target = path.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(
                link.contains("://") || target.exists(),
                "{}: {link}",
                path.display()
            );
        }
    }
}

/// Every code that the gateway answers with stands in docs/errors.md.
#[tokio::test]
async fn the_table_of_errors_is_complete() {
    let page = fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let source = fs::read_to_string(root().join("gateway/src/pipeline/failure.rs")).unwrap();
    let quoted = source.split('"').skip(1).step_by(2);
    let code = |word: &&str| {
        word.contains('-')
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    for code in quoted.filter(code) {
        assert!(
            page.contains(&format!("| `{code}` |")),
            "docs/errors.md has no `{code}`"
        );
    }
}
