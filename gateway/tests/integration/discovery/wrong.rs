//! Issuers that are wrong from the start.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Request, Response, StatusCode};
use hyper::body::{Frame, Incoming};
use serde_json::json;

use super::{get, protected, refused, route, status};
use crate::support::{
    client::{Content, full, streamed},
    eventually,
    issuer::{Key, jwks},
    load::Load,
    soon, upstream,
};

/// How an issuer can be wrong from the start, and the reason that is counted then.
const WRONGS: [(&str, &str); 9] = [
    ("page", "malformed"),
    ("another", "wrong-issuer"),
    ("elsewhere", "unsafe-url"),
    ("missing", "status"),
    ("huge", "too-large"),
    ("huge-keys", "too-large"),
    ("many-keys", "too-large"),
    ("weak-keys", "no-usable-key"),
    ("stuck", ""),
];

/// Serves the issuers of [`WRONGS`], each under a path of its own, wrongly until `well`.
async fn wrong_issuers(key: &Key, well: Arc<AtomicBool>) -> SocketAddr {
    let keys = jwks(&[key]).to_string();
    let address = Arc::new(OnceLock::new());
    let own = Arc::clone(&address);
    let served = upstream::serve(move |request: Request<Incoming>| {
        let (keys, own, well) = (keys.clone(), Arc::clone(&own), Arc::clone(&well));
        async move {
            let path = request.uri().path().to_owned();
            let name = path
                .split('/')
                .find(|part| WRONGS.iter().any(|(name, _)| name == part));
            let name = name.unwrap_or_default().to_owned();
            let issuer = format!("http://{}/{name}", own.get().unwrap());
            let wrong = (!well.load(Ordering::Relaxed)).then_some(name);
            if path.ends_with("/keys") {
                return answer_keys(wrong.as_deref(), keys);
            }
            describe(wrong.as_deref(), &issuer, &well).await
        }
    })
    .await;
    address.set(served).unwrap();
    served
}

async fn describe(wrong: Option<&str>, issuer: &str, well: &AtomicBool) -> Response<Content> {
    let description = |issuer: &str, keys: &str| {
        let json = json!({ "issuer": issuer, "jwks_uri": keys });
        Response::new(full(json.to_string()))
    };
    let keys = format!("{issuer}/keys");
    match wrong {
        Some("page") => Response::new(full("<!doctype html><title>Sign in</title>")),
        Some("another") => description(&format!("{issuer}/"), &keys),
        Some("elsewhere") => description(issuer, "http://keys.test/"),
        Some("missing") => {
            let mut answer = Response::new(full(""));
            *answer.status_mut() = StatusCode::NOT_FOUND;
            answer
        }
        Some("huge") => Response::new(endless()),
        Some("stuck") => {
            while !well.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            pending().await
        }
        _ => description(issuer, &keys),
    }
}

fn answer_keys(wrong: Option<&str>, keys: String) -> Response<Content> {
    match wrong {
        Some("huge-keys") => Response::new(endless()),
        Some("many-keys") => {
            let keys = vec![json!({ "kty": "oct", "k": "A".repeat(64) }); 1000];
            Response::new(full(json!({ "keys": keys }).to_string()))
        }
        Some("weak-keys") => {
            let weak = json!({ "kty": "RSA", "n": "A".repeat(171), "e": "AQAB", "kid": "one" });
            Response::new(full(json!({ "keys": [weak, {}] }).to_string()))
        }
        _ => Response::new(full(keys)),
    }
}

/// 50 MB of blanks, for who takes them.
fn endless() -> Content {
    let (pieces, body) = streamed();
    tokio::spawn(async move {
        let piece = bytes::Bytes::from(vec![b' '; 64 << 10]);
        for _ in 0..800 {
            if pieces.send(Frame::data(piece.clone())).await.is_err() {
                return;
            }
        }
    });
    body
}

#[tokio::test]
async fn issuers_that_are_wrong_from_the_start_let_nobody_in_and_may_recover() {
    let key = Key::new("one");
    let well = Arc::new(AtomicBool::new(false));
    let address = wrong_issuers(&key, Arc::clone(&well)).await;
    let issuer = |name: &str| format!("http://{address}/{name}");
    let sets = WRONGS.map(|(name, _)| {
        format!(
            "  {name}: {{ issuer: '{}', cool-down: 1s }}\n",
            issuer(name)
        )
    });
    let routes =
        WRONGS.map(|(name, _)| route(name, &format!("{{ keys: {name}, audience: orders }}")));
    let gateway = protected(&sets.concat(), &routes.concat()).start().await;
    let before = gateway.resident();
    let load = Load::start(gateway.address(), |_| {}).await;
    let token = |name: &str| key.token(&json!({ "iss": issuer(name) }));

    for (name, reason) in WRONGS {
        if reason.is_empty() {
            continue;
        }
        let answer = get(&gateway, &format!("/{name}"), &token(name)).await;
        refused(&answer, 503, "token-keys-unavailable");
        eventually(name, || async {
            let labels = [
                format!("key_set=\"{name}\""),
                format!("reason=\"{reason}\""),
            ];
            let labels = labels.each_ref().map(String::as_str);
            let metrics = gateway.metrics().await;
            metrics.sum("witgate_key_set_fetch_failures_total", &labels) >= 1.0
        })
        .await;
        let line = gateway.log.wait_for(name, |line| {
            line["key_set"] == name && line["reason"] == reason
        });
        line.await;
    }
    // Who waits for one that says nothing is told so in time, and is not let in.
    let waits = token("stuck");
    let stuck = get(&gateway, "/stuck", &waits);
    let answer = soon("an answer", stuck).await;
    refused(&answer, 503, "token-keys-unavailable");
    let grown = gateway.resident().saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} bytes more");

    well.store(true, Ordering::Relaxed);
    for (name, reason) in WRONGS {
        if !reason.is_empty() {
            let path = format!("/{name}");
            let token = token(name);
            eventually(name, || async {
                status(&gateway, &path, &token).await == 200
            })
            .await;
        }
    }
    load.stop().await;
}
