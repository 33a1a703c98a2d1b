use std::{fs, os::unix::fs::symlink};

use tempfile::TempDir;

use super::*;

const GATEWAY: &str = "listeners:\n  - address: 127.0.0.1:0\n";

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("witgate.yaml"), GATEWAY).unwrap();
    fs::create_dir(root.path().join("routes.d")).unwrap();
    for (name, text) in files {
        write(&root, name, text);
    }
    root
}

fn write(root: &TempDir, name: &str, text: &[u8]) {
    fs::write(root.path().join("routes.d").join(name), text).unwrap();
}

fn load_in(root: &TempDir, previous: Option<&Loaded>) -> Loaded {
    load(&root.path().join("witgate.yaml"), previous)
}

fn route(name: &str) -> Vec<u8> {
    format!("routes:\n  - {{ name: {name}, respond: {{ body: x }} }}\n").into_bytes()
}

fn names(loaded: &Loaded) -> Vec<String> {
    let name = |source: &Arc<Source<raw::RouteFile>>| {
        source
            .path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned()
    };
    loaded.routes.iter().map(name).collect()
}

fn messages(loaded: &Loaded) -> Vec<&str> {
    loaded
        .problems()
        .map(|problem| problem.message.as_str())
        .collect()
}

#[test]
fn route_files_are_sorted_and_others_left_out() {
    let good = route("a");
    let files = [
        "b.yml",
        "a.yaml",
        ".hidden.yaml",
        "#a.yaml#",
        ".#a.yaml",
        "a.yaml~",
        "a.yaml.swp",
        "README.md",
    ];
    let root = folder(&files.map(|name| (name, good.as_slice())));
    fs::create_dir(root.path().join("routes.d/sub.yaml")).unwrap();
    let loaded = load_in(&root, None);
    assert_eq!(names(&loaded), ["a.yaml", "b.yml"]);
    assert!(loaded.is_good(), "{:?}", messages(&loaded));
}

#[test]
fn kubernetes_mounts_are_followed() {
    let root = folder(&[]);
    let routes = root.path().join("routes.d");
    for version in ["..1", "..2"] {
        fs::create_dir(routes.join(version)).unwrap();
        fs::write(
            routes.join(version).join("a.yaml"),
            route(&version.replace('.', "v")),
        )
        .unwrap();
    }
    symlink("..1", routes.join("..data")).unwrap();
    symlink("..data/a.yaml", routes.join("a.yaml")).unwrap();
    let first = load_in(&root, None);
    assert_eq!(names(&first), ["a.yaml"]);
    symlink("..2", routes.join("..new")).unwrap();
    fs::rename(routes.join("..new"), routes.join("..data")).unwrap();
    let second = load_in(&root, Some(&first));
    let name = |loaded: &Loaded| {
        loaded.routes[0].raw.as_ref().unwrap().routes[0]
            .name
            .value
            .clone()
    };
    assert_eq!((name(&first), name(&second)), ("vv1".into(), "vv2".into()));
}

#[test]
fn unchanged_files_are_the_very_same() {
    let root = folder(&[
        ("a.yaml", &route("a")),
        ("b.yaml", &route("b")),
        ("c.yaml", &route("c")),
    ]);
    let first = load_in(&root, None);
    write(&root, "b.yaml", &route("b2"));
    write(&root, "c.yaml", &route("c"));
    fs::remove_file(root.path().join("routes.d/a.yaml")).unwrap();
    write(&root, "aa.yaml", &route("aa"));
    let second = load_in(&root, Some(&first));
    assert_eq!(names(&second), ["aa.yaml", "b.yaml", "c.yaml"]);
    assert!(Arc::ptr_eq(&first.gateway, &second.gateway));
    assert!(!Arc::ptr_eq(&first.routes[1], &second.routes[1]));
    assert!(
        Arc::ptr_eq(&first.routes[2], &second.routes[2]),
        "written again with the same text"
    );
}

#[test]
fn settled_files_are_not_read_again() {
    let root = folder(&[("a.yaml", &route("a"))]);
    let path = root.path().join("routes.d/a.yaml");
    let mut first = load_in(&root, None);
    assert_eq!(first.route_stamps, [None], "it has just been written");
    // As if it had been settled; what it now says can only be seen by reading it.
    first.route_stamps = vec![Stamp::even_if_recent(&path)];
    let same = read(&path, Some((&first.routes[0], first.route_stamps[0])));
    assert!(Arc::ptr_eq(&same.0, &first.routes[0]));
    fs::write(&path, route("b")).unwrap();
    let other = read(&path, Some((&first.routes[0], first.route_stamps[0])));
    assert!(!Arc::ptr_eq(&other.0, &first.routes[0]));
}

#[test]
fn an_empty_folder_is_a_warning_and_a_missing_one_an_error() {
    let root = folder(&[]);
    let loaded = load_in(&root, None);
    assert!(loaded.is_good());
    assert!(messages(&loaded)[0].contains("holds no route files"));
    fs::remove_dir(root.path().join("routes.d")).unwrap();
    let loaded = load_in(&root, None);
    assert!(!loaded.is_good());
    assert!(messages(&loaded)[0].contains("there is no folder"));
}

