//! Route files change under load: nothing is lost, and what is bad leaves what was good.

use std::{
    fs,
    time::{Duration, Instant},
};

use http::{Method, Response};
use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::sync::mpsc;

use crate::support::{
    PATIENCE,
    client::{self, Answer, empty, request, streamed},
    eventually,
    gateway::{Gateway, Setup},
    load::Load,
    upstream,
};

fn says(text: &str) -> String {
    format!("routes: [{{ name: hello, match: {{ path: /hello }}, respond: {{ body: '{text}' }} }}]")
}

async fn saying(text: &str) -> Gateway {
    Setup::new().routes(&says(text)).start().await
}

async fn generation(gateway: &Gateway) -> f64 {
    gateway
        .metrics()
        .await
        .sum("witgate_config_generation", &[])
}

#[tokio::test]
async fn an_edited_file_is_live_without_being_asked() {
    let gateway = saying("one").await;
    gateway.answers("/hello", 200, "one").await;
    let before = generation(&gateway).await;
    gateway.write("routes.d/routes.yaml", says("two"));
    gateway.answers("/hello", 200, "two").await;
    assert!(generation(&gateway).await > before);
    let metrics = gateway.metrics().await;
    for step in ["read", "compile", "settle"] {
        let took = metrics.sum(
            "witgate_config_last_reload_seconds",
            &[&format!("step=\"{step}\"")],
        );
        assert!(took > 0.0 && took < 60.0, "{step}: {took} s");
    }
}

#[tokio::test]
async fn a_file_written_in_place_is_live_too() {
    let gateway = saying("one").await;
    fs::write(gateway.folder().join("routes.d/routes.yaml"), says("two")).unwrap();
    gateway.answers("/hello", 200, "two").await;
}

#[tokio::test]
async fn files_come_and_go() {
    let gateway = saying("one").await;
    gateway.write(
        "routes.d/more.yaml",
        "routes: [{ name: more, match: { path: /more }, respond: { body: more } }]",
    );
    gateway.answers("/more", 200, "more").await;
    fs::remove_file(gateway.folder().join("routes.d/more.yaml")).unwrap();
    eventually("the route to go", || async {
        gateway.get("/more").await.status() == 404
    })
    .await;
    gateway.answers("/hello", 200, "one").await;
}

/// A lone rename is live at once; one that takes a route away waits for the file that brings it. On a busy machine
/// that may come too late, but not every time.
#[tokio::test]
async fn a_route_that_moves_to_another_file_is_not_missing() {
    let says = |text: &str| {
        format!("routes: [{{ name: all, match: {{ prefix: / }}, respond: {{ body: {text} }} }}]")
    };
    let gateway = Setup::new().routes(&says("v0")).start().await;
    let (mut old, mut new) = ("routes.d/routes.yaml", "routes.d/zoo.yaml");
    for attempt in 1..=20 {
        // Only a rename after a pause is a lone one.
        let paused = Instant::now();
        while paused.elapsed() < Duration::from_millis(100) {
            gateway.get("/").await;
        }
        let text = format!("v{attempt}");
        let mut missing = 0;
        let mut ask = async || {
            let answer = gateway.get("/").await;
            missing += u32::from(answer.status() != 200);
            answer.text()
        };
        gateway.write(old, "routes: []");
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(5) {
            ask().await;
        }
        gateway.write(new, says(&text));
        let live = async { while ask().await != text {} };
        tokio::time::timeout(PATIENCE, live)
            .await
            .expect("the file that brings it is live");
        if missing == 0 {
            return;
        }
        std::mem::swap(&mut old, &mut new);
    }
    panic!("the route was missing each time");
}

