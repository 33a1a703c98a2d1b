//! A real gRPC server behind the gateway, called by a real gRPC client; and what that is told when the gateway refuses.

mod endings;
mod health;
pub(crate) mod peer;
mod retries;
mod routes;
mod web;

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use http::Request;

use crate::support::{
    client::{self, full},
    components, eventually,
    gateway::{Gateway, Setup},
    raw, soon, tools,
};

fn peer(python: &PathBuf, arguments: &[&str]) -> Command {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/integration/grpc_peer.py");
    let mut command = Command::new(python);
    command.arg(script).args(arguments).stdout(Stdio::piped());
    command
}

/// What `witgate check` says of routes that it must refuse.
fn refusal(yaml: &str) -> String {
    let output = Setup::new().routes(yaml).command(&["check"]);
    assert!(!output.status.success(), "{yaml}");
    let told = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&told).into_owned()
}

struct Server(Child, SocketAddr);

impl Server {
    fn start(python: &PathBuf) -> Self {
        let mut child = peer(python, &["serve"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        let port = port
            .trim()
            .parse::<u16>()
            .expect("the server prints its port");
        Self(child, ([127, 0, 0, 1], port).into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn call(python: PathBuf, address: SocketAddr) -> Value {
    run(python, vec!["call".into(), address.to_string()]).await
}

/// What a client of that kind prints.
async fn run(python: PathBuf, arguments: Vec<String>) -> Value {
    let output = tokio::task::spawn_blocking(move || {
        let arguments = arguments.iter().map(String::as_str).collect::<Vec<_>>();
        peer(&python, &arguments).output().unwrap()
    });
    let output = soon("all calls", output).await.unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn every_kind_of_call_passes() {
    let python = tokio::task::spawn_blocking(tools::python_with_grpc)
        .await
        .unwrap();
    let server = Server::start(&python);
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{}'], protocol: http2 }} }}\nroutes: [{{ name: all, to: up }}]",
        server.1
    );
    let gateway = Setup::new().routes(&yaml).start().await;
    let seen = call(python, gateway.address()).await;
    let expected = json!({
        "unary": "echo hi",
        "initial": "yes",
        "trailing": "42",
        "download": ["0", "1", "2", "3", "4"],
        "upload": "1000000",
        "chat": ["ONE", "TWO", "THREE"],
        "large": 3_000_005,
        "fail": ["FAILED_PRECONDITION", "not today: 100 % ä"],
        "missing": ["UNIMPLEMENTED", "Method not found!"],
        "details": "080912036e6f21",
        "cancelled": ["CANCELLED", "yes"],
        "cut": ["DEADLINE_EXCEEDED", "yes"],
        "slow": ["DEADLINE_EXCEEDED", seen["slow"][1]],
    });
    assert_eq!(seen, expected);
}

/// Two real servers: calls go to the one that says that it serves, and to the other when that is killed.
#[tokio::test]
async fn calls_go_to_servers_that_are_well() {
    let python = tokio::task::spawn_blocking(tools::python_with_grpc)
        .await
        .unwrap();
    let (a, b) = (Server::start(&python), Server::start(&python));
    let yaml = format!(
        "upstreams: {{ up: {{ endpoints: ['http://{}', 'http://{}'], protocol: http2, \
         health: {{ grpc: {{}}, interval: 50ms, healthy: 1, unhealthy: 1 }} }} }}\n\
         routes: [{{ name: all, to: up, retry: {{}} }}]",
        a.1, b.1
    );
    let gateway = Setup::new().routes(&yaml).start().await;
    let healthy = async |index: usize, expected: bool| {
        eventually("another standing", || async {
            let shown = gateway.admin("/upstreams").await.json();
            shown[0]["endpoints"][index]["health"]["healthy"] == expected
        })
        .await;
    };
    let send = async |address: SocketAddr, method: &str, text: &str| {
        let method = format!("/witgate.test.Echo/{method}");
        let arguments = vec!["send".into(), address.to_string(), method, text.into()];
        run(python.clone(), arguments).await
    };
    healthy(0, true).await;
    healthy(1, true).await;
    send(a.1, "SetHealth", "2").await;
    healthy(0, false).await;
    for _ in 0..3 {
        assert_eq!(send(gateway.address(), "Unary", "hi").await, "echo hi");
    }
    send(a.1, "SetHealth", "1").await;
    healthy(0, true).await;
    drop(b);
    for _ in 0..3 {
        assert_eq!(send(gateway.address(), "Unary", "hi").await, "echo hi");
    }
    healthy(1, false).await;
}

#[tokio::test]
async fn a_client_learns_why_there_is_no_server() {
    let python = tokio::task::spawn_blocking(tools::python_with_grpc)
        .await
        .unwrap();
    let gateway = Setup::new()
        .routes("routes: [{ name: a, match: { path: /a }, respond: {} }]")
        .start()
        .await;
    let mut command = peer(&python, &["call", &gateway.address().to_string()]);
    let output =
        tokio::task::spawn_blocking(move || command.stderr(Stdio::piped()).output().unwrap());
    let output = soon("the call", output).await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("StatusCode.UNIMPLEMENTED"), "{text}");
}

/// A method, what its route says beside that, and the code that a client gets.
const REFUSALS: [(&str, &str, &str); 14] = [
    ("/refused/Nowhere", "", "UNIMPLEMENTED"),
    (
        "/refused/Trap",
        "plugins: [hostile: { on-request: trap }], to: up",
        "INTERNAL",
    ),
    (
        "/refused/Loop",
        "plugins: [hostile: { on-request: loop }], to: up",
        "UNAVAILABLE",
    ),
    (
        "/refused/Teapot",
        "plugins: [hostile: { on-request: reply }], to: up",
        "UNKNOWN",
    ),
    (
        "/refused/Token",
        "plugins: [jwt-auth: { keys: login }], to: up",
        "UNAUTHENTICATED",
    ),
    (
        "/refused/Upload",
        "plugins: [hostile: { on-request-body: trap }], to: up",
        "INTERNAL",
    ),
    (
        "/refused/Large",
        "limits: { body: 10 }, to: up",
        "RESOURCE_EXHAUSTED",
    ),
    ("/refused/Down", "to: down", "UNAVAILABLE"),
    ("/refused/HangsUp", "to: hangs-up", "UNAVAILABLE"),
    (
        "/refused/Slow",
        "timeouts: { request: 200ms }, to: silent",
        "DEADLINE_EXCEEDED",
    ),
    (
        "/refused/Forbidden",
        "respond: { status: 403 }",
        "PERMISSION_DENIED",
    ),
    (
        "/refused/Late",
        "plugins: [hostile: { on-response: reply }], to: up",
        "UNKNOWN",
    ),
    // The server's own answer is on its way when this happens.
    (
        "/refused/Head",
        "plugins: [hostile: { on-response: trap }], to: up",
        "INTERNAL",
    ),
    (
        "/witgate.test.Echo/Unary",
        "plugins: [hostile: { on-response: trap }], to: up",
        "INTERNAL",
    ),
];

async fn refusing(up: SocketAddr) -> Gateway {
    let hangs_up = raw::upstream(|_| async {}).await;
    let silent = raw::upstream(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let mut routes = format!(
        "upstreams:\n  up: {{ endpoints: ['http://{up}'], protocol: http2 }}\n  down: http://127.0.0.1:1\n  \
         hangs-up: http://{hangs_up}\n  silent: http://{silent}\nroutes:\n"
    );
    for (method, route, _) in REFUSALS {
        if !route.is_empty() {
            routes += &format!("  - {{ name: {method}, match: {{ path: {method} }}, {route} }}\n");
        }
    }
    Setup::new()
        .file("jwks.json", r#"{"keys":[]}"#)
        .settings(&format!(
            "plugins:\n  hostile: {{ component: '{}', grants: [metrics] }}\n  \
             jwt-auth: {{ component: '{}', grants: [clock, crypto, keys] }}\nkey-sets: {{ login: {{ file: jwks.json }} }}",
            components::fixture("hostile").display(),
            components::shipped("jwt-auth").display()
        ))
        .routes(&routes)
        .start()
        .await
}

#[tokio::test]
async fn a_client_understands_every_refusal() {
    let python = tokio::task::spawn_blocking(tools::python_with_grpc)
        .await
        .unwrap();
    let server = Server::start(&python);
    let gateway = refusing(server.1).await;
    let mut arguments = vec!["statuses".into(), gateway.address().to_string()];
    arguments.extend(REFUSALS.map(|(method, ..)| method.to_owned()));
    let seen = run(python, arguments).await;
    for (method, _, code) in REFUSALS {
        let status = &seen[method];
        assert_eq!(status["code"], code, "{method}: {status}");
        let details = status["details"].as_str().unwrap();
        // What the client library finds out by itself is worded differently.
        assert!(
            !details.is_empty() && !details.contains("HTTP") && !details.contains("RST_STREAM"),
            "{method}: {status}"
        );
    }
    let challenge = &seen["/refused/Token"]["metadata"]["www-authenticate"];
    assert!(
        challenge
            .as_str()
            .is_some_and(|it| it.starts_with("Bearer")),
        "{seen}"
    );
}

/// Trailers-only: one frame of headers that ends the stream.
#[tokio::test]
async fn each_refusal_is_one_head() {
    // Whatever gets as far as the server fails there in the same way.
    let gateway = refusing("127.0.0.1:1".parse().unwrap()).await;
    for (method, ..) in REFUSALS {
        let sent = Request::post(format!("http://{}{method}", gateway.address()))
            .header("content-type", "application/grpc+proto")
            .header("te", "trailers")
            .body(full(&b"\0\0\0\0\x0aaaaaaaaaaa"[..]))
            .unwrap();
        let answer = client::send_h2(gateway.address(), sent).await;
        assert_eq!(answer.status(), 200, "{method}");
        let kind = answer.header("content-type").unwrap();
        assert!(kind.starts_with("application/grpc"), "{method}: {kind}");
        assert!(answer.header("grpc-status").is_some(), "{method}");
        assert!(answer.header("x-request-id").is_some(), "{method}");
        assert!(answer.body.is_empty() && answer.trailers.is_empty());
    }
}
