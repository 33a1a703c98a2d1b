//! Issuers of keys over TLS, and issuers that answer anything but keys.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use http::{Request, Response};
use hyper::body::{Frame, Incoming};
use serde_json::json;

use crate::support::{
    client::{self, Content, empty, full, streamed},
    components, eventually,
    gateway::{Gateway, Setup},
    issuer::{Issuer, Key, jwks},
    load::Load,
    soon,
    tls::Authority,
    upstream,
};

/// A route for each key set, protected by it: `/NAME`. Any other path is free.
fn protected(key_sets: &[(&str, String)]) -> Setup {
    let mut routes = String::from("routes:\n  - { name: free, respond: {} }\n");
    let mut sets = String::from("key-sets:\n");
    for (name, url) in key_sets {
        routes += &format!(
            "  - {{ name: {name}, match: {{ path: /{name} }}, respond: {{}}, plugins: [{{ jwt-auth: {{ keys: {name}, audience: orders }} }}] }}\n"
        );
        sets += &format!("  {name}: {{ url: '{url}', cool-down: 1s }}\n");
    }
    Setup::new().routes(&routes).settings(&format!(
        "plugins: {{ jwt-auth: {{ component: '{}', grants: [clock, crypto, keys] }} }}\n{sets}",
        components::shipped("jwt-auth").display()
    ))
}

async fn status(address: SocketAddr, path: &str, token: &str) -> u16 {
    let answer = client::get_with_token(address, path, token).await;
    answer.status().as_u16()
}

async fn last_error(gateway: &Gateway, set: &str) -> Option<String> {
    let sets = gateway.admin("/key-sets").await.json();
    let sets = sets.as_array().unwrap();
    let set = sets.iter().find(|one| one["name"] == set).unwrap();
    set["last-error"].as_str().map(String::from)
}

#[tokio::test]
async fn keys_come_from_an_issuer_that_the_system_trusts() {
    let key = Key::new("one");
    let (authority, stranger) = (Authority::new(), Authority::new());
    let tls = |authority: &Authority, name| authority.issue(&[name]).acceptor(&["http/1.1"]);
    let good = Issuer::over_tls(&[&key], tls(&authority, "localhost")).await;
    let unknown = Issuer::over_tls(&[&key], tls(&stranger, "localhost")).await;
    let misnamed = Issuer::over_tls(&[&key], tls(&authority, "elsewhere.test")).await;
    let url = |issuer: &Issuer| format!("https://localhost:{}/jwks.json", issuer.address.port());
    let gateway = protected(&[
        ("good", url(&good)),
        ("unknown", url(&unknown)),
        ("misnamed", url(&misnamed)),
    ])
    .file("ca.pem", authority.pem())
    .environment("SSL_CERT_FILE", "ca.pem")
    .start()
    .await;
    let token = key.token(&json!({}));
    assert_eq!(status(gateway.address(), "/good", &token).await, 200);
    for set in ["unknown", "misnamed"] {
        let path = format!("/{set}");
        assert_eq!(status(gateway.address(), &path, &token).await, 503, "{set}");
        let error = last_error(&gateway, set).await.unwrap();
        assert!(error.contains("TLS handshake"), "{error}");
    }
    assert_eq!((unknown.asked(), misnamed.asked()), (0, 0));
}

/// What an issuer answers once it has gone wrong, and a word of what operators are told then.
const WRONGS: [(&str, &str); 8] = [
    ("html", "no JWK set"),
    ("missing", "404"),
    ("moved", "write the URL that has the keys"),
    ("empty", "no JWK set"),
    ("binary", "UTF-8"),
    ("huge", "longer than"),
    ("silent", ""),
    ("stuck", ""),
];

/// The length of a body that nobody wants.
const HUGE: usize = 50 << 20;