#[test]
fn the_folder_is_the_one_that_the_file_names() {
    let root = folder(&[]);
    let text = format!("{GATEWAY}routes: other\n");
    fs::write(root.path().join("witgate.yaml"), text).unwrap();
    let loaded = load_in(&root, None);
    let problem = loaded.problems().next().unwrap();
    assert_eq!((problem.span.line, problem.span.column), (3, 9));
    fs::create_dir(root.path().join("other")).unwrap();
    fs::write(root.path().join("other/a.yaml"), route("a")).unwrap();
    assert_eq!(names(&load_in(&root, None)), ["a.yaml"]);
}

#[test]
fn only_the_files_that_are_named_are_read_again() {
    let root = folder(&[("a.yaml", &route("a")), ("b.yaml", &route("b"))]);
    let first = load_in(&root, None);
    let b = Arc::clone(&first.routes[1]);
    write(&root, "a.yaml", &route("x"));
    write(&root, "b.yaml", &route("y"));
    write(&root, "c.yaml", &route("c"));
    let named = |names: &[&str]| names.iter().map(OsString::from).collect();
    let second = load_again(first, &named(&["a.yaml"]));
    assert_eq!(names(&second), ["a.yaml", "b.yaml"]);
    assert!(second.routes[0].text.contains("name: x"));
    assert!(Arc::ptr_eq(&second.routes[1], &b));
    fs::remove_file(root.path().join("routes.d/a.yaml")).unwrap();
    let third = load_again(second, &named(&["a.yaml", "c.yaml"]));
    assert_eq!(names(&third), ["b.yaml", "c.yaml"]);
    // What was passed over is found when all is looked at.
    let fourth = load_in(&root, Some(&third));
    assert!(fourth.routes[0].text.contains("name: y"));
}

#[test]
fn the_last_file_that_goes_leaves_a_warning() {
    let root = folder(&[("a.yaml", &route("a"))]);
    let first = load_in(&root, None);
    fs::remove_file(root.path().join("routes.d/a.yaml")).unwrap();
    let gone = load_again(first, &BTreeSet::from(["a.yaml".into()]));
    assert!(messages(&gone)[0].contains("holds no route files"));
    write(&root, "b.yaml", &route("b"));
    let back = load_again(gone, &BTreeSet::from(["b.yaml".into()]));
    assert_eq!(
        (names(&back), back.is_good()),
        (vec!["b.yaml".into()], true)
    );
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let root = folder(&[
        ("latin.yaml", b"routes:\n  - name: caf\xe9\n"),
        ("half.yaml", b"routes:\n  - { name: a,\n"),
    ]);
    symlink("nowhere", root.path().join("routes.d/dangling.yaml")).unwrap();
    let loaded = load_in(&root, None);
    let problem = |file: &str| {
        let source = loaded
            .routes
            .iter()
            .find(|source| source.path.ends_with(file))
            .unwrap();
        assert!(source.raw.is_none());
        assert_eq!(source.problems.len(), 1);
        &source.problems[0]
    };
    assert!(problem("dangling.yaml").message.contains("no such file"));
    assert!(
        problem("half.yaml").message.contains("not YAML"),
        "{:?}",
        problem("half.yaml")
    );
    let latin = problem("latin.yaml");
    assert_eq!((latin.span.line, latin.span.column), (2, 14));
    assert!(latin.message.contains("0xe9"));
    let missing = load(&root.path().join("nothing.yaml"), None);
    assert!(messages(&missing)[0].contains("no such file"));
}

#[test]
fn a_bad_gateway_file_leaves_the_folder_where_it_was() {
    let root = folder(&[]);
    fs::write(
        root.path().join("witgate.yaml"),
        format!("{GATEWAY}routes: other\n"),
    )
    .unwrap();
    fs::create_dir(root.path().join("other")).unwrap();
    let first = load_in(&root, None);
    fs::write(root.path().join("witgate.yaml"), "routes: [\n").unwrap();
    let second = load_in(&root, Some(&first));
    assert!(!second.is_good());
    assert_eq!(second.folder, first.folder);
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let root = folder(&[]);
    let file = fs::File::create(root.path().join("routes.d/a.yaml")).unwrap();
    file.set_len(65 << 20).unwrap();
    let loaded = load_in(&root, None);
    assert!(messages(&loaded)[0].contains("larger than 64 MiB"));
}

#[test]
fn a_megabyte_of_routes_is_read() {
    let one = "  - { name: r, match: { host: a.example, path: /x }, to: x }\n";
    let count = (1 << 20) / one.len();
    let text = format!("routes:\n{}", one.repeat(count));
    let source = Source::<raw::RouteFile>::new("a.yaml".into(), &text);
    assert_eq!(source.raw.unwrap().routes.len(), count);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = Source::<raw::RouteFile>::from_bytes("a.yaml".into(), Ok(bytes));
    }
}
