//! Compiled components on disk, from one start to the next.

use std::{fs, path::PathBuf};

use crate::support::{
    components,
    gateway::{Gateway, Setup},
};

const COMPILED: &str = "compiled a plugin";
const TAKEN: &str = "took a compiled plugin from the cache";

async fn first_start() -> Gateway {
    let component = components::fixture("greeter");
    Setup::new()
        .settings(&format!(
            "logging: {{ format: json, level: debug }}\nplugins: {{ greeter: {{ component: '{}' }} }}",
            component.display()
        ))
        .routes("routes: [{ name: all, plugins: [{ greeter: { greeting: hi } }], respond: {} }]")
        .own_cache()
        .start()
        .await
}

/// How often components were compiled, and how often they were there already; and the plugin works.
async fn counts(gateway: &Gateway) -> (usize, usize) {
    assert_eq!(gateway.get("/").await.status(), 200);
    let digest = gateway.admin("/plugins").await.json()[0]["digest"].clone();
    let count = |message| {
        let lines = gateway.log.all();
        let ours = lines.iter().filter(|line| line["message"] == message);
        ours.inspect(|line| assert_eq!(line["digest"], digest))
            .count()
    };
    (count(COMPILED), count(TAKEN))
}

/// The one file in the cache.
fn cached(gateway: &Gateway) -> PathBuf {
    let files = fs::read_dir(gateway.folder().join("cache")).unwrap();
    let files = files.map(|file| file.unwrap().path()).collect::<Vec<_>>();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[tokio::test]
async fn a_restart_does_not_compile_again() {
    let mut gateway = first_start().await;
    assert_eq!(counts(&gateway).await, (1, 0));
    for _ in 0..2 {
        gateway = gateway.restart().await;
        assert_eq!(counts(&gateway).await, (0, 1));
    }
}

#[tokio::test]
async fn a_damaged_file_costs_a_compilation_and_no_more() {
    let mut gateway = first_start().await;
    let whole = fs::read(cached(&gateway)).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    let damages = [
        b"".as_slice(),
        b"not machine code",
        &whole[..whole.len() / 2],
        &changed,
    ];
    for damage in damages {
        fs::write(cached(&gateway), damage).unwrap();
        gateway = gateway.restart().await;
        assert_eq!(counts(&gateway).await, (1, 0));
        gateway = gateway.restart().await;
        assert_eq!(counts(&gateway).await, (0, 1), "it was written anew");
    }
}

/// A cache that cannot be written to is no reason not to start.
#[tokio::test]
async fn without_a_place_to_keep_it_each_start_compiles() {
    let gateway = first_start().await;
    let folder = gateway.folder().join("cache");
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "a file stands where the folder should be").unwrap();
    let gateway = gateway.restart().await;
    assert_eq!(counts(&gateway).await, (1, 0));
    gateway
        .log
        .wait_for("the reason", |line| {
            line["level"] == "WARN" && line.to_string().contains("are not kept in")
        })
        .await;
}
