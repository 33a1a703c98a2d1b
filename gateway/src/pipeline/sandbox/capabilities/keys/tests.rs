//! Key sets against a real server on a port of its own.

mod discovery;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::Future,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, runtime::Handle};

use super::{Declared, Keys, set::Set};
use crate::config::{
    problem::Problem,
    raw::{HumanDuration, KeySet},
    span::Spanned,
};

const ONE: &str = r#"{"keys":[
    {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k1"}
]}"#;
const TWO: &str = r#"{"keys":[
    {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k1"},
    {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k2"}
]}"#;

/// Status and body, by the path that is asked for.
type Answers = Box<dyn Fn(&str) -> (u16, String) + Send>;

/// Answers every request in the same way until told otherwise.
struct Issuer {
    url: String,
    answer: Arc<Mutex<Answers>>,
}

impl Issuer {
    async fn start(body: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let body = body.to_owned();
        let always: Answers = Box::new(move |_| (200, body.clone()));
        let answer = Arc::new(Mutex::new(always));
        let shared = Arc::clone(&answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                let service = service_fn(move |request: Request<Incoming>| {
                    let (status, body) = shared.lock().unwrap()(request.uri().path());
                    let response = Response::builder()
                        .status(status)
                        .header("location", "/elsewhere")
                        .body(Full::<Bytes>::from(body));
                    async { Ok::<_, Infallible>(response.unwrap()) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, answer }
    }

    fn answers(&self, status: u16, body: &str) {
        let body = body.to_owned();
        self.answers_by_path(move |_| (status, body.clone()));
    }

    fn answers_by_path(&self, answer: impl Fn(&str) -> (u16, String) + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }
}

fn url(url: &str) -> KeySet {
    KeySet {
        issuer: None,
        url: Some(Spanned::new(url.to_owned(), Default::default())),
        file: None,
        refresh: None,
        cool_down: None,
    }
}

fn file(path: &Path) -> KeySet {
    KeySet {
        issuer: None,
        url: None,
        file: Some(Spanned::new(path.to_owned(), Default::default())),
        refresh: None,
        cool_down: None,
    }
}

fn declare(keys: &Keys, sets: Vec<(&str, KeySet)>) -> Result<Declared, Vec<Problem>> {
    declare_on(keys, sets, Some(&Handle::current()))
}

fn declare_on(
    keys: &Keys,
    sets: Vec<(&str, KeySet)>,
    control: Option<&Handle>,
) -> Result<Declared, Vec<Problem>> {
    let sets: BTreeMap<_, _> = sets
        .into_iter()
        .map(|(name, set)| (name.to_owned(), Spanned::new(set, Default::default())))
        .collect();
    let file = Arc::new(PathBuf::from("witgate.yaml"));
    keys.declare(&sets, &file, Path::new("."), control)
}

fn set(keys: &Keys, name: &str) -> Arc<Set> {
    Arc::clone(&keys.find(name).unwrap().set())
}

/// What would hang a test ends it.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, future).await.expect("in time")
}

async fn first_arrival(keys: &Keys, name: &str) {
    let mut rounds = set(keys, name).rounds.subscribe();
    soon(rounds.wait_for(|rounds| *rounds > 0)).await.unwrap();
}

#[tokio::test]
async fn a_missing_key_is_fetched_once_per_cool_down() {
    let issuer = Issuer::start(ONE).await;
    let keys = Keys::default();
    let _before = declare(&keys, vec![("login", url(&issuer.url))]).unwrap();
    let set = set(&keys, "login");
    assert_eq!(set.content().version, 0);
    first_arrival(&keys, "login").await;
    let first = set.content().version;
    assert_eq!((set.content().jwks.text.as_str(), first > 0), (ONE, true));

    issuer.answers(200, TWO);
    let epoch = keys.epoch().current();
    let arrival = set.refresh().expect("no cool-down yet");
    let shared = set.refresh().expect("the same fetch");
    soon(async { (arrival.await, shared.await) }).await;
    assert!(set.content().version > first && keys.epoch().current() > epoch);
    assert_eq!(
        (
            set.content().jwks.text.as_str(),
            set.content().jwks.kids.len()
        ),
        (TWO, 2)
    );
    assert!(set.refresh().is_none(), "cools down");
    assert_eq!(keys.status()[0].fetches, 2);
}

#[tokio::test]
async fn who_waited_for_any_fetch_is_not_told_to_wait_again() {
    let issuer = Issuer::start(ONE).await;
    let keys = Keys::default();
    let _before = declare(&keys, vec![("login", url(&issuer.url))]).unwrap();
    let set = set(&keys, "login");
    soon(set.refresh().expect("the first fetch is on its way")).await;
    assert!(set.content().version > 0);
    assert!(set.refresh().is_none());
}

#[tokio::test]
async fn an_issuer_that_hangs_is_not_waited_for_again_and_again() {
    // Connections are made, and nobody answers.
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let keys = Keys::default();
    let address = format!("http://{}/", silent.local_addr().unwrap());
    let _before = declare(&keys, vec![("login", url(&address))]).unwrap();
    let set = set(&keys, "login");
    assert!(set.refresh().is_some() && set.refresh().is_some());
    set.await_long();
    assert!(set.refresh().is_none());
    assert!(set.progress().pending, "it goes on all the same");
}

#[tokio::test]
async fn equal_content_is_no_new_version() {
    let issuer = Issuer::start(ONE).await;
    let keys = Keys::default();
    let _before = declare(&keys, vec![("login", url(&issuer.url))]).unwrap();
    first_arrival(&keys, "login").await;
    let set = set(&keys, "login");
    let (version, epoch) = (set.content().version, keys.epoch().current());
    soon(set.refresh().unwrap()).await;
    assert_eq!(set.content().version, version);
    assert_eq!(keys.epoch().current(), epoch);
    assert_eq!(keys.status()[0].fetches, 2);
}

#[tokio::test]
async fn keys_stay_while_the_issuer_is_down() {
    let issuer = Issuer::start(ONE).await;
    let keys = Keys::default();
    let _before = declare(&keys, vec![("login", url(&issuer.url))]).unwrap();
    first_arrival(&keys, "login").await;
    let long = format!(r#"{{"keys":[],"x":"{}"}}"#, "y".repeat(1 << 20));
    let cases = [
        (500, ONE, "500"),
        (302, ONE, "/elsewhere"),
        (204, "", "204"),
        (200, "<html>", "no JWK set"),
        (200, r#"{"keys":[{}]}"#, "kty"),
        (200, &long, "longer than"),
    ];
    for (index, (status, body, said)) in cases.into_iter().enumerate() {
        issuer.answers(status, body);
        soon(set(&keys, "login").refresh().unwrap()).await;
        let status = keys.status().remove(0);
        assert!(
            status.error.as_deref().unwrap().contains(said),
            "{status:?}"
        );
        assert_eq!(status.failures, index as u64 + 1);
        assert_eq!(set(&keys, "login").content().jwks.text, ONE);
        set(&keys, "login").cool();
    }
    issuer.answers(200, TWO);
    soon(set(&keys, "login").refresh().unwrap()).await;
    assert_eq!(
        (keys.status()[0].kids.len(), &keys.status()[0].error),
        (2, &None)
    );
}

#[tokio::test]
async fn nobody_listening_is_a_failure_like_others() {
    let closed = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let keys = Keys::default();
    let secret = format!("https://ada:secret@{address}/jwks?key=secret");
    let _before = declare(&keys, vec![("login", url(&secret))]).unwrap();
    first_arrival(&keys, "login").await;
    let status = keys.status().remove(0);
    assert_eq!((status.version, status.failures, status.age), (0, 1, None));
    assert!(!format!("{status:?}").contains("secret"), "{status:?}");
    let mut metrics = String::new();
    keys.render(&mut metrics);
    let series =
        "witgate_key_set_fetch_failures_total{key_set=\"login\",reason=\"unreachable\"} 1\n";
    assert!(metrics.contains(series), "{metrics}");
}

#[tokio::test]
async fn a_set_survives_reloads_that_leave_it_alone() {
    let issuer = Issuer::start(ONE).await;
    let keys = Keys::default();
    let _first = declare(&keys, vec![("login", url(&issuer.url))]).unwrap();
    first_arrival(&keys, "login").await;
    let (slot, before) = (keys.find("login").unwrap(), set(&keys, "login"));

    let unchanged = declare(
        &keys,
        vec![("login", url(&issuer.url)), ("b", url(&issuer.url))],
    );
    let added = keys.find("b").unwrap();
    keys.withdraw(unchanged.unwrap());
    assert!(Arc::ptr_eq(&slot.set(), &before));
    assert!(keys.find("b").is_err() && added.set().refresh().is_none());

    let other = format!("{}?v=2", issuer.url);
    let changed = declare(&keys, vec![("login", url(&other))]).unwrap();
    assert!(Arc::ptr_eq(&slot.set(), &before), "it is not live yet");
    keys.commit(changed);
    assert!(!Arc::ptr_eq(&slot.set(), &before), "the handle follows");
    assert_eq!(
        slot.set().content().version,
        0,
        "other keys are not trusted"
    );
}

#[tokio::test]
async fn a_set_that_is_declared_no_more_serves_until_that_is_live() {
    let issuer = Issuer::start(ONE).await;
    let keys = Keys::default();
    let first = declare(
        &keys,
        vec![("login", url(&issuer.url)), ("b", url(&issuer.url))],
    );
    keys.commit(first.unwrap());
    first_arrival(&keys, "login").await;
    let slot = keys.find("login").unwrap();

    let refused = declare(&keys, vec![("b", url(&issuer.url))]).unwrap();
    assert!(!keys.declares("login") && keys.declares("b"));
    assert_eq!(
        keys.find_declared("login").err().unwrap(),
        "no key set is called `login`; declare it under `key-sets` in witgate.yaml (declared: b)"
    );
    assert!(keys.find("login").is_ok() && slot.set().content().version > 0);
    keys.withdraw(refused);
    assert!(keys.declares("login"));

    let gone = declare(&keys, vec![]).unwrap();
    keys.commit(gone);
    assert_eq!(slot.set().content().version, 0);
    assert!(slot.set().refresh().is_none());
    assert_eq!(
        keys.find("login").err().unwrap(),
        "no key set is called `login`; declare it under `key-sets` in witgate.yaml"
    );
}

#[test]
fn a_name_that_is_nearly_right_is_suggested() {
    let keys = Keys::default();
    let _declared = declare_on(&keys, vec![("login", url("http://a/"))], None).unwrap();
    let said = keys.find("logn").err().unwrap();
    assert!(said.contains("did you mean `login`?"), "{said}");
}

#[tokio::test]
async fn a_file_is_read_again_on_every_reload() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, ONE).unwrap();
    let keys = Keys::default();
    let _first = declare(&keys, vec![("local", file(&path))]).unwrap();
    let slot = keys.find("local").unwrap();
    let (version, before) = (slot.set().content().version, set(&keys, "local"));
    assert!(version > 0 && slot.set().refresh().is_none());
    keys.commit(declare(&keys, vec![("local", file(&path))]).unwrap());
    assert!(Arc::ptr_eq(&slot.set(), &before));
    std::fs::write(&path, TWO).unwrap();
    keys.commit(declare(&keys, vec![("local", file(&path))]).unwrap());
    assert!(slot.set().content().version > version);
    std::fs::write(&path, "half of a fi").unwrap();
    let problems = declare(&keys, vec![("local", file(&path))]).unwrap_err();
    assert!(problems[0].message.contains("no JWK set"), "{problems:?}");
    assert_eq!(slot.set().content().jwks.text, TWO);
}

#[tokio::test]
async fn wrong_definitions_are_all_reported() {
    let both = KeySet {
        file: Some(Spanned::new(PathBuf::from("x"), Default::default())),
        ..url("https://a/")
    };
    let mut hasty = url("https://a/");
    hasty.refresh = Some(HumanDuration::from_secs(1));
    let mut idle = file(Path::new("x"));
    idle.cool_down = Some(HumanDuration::from_secs(1));
    let sets = vec![
        ("a", both),
        ("b", url("ftp://a/")),
        ("c", url("/relative")),
        ("d", hasty),
        ("e", idle),
        ("f", file(Path::new("/nowhere/jwks.json"))),
    ];
    let keys = Keys::default();
    assert_eq!(declare(&keys, sets).unwrap_err().len(), 6);
    assert!(keys.status().is_empty());
}
