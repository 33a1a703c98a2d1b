//! The services of `cargo xtask run`, on free ports.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// The running services; they end with this value.
pub(crate) struct Samples {
    child: Child,
    orders: SocketAddr,
    issuer: SocketAddr,
    /// Speaks gRPC.
    pub(crate) bookstore: SocketAddr,
}

/// Cargo builds examples with the tests, beside their folder.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    let program = folder.join("examples/sample_services");
    assert!(
        program.is_file(),
        "{} is missing: run `cargo build --workspace --all-targets`",
        program.display()
    );
    program
}

impl Samples {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(program())
            .args(["127.0.0.1:0"; 3])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |name: &str| {
            let line = lines.next().expect("three lines").unwrap();
            let address = line.strip_prefix(&format!("{name} listens on "));
            address.expect("the service says where").parse().unwrap()
        };
        Self {
            orders: address("orders"),
            issuer: address("issuer"),
            bookstore: address("bookstore"),
            child,
        }
    }

    /// The text, with the addresses that the services have now in place of those that `cargo xtask run` gives them.
    pub(crate) fn found_in(&self, text: &str) -> String {
        let addresses = [
            ("127.0.0.1:9001", self.orders),
            ("127.0.0.1:9002", self.issuer),
            ("127.0.0.1:9003", self.bookstore),
        ];
        addresses.iter().fold(text.into(), |text, (usual, now)| {
            text.replace(usual, &now.to_string())
        })
    }
}

impl Drop for Samples {
    fn drop(&mut self) {
        // They may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
