//! How long a change takes among very many files: `cargo test --workspace --lib -- --ignored --nocapture measure`,
//! with `CARGO_PROFILE_DEV_OPT_LEVEL=3` for numbers that mean something.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use super::*;

const FILES: usize = 20_000;
const ROUTES: usize = 5;

fn routes_of(file: usize, path: &str) -> String {
    let mut text = format!("upstreams: {{ up{file}: 'http://127.0.0.1:9001' }}\nroutes:\n");
    for route in 0..ROUTES {
        text.push_str(&format!(
            "  - {{ name: r{file}-{route}, match: {{ host: h{}, path: '{path}/{file}/{route}/{{id}}' }}, to: up{file} }}\n",
            file % 1000
        ));
    }
    text
}

fn name(file: usize) -> String {
    format!("/etc/witgate/routes.d/team-{file:05}.yaml")
}

fn loaded(gateway: &GatewayFile, sources: &[SourceFile]) -> Loaded {
    let file = |source: &SourceFile| LoadedFile {
        path: Arc::clone(&source.path),
        raw: Ok(Arc::clone(&source.raw)),
    };
    Loaded {
        gateway: Ok((gateway.clone(), Arc::default())),
        files: sources.iter().map(file).collect(),
        problems: Vec::new(),
    }
}

#[test]
#[ignore = "a measurement"]
fn measure_one_changed_file_among_many() {
    let gateway = gateway("listeners: [{ address: '127.0.0.1:0' }]");
    let mut sources: Vec<_> = (0..FILES)
        .map(|n| file(&name(n), &routes_of(n, "/a")))
        .collect();
    let begun = Instant::now();
    let (mut reloader, _) = Reloader::start(loaded(&gateway, &sources)).unwrap();
    println!("all: {:?}", begun.elapsed());
    let (mut compiles, mut reloads) = (Vec::new(), Vec::new());
    for round in 0..40 {
        let n = (round * 7919) % FILES;
        sources[n] = file(&name(n), &routes_of(n, &format!("/b{round}")));
        let inputs = Inputs {
            gateway: gateway.clone(),
            plugins: Arc::default(),
            sources: sources.clone(),
        };
        let live = reloader.cell().load();
        let begun = Instant::now();
        let next = compile(&inputs, Some(&live)).unwrap();
        compiles.push(begun.elapsed());
        drop(black_box(next));
        let loaded = loaded(&gateway, &sources);
        let begun = Instant::now();
        let outcome = reloader.reload(loaded);
        reloads.push(begun.elapsed());
        assert!(outcome.swapped);
    }
    report("compile", compiles);
    report("reload", reloads);
}

/// The files on disk: which of them changed.
#[test]
#[ignore = "a measurement"]
fn measure_reading_many_files_of_which_one_changed() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = folder.path().join("witgate.yaml");
    std::fs::write(&gateway, "listeners: [{ address: '127.0.0.1:0' }]").unwrap();
    std::fs::create_dir(folder.path().join("routes.d")).unwrap();
    let path = |n: usize| folder.path().join(format!("routes.d/team-{n:05}.yaml"));
    for n in 0..FILES {
        std::fs::write(path(n), routes_of(n, "/a")).unwrap();
    }
    // A file that changed a moment ago is read to be sure.
    std::thread::sleep(Duration::from_secs(3));
    let mut loaded = crate::config::load(&gateway, None);
    let mut times = Vec::new();
    for round in 0..20 {
        std::fs::write(path(round * 7), routes_of(round * 7, "/b")).unwrap();
        let begun = Instant::now();
        loaded = crate::config::load(&gateway, Some(&loaded));
        times.push(begun.elapsed());
        assert!(loaded.is_good() && loaded.routes.len() == FILES);
    }
    report("read", times);
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let mean = times.iter().sum::<Duration>() / times.len() as u32;
    let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{what}: mean {mean:?}, median {median:?}, most {most:?}");
}
