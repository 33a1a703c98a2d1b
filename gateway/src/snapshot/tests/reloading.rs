//! What becomes of changes with problems.

use std::collections::BTreeMap;

use super::*;

/// A folder in memory; a file that is not set again keeps its allocation.
struct Folder {
    gateway: GatewayFile,
    plugins: Arc<Plugins>,
    files: BTreeMap<String, SourceFile>,
    unreadable: Vec<String>,
    problems: Vec<Problem>,
}

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let Inputs {
            gateway, plugins, ..
        } = inputs(&[]);
        let mut folder = Self {
            gateway,
            plugins,
            files: BTreeMap::new(),
            unreadable: Vec::new(),
            problems: Vec::new(),
        };
        for (name, text) in files {
            folder.set(name, text);
        }
        folder
    }

    fn set(&mut self, name: &str, text: &str) {
        self.files.insert(name.into(), file(name, text));
    }

    fn loaded(&self) -> Loaded {
        let load = |it: &SourceFile| {
            let bad = self.unreadable.iter().any(|name| it.path.ends_with(name));
            let problem = || vec![Problem::error(&it.path, Default::default(), "it is torn")];
            LoadedFile {
                path: Arc::clone(&it.path),
                raw: if bad {
                    Err(problem())
                } else {
                    Ok(Arc::clone(&it.raw))
                },
            }
        };
        Loaded {
            gateway: Ok(LoadedGateway {
                file: self.gateway.clone(),
                plugins: Arc::clone(&self.plugins),
                catalog: Arc::default(),
                limiters: Arc::default(),
            }),
            files: self.files.values().map(load).collect(),
            problems: self.problems.clone(),
        }
    }
}

fn route(name: &str, path: &str) -> String {
    format!("routes: [{{ name: {name}, match: {{ path: {path} }}, respond: {{}} }}]")
}

fn live(reloader: &Reloader) -> Vec<String> {
    let snapshot = reloader.cell().load();
    let mut paths: Vec<_> = snapshot.rows().into_iter().map(|row| row.path).collect();
    paths.sort();
    paths
}

fn stale(outcome: &Outcome) -> Vec<String> {
    let stale = outcome.stale.iter();
    stale.map(|path| path.display().to_string()).collect()
}

#[test]
fn at_start_any_error_refuses_and_all_are_told() {
    let mut folder = Folder::new(&[("a", &route("a", "/a")), ("b", "routes: [{ name: b }]")]);
    folder.unreadable.push("a".into());
    let told = told(&Reloader::start(folder.loaded()).unwrap_err());
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn a_bad_file_keeps_its_last_good_version_while_others_go_live() {
    let mut folder = Folder::new(&[("a", &route("a", "/a1")), ("b", &route("b", "/b1"))]);
    let (mut reloader, outcome) = Reloader::start(folder.loaded()).unwrap();
    assert_eq!((outcome.generation, outcome.swapped), (1, true));

    assert!(!reloader.reload(folder.loaded()).swapped);

    folder.set("a", &route("a", "relative"));
    folder.set("b", &route("b", "/b2"));
    folder.set("c", "routes: [{ name: c, to: nowhere }]");
    let outcome = reloader.reload(folder.loaded());
    assert_eq!((outcome.generation, outcome.swapped), (2, true));
    assert_eq!(
        (live(&reloader), stale(&outcome)),
        (
            vec!["/a1".into(), "/b2".into()],
            vec!["a".into(), "c".into()]
        )
    );
    assert_eq!(outcome.problems.len(), 2, "{:?}", outcome.problems);

    // The same bad files again: told again, nothing new to swap.
    let again = reloader.reload(folder.loaded());
    assert_eq!(
        (again.swapped, stale(&again)),
        (false, vec!["a".into(), "c".into()])
    );

    folder.unreadable.push("b".into());
    folder.set("a", &route("a", "/a3"));
    folder.files.remove("c");
    let outcome = reloader.reload(folder.loaded());
    assert_eq!(
        (live(&reloader), stale(&outcome)),
        (vec!["/a3".into(), "/b2".into()], vec!["b".into()])
    );
}

#[test]
fn a_file_that_another_breaks_is_kept_together_with_it() {
    let user = "routes: [{ name: a, match: { path: /a }, to: up }]";
    let mut folder = Folder::new(&[
        ("a", user),
        ("b", "upstreams: { up: http://u:1 }"),
        ("c", &route("c", "/c1")),
    ]);
    let (mut reloader, _) = Reloader::start(folder.loaded()).unwrap();
    folder.files.remove("b");
    folder.set("c", &route("c", "/c2"));
    let outcome = reloader.reload(folder.loaded());
    assert!(outcome.swapped);
    assert_eq!(
        (live(&reloader), stale(&outcome)),
        (vec!["/a".into(), "/c2".into()], vec!["b".into()])
    );

    // A new file claims what a live one has: the live one goes on.
    folder.set("b", "upstreams: { up: http://u:1 }");
    folder.set("0", &route("c", "/c3"));
    let outcome = reloader.reload(folder.loaded());
    assert_eq!(
        (live(&reloader), stale(&outcome)),
        (vec!["/a".into(), "/c2".into()], vec!["0".into()])
    );
}

#[test]
fn an_unreadable_folder_changes_nothing() {
    let mut folder = Folder::new(&[("a", &route("a", "/a"))]);
    let (mut reloader, _) = Reloader::start(folder.loaded()).unwrap();
    folder.files.clear();
    let nowhere = Arc::new(PathBuf::from("routes.d"));
    folder.problems.push(Problem::error(
        &nowhere,
        Default::default(),
        "there is no folder",
    ));
    let outcome = reloader.reload(folder.loaded());
    assert_eq!(
        (outcome.swapped, outcome.generation, live(&reloader)),
        (false, 1, vec!["/a".into()])
    );
}

#[test]
fn a_bad_gateway_file_keeps_its_last_good_version_too() {
    let mut folder = Folder::new(&[("a", &route("a", "/a1"))]);
    let (mut reloader, _) = Reloader::start(folder.loaded()).unwrap();
    folder.gateway =
        gateway("{ listeners: [{ address: '127.0.0.1:0' }], forwarding: { via: 'a b' } }");
    folder.set("a", &route("a", "/a2"));
    let outcome = reloader.reload(folder.loaded());
    assert_eq!(
        (outcome.swapped, live(&reloader)),
        (true, vec!["/a2".into()])
    );
    assert_eq!(stale(&outcome), ["witgate.yaml"]);
}
