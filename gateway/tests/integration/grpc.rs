//! A real gRPC server behind the gateway, called by a real gRPC client.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{gateway::Setup, soon, tools};

fn peer(python: &PathBuf, arguments: &[&str]) -> Command {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/integration/grpc_peer.py");
    let mut command = Command::new(python);
    command.arg(script).args(arguments).stdout(Stdio::piped());
    command
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
    let output = tokio::task::spawn_blocking(move || {
        peer(&python, &["call", &address.to_string()])
            .output()
            .unwrap()
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
        "slow": ["DEADLINE_EXCEEDED", seen["slow"][1]],
    });
    assert_eq!(seen, expected);
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
