use std::{fs, os::unix::fs::symlink};

use tempfile::TempDir;
use tokio::time::timeout;

use super::{burst::QUIET, *};

struct Fixture {
    root: TempDir,
    watch: Watch,
    changes: Changes,
}

impl Fixture {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("witgate.yaml"), "").unwrap();
        fs::create_dir(root.path().join("routes.d")).unwrap();
        let (watch, changes) = Watch::start(
            &root.path().join("witgate.yaml"),
            &root.path().join("routes.d"),
        )
        .unwrap();
        Self {
            root,
            watch,
            changes,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    async fn expect(&mut self, what: &str) -> Changed {
        let signal = timeout(Duration::from_secs(20), self.changes.next()).await;
        let signal = signal.unwrap_or_else(|_| panic!("no signal for: {what}"));
        signal.unwrap_or_else(|| panic!("the watch ended before: {what}"))
    }

    /// Makes a change of which a signal must come, and lets everything before it settle: the next signal is for
    /// what comes next.
    async fn settle(&mut self) {
        fs::write(self.path("witgate.yaml"), "settle").unwrap();
        self.expect("settling").await;
        while timeout(3 * QUIET, self.changes.next()).await.is_ok() {}
    }
}

#[tokio::test]
async fn writes_renames_and_deletes_are_signalled() {
    let mut fixture = Fixture::new();
    fs::write(fixture.path("routes.d/a.yaml"), "a").unwrap();
    fixture.expect("a new file").await;
    fs::write(fixture.path("routes.d/.a.tmp"), "b").unwrap();
    fs::rename(
        fixture.path("routes.d/.a.tmp"),
        fixture.path("routes.d/a.yaml"),
    )
    .unwrap();
    fixture.expect("an atomic rename").await;
    fs::remove_file(fixture.path("routes.d/a.yaml")).unwrap();
    fixture.expect("a delete").await;
    fs::write(fixture.path("witgate.yaml"), "x").unwrap();
    fixture.expect("witgate.yaml").await;
}

#[tokio::test]
async fn a_signal_names_route_files_if_nothing_else_changed() {
    let mut fixture = Fixture::new();
    fixture.settle().await;
    let replace = |fixture: &Fixture| {
        fs::write(fixture.path("routes.d/.draft"), "a").unwrap();
        fs::rename(
            fixture.path("routes.d/.draft"),
            fixture.path("routes.d/a.yaml"),
        )
        .unwrap();
    };
    replace(&fixture);
    let changed = fixture.expect("an atomic rename").await;
    assert_eq!(changed, Changed::route("a.yaml".into()));
    replace(&fixture);
    fs::write(fixture.path("witgate.yaml"), "x").unwrap();
    loop {
        // Two signals, if the machine took its time between the two changes.
        if fixture.expect("witgate.yaml, too").await == Changed::Anything {
            break;
        }
    }
}

#[tokio::test]
async fn a_burst_is_few_signals() {
    let mut fixture = Fixture::new();
    for n in 0..200 {
        fs::write(fixture.path(&format!("routes.d/{n}.yaml")), "a").unwrap();
    }
    fixture.expect("the burst").await;
    let mut more = 0;
    while timeout(3 * QUIET, fixture.changes.next()).await.is_ok() {
        more += 1;
    }
    assert!(
        more < 10,
        "{more} further signals: a busy machine may split a burst, but not into its events"
    );
}

#[tokio::test]
async fn other_files_and_readers_are_not_signalled() {
    let mut fixture = Fixture::new();
    fs::write(fixture.path("routes.d/a.yaml"), "a").unwrap();
    fixture.settle().await;
    fs::write(fixture.path("access.log"), "x").unwrap();
    fs::write(fixture.path("routes.d/.a.yaml.swp"), "x").unwrap();
    fs::read(fixture.path("routes.d/a.yaml")).unwrap();
    assert!(timeout(4 * QUIET, fixture.changes.next()).await.is_err());
}

#[tokio::test]
async fn a_kubernetes_swap_is_signalled() {
    let mut fixture = Fixture::new();
    fs::create_dir(fixture.path("routes.d/..1")).unwrap();
    symlink("..1", fixture.path("routes.d/..data")).unwrap();
    fixture.settle().await;
    fs::create_dir(fixture.path("routes.d/..2")).unwrap();
    symlink("..2", fixture.path("routes.d/..data_tmp")).unwrap();
    fs::rename(
        fixture.path("routes.d/..data_tmp"),
        fixture.path("routes.d/..data"),
    )
    .unwrap();
    fixture.expect("the swap").await;
}

#[tokio::test]
async fn a_folder_that_comes_back_is_watched_again() {
    let mut fixture = Fixture::new();
    fs::remove_dir(fixture.path("routes.d")).unwrap();
    fixture.expect("the folder's end").await;
    fs::create_dir(fixture.path("routes.d")).unwrap();
    fixture.expect("the folder's return").await;
    fixture.settle().await;
    fs::write(fixture.path("routes.d/a.yaml"), "a").unwrap();
    fixture.expect("a file in the new folder").await;
}

#[tokio::test]
async fn a_parent_that_is_replaced_is_noticed_without_an_event() {
    let mut fixture = Fixture::new();
    let key = fixture.path("deep/er/key.pem");
    fixture.watch.set_extra([key.clone()]).unwrap();
    fs::create_dir_all(key.parent().unwrap()).unwrap();
    fixture.expect("the folder's creation").await;
    fixture.settle().await;
    fs::write(&key, "x").unwrap();
    fixture.expect("the file").await;
    fs::rename(fixture.path("deep"), fixture.path("old")).unwrap();
    fs::create_dir_all(key.parent().unwrap()).unwrap();
    fs::write(&key, "y").unwrap();
    fixture
        .expect("another file in another folder of the same path")
        .await;
}

#[tokio::test]
async fn a_link_to_a_folder_is_followed_where_it_leads() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    for folder in ["one", "two"] {
        fs::create_dir(path(folder)).unwrap();
    }
    symlink("one", path("routes.d")).unwrap();
    let (_watch, mut changes) = Watch::start(&path("witgate.yaml"), &path("routes.d")).unwrap();
    let mut signal = async || {
        timeout(Duration::from_secs(20), changes.next())
            .await
            .unwrap()
    };
    fs::write(path("one/a.yaml"), "a").unwrap();
    assert!(signal().await.is_some());
    symlink("two", path("new")).unwrap();
    fs::rename(path("new"), path("routes.d")).unwrap();
    assert!(signal().await.is_some());
    fs::write(path("two/a.yaml"), "a").unwrap();
    assert!(signal().await.is_some());
}

#[tokio::test]
async fn the_folder_can_be_another_one() {
    let mut fixture = Fixture::new();
    fs::create_dir(fixture.path("other")).unwrap();
    fixture.watch.set_folder(&fixture.path("other")).unwrap();
    fixture.settle().await;
    fs::write(fixture.path("routes.d/a.yaml"), "a").unwrap();
    assert!(timeout(4 * QUIET, fixture.changes.next()).await.is_err());
    fs::write(fixture.path("other/a.yaml"), "a").unwrap();
    fixture.expect("a file of the new folder").await;
}

#[tokio::test]
async fn signals_end_with_the_watch() {
    let Fixture {
        watch, mut changes, ..
    } = Fixture::new();
    drop(watch);
    assert!(changes.next().await.is_none());
}