/// As Kubernetes mounts a ConfigMap: files are links through `..data`, which is swapped.
#[tokio::test]
async fn a_swapped_link_is_seen() {
    let setup = Setup::new();
    let folder = setup.path().join("routes.d");
    for (version, text) in [("..v1", "one"), ("..v2", "two")] {
        fs::create_dir(folder.join(version)).unwrap();
        fs::write(folder.join(version).join("routes.yaml"), says(text)).unwrap();
    }
    std::os::unix::fs::symlink("..v1", folder.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/routes.yaml", folder.join("routes.yaml")).unwrap();
    let gateway = setup.start().await;
    gateway.answers("/hello", 200, "one").await;
    let folder = gateway.folder().join("routes.d");
    std::os::unix::fs::symlink("..v2", folder.join("..next")).unwrap();
    fs::rename(folder.join("..next"), folder.join("..data")).unwrap();
    gateway.answers("/hello", 200, "two").await;
}

#[tokio::test]
async fn a_bad_file_keeps_its_last_good_version_while_others_go_live() {
    let gateway = saying("one").await;
    let before = generation(&gateway).await;
    gateway.write(
        "routes.d/routes.yaml",
        "routes: [{ name: hello, responds: {} }]",
    );
    gateway.write(
        "routes.d/more.yaml",
        "routes: [{ name: more, match: { path: /more }, respond: { body: more } }]",
    );
    gateway.answers("/more", 200, "more").await;
    gateway.answers("/hello", 200, "one").await;
    gateway
        .log
        .wait_for("the bad file", |line| {
            line.to_string().contains("routes.yaml:1:")
        })
        .await;
    assert!(generation(&gateway).await > before);
    gateway.write("routes.d/routes.yaml", says("two"));
    gateway.answers("/hello", 200, "two").await;
}

#[tokio::test]
async fn bad_files_of_every_kind_change_nothing() {
    let gateway = saying("one").await;
    let bombs = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\nroutes: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
    let bad: [(&str, Vec<u8>); 9] = [
        ("not UTF-8", vec![b'r', 0xff, 0xfe]),
        ("half written", b"routes: [{ name: hello, match: {".to_vec()),
        ("an unknown key", b"route: []".to_vec()),
        ("an upstream that is not there", b"routes: [{ name: x, to: nowhere }]".to_vec()),
        ("two routes of one name", b"routes: [{ name: x, respond: {} }, { name: x, match: { path: /x }, respond: {} }]".to_vec()),
        ("two equal matches", b"routes: [{ name: x, match: { path: /x }, respond: {} }, { name: y, match: { path: /x }, respond: {} }]".to_vec()),
        ("a megabyte", b"- words\n".repeat(1 << 17)),
        ("anchors upon anchors", bombs.into()),
        ("a test that fails", b"routes: [{ name: x, match: { path: /x }, respond: {} }]\ntests: [{ request: GET http://a/y, route: x }]".to_vec()),
    ];
    for (what, content) in bad {
        gateway.write("routes.d/routes.yaml", content);
        let answer = gateway_reload(&gateway).await;
        assert_ne!(answer.status(), 200, "{what} went live");
        assert!(
            answer.text().contains("routes.yaml"),
            "{what}: {}",
            answer.text()
        );
        gateway.answers("/hello", 200, "one").await;
    }
}

async fn gateway_reload(gateway: &Gateway) -> Answer {
    let sent = request(Method::POST, gateway.admin, "/reload")
        .body(empty())
        .unwrap();
    client::send(gateway.admin, sent).await
}

#[tokio::test]
async fn admin_and_sighup_reload_as_well() {
    let gateway = saying("one").await;
    gateway.write("routes.d/routes.yaml", says("two"));
    assert_eq!(gateway_reload(&gateway).await.status(), 200);
    assert_eq!(gateway.get("/hello").await.text(), "two");
    gateway.write("routes.d/routes.yaml", says("three"));
    gateway.signal("HUP");
    gateway.answers("/hello", 200, "three").await;
}

#[tokio::test]
async fn an_exchange_ends_on_the_table_it_began_with() {
    let (sender, mut pieces) = mpsc::channel::<mpsc::Sender<Frame<bytes::Bytes>>>(1);
    let up = upstream::serve(move |_| {
        let sender = sender.clone();
        async move {
            let (pieces, body) = streamed();
            sender.send(pieces).await.unwrap();
            Response::new(body)
        }
    })
    .await;
    let gateway = Setup::proxy_to(up).start().await;
    let mut connection = client::h1(gateway.address()).await;
    let sent = request(Method::GET, gateway.address(), "/hello")
        .body(empty())
        .unwrap();
    let response = connection.send_request(sent).await.unwrap();
    let upstream = pieces.recv().await.unwrap();
    let before = generation(&gateway).await;
    gateway.write("routes.d/routes.yaml", says("new"));
    eventually("the new table", || async {
        generation(&gateway).await > before
    })
    .await;
    upstream.send(Frame::data("old".into())).await.unwrap();
    drop(upstream);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "old"
    );
    // The connection outlives the table, its next request takes the new one.
    connection.ready().await.unwrap();
    let sent = request(Method::GET, gateway.address(), "/hello")
        .body(empty())
        .unwrap();
    assert_eq!(
        Answer::of(connection.send_request(sent).await.unwrap())
            .await
            .text(),
        "new"
    );
}

/// Requests go on over kept connections while the table is swapped; each is answered by one whole version.
#[tokio::test]
async fn no_request_is_lost_while_tables_are_swapped() {
    const SWAPS: usize = 40;
    let up = upstream::echo().await;
    let version = |number: usize| {
        format!(
            "upstreams: {{ up: 'http://{up}' }}\nroutes:\n  - name: all\n    match: {{ prefix: / }}\n    to: up\n    rewrite: {{ path: /v{number} }}\n    headers: {{ response: {{ set: {{ x-version: v{number} }} }} }}"
        )
    };
    let gateway = Setup::new().routes(&version(0)).start().await;
    let load = Load::start(gateway.address(), |answer| {
        let version = answer.header("x-version").unwrap();
        assert_eq!(answer.json()["target"], format!("/{version}"));
    })
    .await;
    for number in 1..=SWAPS {
        gateway.write("routes.d/routes.yaml", version(number));
        assert_eq!(gateway_reload(&gateway).await.status(), 200);
    }
    let count = load.stop().await;
    assert!(
        count > SWAPS as u64,
        "only {count} requests during {SWAPS} swaps"
    );
    assert_eq!(
        gateway.get("/").await.header("x-version"),
        Some(format!("v{SWAPS}").as_str())
    );
    assert!(generation(&gateway).await >= SWAPS as f64);
}

/// Upstreams come and go with their connections, and still nothing is lost.
#[tokio::test]
async fn no_request_is_lost_while_upstreams_are_swapped() {
    const SWAPS: usize = 20;
    let ups = [upstream::echo().await, upstream::echo().await];
    let to = |number: usize| {
        format!(
            "upstreams: {{ up{number}: 'http://{}' }}\nroutes: [{{ name: all, to: up{number} }}]",
            ups[number % 2]
        )
    };
    let gateway = Setup::new().routes(&to(0)).start().await;
    let load = Load::start(gateway.address(), |answer| {
        assert_eq!(answer.json()["target"], "/anything");
    })
    .await;
    for number in 1..=SWAPS {
        gateway.write("routes.d/routes.yaml", to(number));
        assert_eq!(gateway_reload(&gateway).await.status(), 200);
        let seen = load.count();
        eventually("requests on this table", || async { load.count() > seen }).await;
    }
    load.stop().await;
}
