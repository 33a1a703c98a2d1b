//! The transcoding component between REST clients and a real gRPC server, which is grpcio's.

mod crowds;
mod deadlines;
mod errors;
mod flow;
mod hostility;
mod openapi;
mod requests;
mod streams;
mod swaps;
mod tutorial;

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    client::{self, Answer, Content, empty, full, request},
    components, descriptors, eventually,
    gateway::{Gateway, Setup},
    soon, tools,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/transcoding")
}

/// The server of `probe.proto`; it ends with this value.
struct Probe {
    child: Child,
    address: SocketAddr,
    _descriptors: TempDir,
}

impl Probe {
    async fn start() -> Self {
        let python = tokio::task::spawn_blocking(tools::python_with_grpc);
        let python = python.await.unwrap();
        let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("protos");
        let descriptors = tempfile::tempdir().unwrap();
        let file = descriptors.path().join("probe.pb");
        std::fs::write(
            &file,
            descriptors::compile(&[&folder(), &protos], "probe.proto"),
        )
        .unwrap();
        let mut child = Command::new(python)
            .arg(folder().join("peer.py"))
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut port).unwrap();
        let port: u16 = port.trim().parse().expect("the server prints its port");
        Self {
            child,
            address: ([127, 0, 0, 1], port).into(),
            _descriptors: descriptors,
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn proto() -> String {
    std::fs::read_to_string(folder().join("probe.proto")).unwrap()
}

/// A gateway that reads `probe.proto` and serves it as REST, with these settings of the component.
fn setup(upstream: SocketAddr, settings: &str) -> Setup {
    setup_with(
        upstream,
        settings,
        ", limits: { time: 100ms, memory: 64MiB }",
    )
}

/// The same, with this in `witgate.yaml` in place of the limits that the documentation proposes.
fn setup_with(upstream: SocketAddr, settings: &str, more: &str) -> Setup {
    Setup::new()
        .file("probe.proto", proto())
        .settings(&format!(
            "plugins:\n  grpc-json-transcoder: {{ component: '{}', grants: [descriptors, metrics]{more} }}\n  \
             hostile: {{ component: '{}', grants: [metrics] }}\n\
             descriptors: {{ probe: {{ proto: probe.proto }} }}",
            components::shipped("grpc-json-transcoder").display(),
            components::fixture("hostile").display(),
        ))
        .routes(&routes(upstream, settings))
}

fn routes(upstream: SocketAddr, settings: &str) -> String {
    format!(
        "upstreams: {{ probe: {{ endpoints: ['http://{upstream}'], protocol: http2 }} }}\n\
         routes:\n  - name: probe\n    match: {{ prefix: /v1 }}\n    plugins: [grpc-json-transcoder: {{ descriptors: probe{settings} }}]\n    to: probe\n"
    )
}

/// The usual gateway, in front of a server of its own.
async fn start() -> (Probe, Gateway) {
    start_with("").await
}

async fn start_with(settings: &str) -> (Probe, Gateway) {
    let probe = Probe::start().await;
    let gateway = setup(probe.address, settings).start().await;
    (probe, gateway)
}

async fn send(gateway: &Gateway, method: Method, path: &str, body: Value) -> Answer {
    let sent = request(method, gateway.address(), path)
        .header("content-type", "application/json")
        .body(full(body.to_string()))
        .unwrap();
    client::send(gateway.address(), sent).await
}

/// A response whose body is read while it comes.
struct Stream {
    response: Response<Incoming>,
    /// What came and was not yet taken.
    text: String,
}

impl Stream {
    /// A GET over a connection of its own, which ends with this value.
    async fn open(gateway: &Gateway, path: &str, accept: &str) -> Self {
        let sent = request(Method::GET, gateway.address(), path)
            .header("accept", accept)
            .body(empty())
            .unwrap();
        Self::of(gateway, sent).await
    }

    async fn of(gateway: &Gateway, sent: Request<Content>) -> Self {
        let mut connection = client::h1(gateway.address()).await;
        let response = soon("the head of a stream", connection.send_request(sent));
        Self {
            response: response.await.unwrap(),
            text: String::new(),
        }
    }

    fn header(&self, name: &str) -> &str {
        self.response.headers()[name].to_str().unwrap()
    }

    /// The next piece of the body; none at its end.
    async fn piece(&mut self) -> Option<Bytes> {
        let frame = soon("a piece of a stream", self.response.frame()).await?;
        frame.expect("the stream goes on").into_data().ok()
    }

    /// Takes everything up to the end of this text, which must come.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.text.find(end) {
                let rest = self.text.split_off(at + end.len());
                return std::mem::replace(&mut self.text, rest);
            }
            let piece = self.piece().await;
            let piece = piece.unwrap_or_else(|| panic!("no {end:?} after {:?}", self.text));
            self.text += std::str::from_utf8(&piece).unwrap();
        }
    }

    /// Everything up to the end.
    async fn rest(mut self) -> String {
        while let Some(piece) = self.piece().await {
            self.text += std::str::from_utf8(&piece).unwrap();
        }
        self.text
    }
}

/// Lets the calls with this key go on.
async fn release(gateway: &Gateway, key: &str, count: u32) {
    let path = format!("/v1/release/{key}/{count}");
    let answer = send(gateway, Method::POST, &path, Value::Null).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
}

/// Waits until the server has seen this of the calls with the key.
async fn server_saw(gateway: &Gateway, key: &str, what: &str, count: u64) {
    eventually(&format!("{count} {what} of {key}"), || async {
        watch(gateway, key, what).await == count
    })
    .await;
}

async fn watch(gateway: &Gateway, key: &str, what: &str) -> u64 {
    let seen = gateway.get(&format!("/v1/watch/{key}")).await.json();
    match &seen[what] {
        Value::Null => 0,
        // 64 bits are a string (ProtoJSON).
        Value::String(number) => number.parse().unwrap(),
        number => number.as_u64().unwrap(),
    }
}

/// A pause that is no event to wait for: how long nothing must happen.
const QUIET: Duration = Duration::from_millis(300);