fn wrong_answer(path: &str, taken: &Arc<AtomicUsize>) -> Response<Content> {
    let answer = Response::builder();
    let answer = match path {
        "/html" => answer.body(full("<!doctype html><title>Sign in</title>")),
        "/missing" => answer.status(404).body(full(r#"{"keys":[]}"#)),
        "/moved" => answer.status(302).header("location", "/x").body(empty()),
        "/empty" => answer.body(empty()),
        "/binary" => answer.body(full(vec![0xff; 1000])),
        "/huge" => answer.body(endless(taken)),
        // The head, and then nothing.
        _ => {
            let (pieces, body) = streamed();
            tokio::spawn(async move { pieces.closed().await });
            answer.body(body)
        }
    };
    answer.unwrap()
}

/// Goes on as long as somebody takes it; keeps the most that was taken at once.
fn endless(taken: &Arc<AtomicUsize>) -> Content {
    let (pieces, body) = streamed();
    let taken = Arc::clone(taken);
    tokio::spawn(async move {
        let piece = bytes::Bytes::from(vec![b' '; 64 << 10]);
        let mut sent = 0;
        while sent < HUGE && pieces.send(Frame::data(piece.clone())).await.is_ok() {
            sent += piece.len();
            taken.fetch_max(sent, Ordering::Relaxed);
        }
    });
    body
}

#[tokio::test]
async fn an_issuer_that_goes_wrong_leaves_the_keys_that_were_there() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let wrong = Arc::new(AtomicBool::new(false));
    let taken = Arc::new(AtomicUsize::new(0));
    let issuer = {
        let (wrong, taken, keys) = (
            Arc::clone(&wrong),
            Arc::clone(&taken),
            jwks(&[&old]).to_string(),
        );
        upstream::serve(move |request: Request<Incoming>| {
            let (wrong, taken, keys) = (Arc::clone(&wrong), Arc::clone(&taken), keys.clone());
            async move {
                if !wrong.load(Ordering::Relaxed) {
                    return Response::new(full(keys));
                }
                if request.uri().path() == "/silent" {
                    return pending().await;
                }
                wrong_answer(request.uri().path(), &taken)
            }
        })
        .await
    };
    let gateway = protected(&WRONGS.map(|(name, _)| (name, format!("http://{issuer}/{name}"))))
        .start()
        .await;
    let address = gateway.address();
    // A request that waits for the first keys would begin the cool-down.
    eventually("the first keys", || async {
        let sets = gateway.admin("/key-sets").await.json();
        let mut sets = sets.as_array().unwrap().iter();
        sets.all(|set| set["keys"] == 1)
    })
    .await;
    let token = old.token(&json!({}));
    for (name, _) in WRONGS {
        assert_eq!(status(address, &format!("/{name}"), &token).await, 200);
    }
    let before = gateway.resident();
    let load = Load::start(address, |_| {}).await;
    wrong.store(true, Ordering::Relaxed);

    // A key that is not known makes the gateway ask, and these requests wait for the answer.
    let unknown = new.token(&json!({}));
    let asking = WRONGS.map(|(name, _)| {
        let unknown = unknown.clone();
        tokio::spawn(async move { status(address, &format!("/{name}"), &unknown).await })
    });
    // Meanwhile all others are served; these tokens are not among those remembered.
    let token = old.token(&json!({ "sub": "bob" }));
    for (name, _) in WRONGS {
        assert_eq!(status(address, &format!("/{name}"), &token).await, 200);
    }
    let waits = |name| WRONGS.iter().position(|(other, _)| *other == name).unwrap();
    assert!(!asking[waits("silent")].is_finished() && !asking[waits("stuck")].is_finished());
    for asking in asking {
        assert_eq!(soon("a refusal", asking).await.unwrap(), 401);
    }
    for (name, word) in WRONGS {
        if !word.is_empty() {
            let error = last_error(&gateway, name).await.unwrap_or_default();
            assert!(error.contains(word), "{name}: {error}");
        }
        assert_eq!(status(address, &format!("/{name}"), &token).await, 200);
    }
    // What lies in sockets on the way counts as taken, too.
    let taken = taken.load(Ordering::Relaxed);
    assert!(
        (1 << 20..16 << 20).contains(&taken),
        "{taken} bytes were taken"
    );
    let grown = gateway.resident().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more");

    // And when it is well again, so is the gateway.
    wrong.store(false, Ordering::Relaxed);
    eventually("keys from an issuer that is well again", || async {
        status(address, "/html", &unknown).await == 401
            && last_error(&gateway, "html").await.is_none()
    })
    .await;
    load.stop().await;
}
