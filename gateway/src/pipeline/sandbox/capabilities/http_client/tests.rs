//! Clients against real servers on ports of their own.

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
async fn answers_without_end_are_cut_at_the_limit() {
    let (url, _) = server(|mut stream| async move {
        read(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(b"3e8\r\n").await.is_ok() {
            let piece = [&[b'x'; 1000][..], b"\r\n"].concat();
            if stream.write_all(&piece).await.is_err() {
                return;
            }
        }
    })
    .await;
    let client = client_with(&url, "max-response: 4KiB");
    assert_eq!(fails(&client, get("/base")).await, "too-large");

    let huge = "HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\nx";
    let (url, _) = server(move |stream| always(stream, huge)).await;
    let client = client_with(&url, "");
    assert_eq!(
        fails(&client, get("/base")).await,
        "too-large",
        "told, and not read"
    );
}

#[tokio::test]
async fn servers_that_do_not_answer_are_told_apart() {
    let closed = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        listener.local_addr().unwrap()
    };
    let client = client_with(&format!("http://{closed}"), "");
    assert_eq!(fails(&client, get("/")).await, "unreachable");
    let client = client_with("http://nobody.invalid", "");
    assert_eq!(fails(&client, get("/")).await, "unreachable");

    let (url, _) = server(|mut stream| async move {
        read(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let client = client_with(&url, "timeout: 50ms");
    assert_eq!(fails(&client, get("/base")).await, "timeout");

    let (url, _) = server(|stream| always(stream, "<html>so much for HTTP</html>\r\n\r\n")).await;
    assert_eq!(fails(&client_with(&url, ""), get("/base")).await, "broken");

    let (url, _) = server(|mut stream| async move {
        read(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
            .await;
    })
    .await;
    assert_eq!(fails(&client_with(&url, ""), get("/base")).await, "broken");

    let (url, _) = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        read(&mut stream).await;
    })
    .await;
    let secure = url.replace("http://", "https://");
    let client = client_with(&secure, "");
    assert_eq!(fails(&client, get("/base")).await, "tls");
    assert!(client.numbers.last_error().unwrap().contains("TLS"));
}

#[tokio::test]
async fn only_so_many_are_in_flight_and_a_dropped_one_is_cancelled() {
    let (url, _) = server(|mut stream| async move {
        read(&mut stream).await;
        // Ends when the gateway hangs up.
        read(&mut stream).await;
    })
    .await;
    let client = client_with(&url, "max-in-flight: 2, timeout: 20s");
    let one = Arc::clone(&client).start(get("/base"));
    let two = Arc::clone(&client).start(get("/base"));
    assert!(one.take().is_none() && two.take().is_none());
    assert_eq!(client.in_flight(), 2);
    assert_eq!(fails(&client, get("/base")).await, "busy");
    drop(one);
    soon(async {
        while client.in_flight() == 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(
        (count(&client, "cancelled"), count(&client, "busy")),
        (1, 1)
    );
    let three = Arc::clone(&client).start(get("/base"));
    assert!(three.take().is_none(), "there is room again");
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    // One request for each connection, without saying so.
    let (url, connections) = server(|mut stream| async move {
        read(&mut stream).await;
        let _ = stream.write_all(OK.as_bytes()).await;
    })
    .await;
    let client = client_with(&url, "");
    for _ in 0..5 {
        send(&client, get("/base")).await.unwrap();
    }
    assert_eq!(connections.load(SeqCst), 5);
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

fn secrets(folder: &Path, bytes: &str) -> Secrets {
    std::fs::write(folder.join("s"), bytes).unwrap();
    let yaml = "{ file: s }";
    let main = folder.join("witgate.yaml");
    let text = format!("listeners: [{{ address: '127.0.0.1:0' }}]\nsecrets:\n  s: {yaml}\n");
    std::fs::write(&main, text).unwrap();
    let _ = std::fs::create_dir(folder.join("routes.d"));
    let loaded = crate::config::load(&main, None);
    let raw = loaded.gateway.raw.clone().unwrap();
    let secrets = Secrets::default();
    let read = secrets.declare(&raw.secrets, &loaded.gateway.path, folder);
    assert!(read.complete, "{:?}", read.problems);
    secrets.commit();
    secrets
}

#[tokio::test]
async fn credentials_are_added_and_replace_what_the_plugin_says() {
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
    let folder = tempfile::tempdir().unwrap();
    let secrets = secrets(folder.path(), "s e+cret");
    let all = HttpClients::default();
    let form = [
        ("authorization", "mine"),
        (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        ),
    ];
    // base64 of `a:s e+cret`, of `a%3Ab:s+e%2Bcret`.
    for (authorization, field, ends) in [
        (
            "basic: { user: a, password: s }",
            "authorization: basic yTpzIGUrY3JldA==",
            "g=x&client_id=me",
        ),
        (
            "bearer: s",
            "authorization: bearer s e+cret",
            "g=x&client_id=me",
        ),
        (
            "client-credentials: { id: 'a:b', secret: s }",
            "authorization: basic ysuzqwi6cytljtjcy3jlda==",
            "g=x",
        ),
        (
            "client-credentials: { id: 'a:b', secret: s, send: body }",
            "",
            "g=x&client_id=a%3Ab&client_secret=s+e%2Bcret",
        ),
    ] {
        let yaml = format!("{{ url: {url}, authorization: {{ {authorization} }} }}");
        declare(&all, &secrets, &yaml).unwrap();
        all.commit();
        let client = all.live().remove(0).1;
        send(
            &client,
            request("POST", "/base", &form, b"g=x&client_id=me"),
        )
        .await
        .unwrap();
        let heard = hears.recv().await.unwrap();
        assert!(heard.contains(&field.to_lowercase()), "{field}: {heard}");
        assert!(heard.ends_with(ends) && !heard.contains("mine"), "{heard}");
        assert_eq!(heard.contains("authorization:"), !field.is_empty());
        let shown = format!("{:?}", all.status());
        assert!(!shown.contains("cret"), "{shown}");
    }
    let client = all.live().remove(0).1;
    assert_eq!(fails(&client, get("/base")).await, "invalid", "no form");
}
