//! Clients against real servers on ports of their own.

mod credentials;
mod servers;

use std::{
    collections::BTreeMap,
    future::Future,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
};

use super::{call::Answer, client::Client, declare::HttpClients};
use crate::{
    config::{
        problem::{Problem, Severity},
        raw::{self, ShortOr},
        span::Spanned,
    },
    pipeline::sandbox::{bindings::http_client as wit, capabilities::secrets::Secrets},
};

/// What would hang a test ends it.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, future).await.expect("in time")
}

/// Accepts connections and leaves each to `serve`; how many there were.
async fn server<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> (String, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/base", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, SeqCst);
            tokio::spawn(serve(stream));
        }
    });
    (url, connections)
}

/// One request's head, in lower case, and as much of its body as `content-length` says; none at the end.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(format!("{head}\n\n{body}"));
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

/// Answers every request with this, on a connection that stays.
async fn always(mut stream: TcpStream, answer: &'static str) {
    while read(&mut stream).await.is_some() {
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

const OK: &str =
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-Two: 2\r\nkeep-alive: timeout=5\r\n\r\nhi";

fn client_with(url: &str, settings: &str) -> Arc<Client> {
    let all = HttpClients::default();
    let secrets = Secrets::default();
    declare(&all, &secrets, &format!("{{ url: {url}, {settings} }}")).unwrap();
    all.commit();
    all.live().remove(0).1
}

fn declare(all: &HttpClients, secrets: &Secrets, yaml: &str) -> Result<(), Vec<Problem>> {
    let raw = read_yaml(yaml);
    let raw = BTreeMap::from([("login".to_owned(), raw)]);
    let file = Arc::new(PathBuf::from("witgate.yaml"));
    all.declare(&raw, &file, secrets, Handle::try_current().is_ok())
}

fn read_yaml(yaml: &str) -> Spanned<ShortOr<raw::HttpClient>> {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("witgate.yaml");
    let text =
        format!("listeners: [{{ address: '127.0.0.1:0' }}]\nhttp-clients:\n  login: {yaml}\n");
    std::fs::write(&main, text).unwrap();
    std::fs::create_dir(folder.path().join("routes.d")).unwrap();
    let loaded = crate::config::load(&main, None);
    // There are no routes, and that is odd, but no error.
    let mut problems = loaded.problems();
    let error = problems.find(|problem| problem.severity == Severity::Error);
    assert!(error.is_none(), "{error:?}");
    drop(problems);
    let raw = Arc::into_inner(loaded.gateway).and_then(|source| source.raw);
    let raw = raw.and_then(Arc::into_inner).expect("nobody else has it");
    raw.http_clients.into_values().next().unwrap()
}

fn get(target: &str) -> wit::Request {
    request("GET", target, &[], b"")
}

fn request(method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> wit::Request {
    let fields = fields.iter();
    wit::Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: fields
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: body.to_vec(),
    }
}

async fn send(client: &Arc<Client>, request: wit::Request) -> Answer {
    let call = Arc::clone(client).start(request);
    soon(call.arrival()).await;
    call.take().expect("it has arrived")
}

async fn fails(client: &Arc<Client>, request: wit::Request) -> &'static str {
    send(client, request).await.unwrap_err().label()
}

fn count(client: &Client, outcome: &str) -> u64 {
    client.numbers.outcomes().get(outcome).copied().unwrap_or(0)
}

#[tokio::test]
async fn an_answer_comes_back_and_the_connection_is_used_again() {
    let (url, connections) = server(|stream| always(stream, OK)).await;
    let client = client_with(&url, "");
    for _ in 0..3 {
        let answer = send(&client, get("/base/a?b")).await.unwrap();
        assert_eq!((answer.status, &*answer.body), (200, &b"hi"[..]));
        let names: Vec<_> = answer.headers.iter().map(|(name, _)| &**name).collect();
        assert_eq!(
            names,
            ["content-length", "x-two"],
            "none of the connection's"
        );
    }
    assert_eq!((connections.load(SeqCst), count(&client, "ok")), (1, 3));
    assert_eq!(client.in_flight(), 0);
}

#[tokio::test]
async fn what_goes_out_is_what_the_plugin_may_say() {
    let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let (url, _) = server(move |mut stream| {
        let heard = heard.clone();
        async move {
            while let Some(request) = read(&mut stream).await {
                let _ = heard.send(request);
                let _ = stream.write_all(OK.as_bytes()).await;
            }
        }
    })
    .await;
    let client = client_with(&url, "");
    let fields = [
        ("host", "evil"),
        ("x-a", "1"),
        ("transfer-encoding", "chunked"),
    ];
    send(&client, request("POST", "/base/t", &fields, b"k=v"))
        .await
        .unwrap();
    let heard = hears.recv().await.unwrap();
    assert!(
        heard.starts_with("post /base/t http/1.1\n")
            || heard.starts_with("post /base/t http/1.1\r\n")
    );
    assert!(
        heard.contains("x-a: 1") && heard.ends_with("k=v"),
        "{heard}"
    );
    assert!(
        !heard.contains("evil") && !heard.contains("chunked"),
        "{heard}"
    );
    assert!(heard.contains("host: 127.0.0.1:"), "{heard}");
    for wrong in [get("/elsewhere"), request("G E T", "/base", &[], b"")] {
        assert_eq!(fails(&client, wrong).await, "invalid");
    }
}

#[tokio::test]
async fn a_client_that_did_not_change_keeps_its_connections() {
    let (url, connections) = server(|stream| always(stream, OK)).await;
    let (all, secrets) = (HttpClients::default(), Secrets::default());
    declare(&all, &secrets, &url).unwrap();
    let slot = all.find("login").unwrap();
    assert!(slot.live().is_none(), "nothing serves yet");
    all.commit();
    let client = slot.live().clone().unwrap();
    send(&client, get("/base")).await.unwrap();

    declare(&all, &secrets, &format!("{{ url: '{url}/', timeout: 5s }}")).unwrap();
    all.commit();
    assert!(Arc::ptr_eq(&client, &slot.live().clone().unwrap()));
    declare(&all, &secrets, &format!("{{ url: {url}, timeout: 1s }}")).unwrap();
    all.withdraw();
    assert!(Arc::ptr_eq(&client, &slot.live().clone().unwrap()));
    declare(&all, &secrets, &format!("{{ url: {url}, timeout: 1s }}")).unwrap();
    all.commit();
    let other = slot.live().clone().unwrap();
    assert!(!Arc::ptr_eq(&client, &other));
    send(&other, get("/base")).await.unwrap();
    assert_eq!((connections.load(SeqCst), count(&other, "ok")), (2, 2));
    let mut text = String::new();
    all.render(&mut text);
    let sample = "witgate_http_client_requests_total{client=\"login\",outcome=\"ok\"} 2\n";
    assert!(text.contains(sample), "{text}");
    assert!(text.contains("witgate_http_client_duration_seconds_count{client=\"login\"} 2\n"));
}

#[test]
fn wrong_definitions_say_what_to_write() {
    let (all, secrets) = (HttpClients::default(), Secrets::default());
    for (yaml, said) in [
        ("ftp://a", "an http or https URL"),
        ("/relative", "an http or https URL"),
        ("https://ada:hush@a", "write `authorization`"),
        ("https://a/?b", "ends with its path"),
        ("{ url: https://a, timeout: 0s }", "`timeout`"),
        ("{ url: https://a, max-response: 1GiB }", "`max-response`"),
        ("{ url: https://a, max-in-flight: 0 }", "`max-in-flight`"),
        ("{ url: https://a, authorization: {} }", "one way"),
        (
            "{ url: https://a, authorization: { bearer: nope } }",
            "no secret is called `nope`",
        ),
        (
            "{ url: https://a, authorization: { basic: { user: 'a:b', password: x } } }",
            "colon",
        ),
    ] {
        let problems = declare(&all, &secrets, yaml).unwrap_err();
        let text = format!("{problems:?}");
        assert!(problems.len() == 1 && text.contains(said), "{yaml}: {text}");
        assert!(!text.contains("hush"), "{text}");
    }
    let without_runtime = {
        declare(&all, &secrets, "http://127.0.0.1:1").unwrap();
        all.commit();
        all.live().remove(0).1
    };
    let call = without_runtime.start(get("/"));
    assert_eq!(call.take().unwrap().unwrap_err().label(), "invalid");
}
