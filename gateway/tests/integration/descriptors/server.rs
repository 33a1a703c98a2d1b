//! A grpcio server that describes itself.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::support::{descriptors::compile, tls::Identity, tools};

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Describes the service `books.Books` of this `.proto` file, on this port or on any.
    pub(crate) async fn start(proto: &str, port: u16) -> Self {
        Self::start_as(None, proto, port).await
    }

    /// The same over TLS.
    pub(crate) async fn start_over_tls(identity: &Identity, proto: &str) -> Self {
        Self::start_as(Some(identity), proto, 0).await
    }

    async fn start_as(identity: Option<&Identity>, proto: &str, port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Some(identity) = identity {
            fs::write(folder.path().join("key"), &identity.key).unwrap();
            fs::write(folder.path().join("certificate"), &identity.certificate).unwrap();
        }
        fs::write(folder.path().join("books.proto"), proto).unwrap();
        let set = folder.path().join("books.pb");
        let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("protos");
        fs::write(&set, compile(&[folder.path(), &bundled], "books.proto")).unwrap();
        let started = tokio::task::spawn_blocking(move || {
            let started = Self::run(&tools::python_with_grpc(), &set, port);
            drop(folder);
            started
        });
        started.await.unwrap()
    }

    fn run(python: &PathBuf, set: &Path, port: u16) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = script.join("tests/integration/descriptors/reflecting.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(port.to_string())
            .arg(set)
            .arg("books.Books")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        let port: u16 = port.trim().parse().expect("the server prints its port");
        Self {
            child,
            address: ([127, 0, 0, 1], port).into(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
