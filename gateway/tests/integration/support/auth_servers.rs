//! Real authorization servers: npm's oauth2-mock-server and oidc-provider, each a process of its own.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    client::{self, full, request},
    log::Lines,
    ports, tools,
};

/// A server that has its port from the first moment on, can be down, and keeps what it knows over a restart (only
/// oidc-provider: the mock server knows nothing).
pub(crate) struct AuthServer {
    script: &'static str,
    options: Value,
    address: SocketAddr,
    memory: TempDir,
    process: Option<Child>,
}

impl AuthServer {
    /// oauth2-mock-server: `/token`, `/introspect`, `/jwks`. Tokens that begin with `good` are active; what
    /// introspection tells of one of them beyond the usual stands in `introspection`, by the token.
    pub(crate) async fn mock(introspection: &Value) -> Self {
        let mut server = Self::down("mock.js", json!({ "introspection": introspection }));
        server.start().await;
        server
    }

    /// oidc-provider with the client `shop`, not started yet: its redirect URIs are those of gateways, which want
    /// to know its URL first. It lets anybody in, under any name.
    pub(crate) fn oidc() -> Self {
        Self::down("oidc.js", json!({ "origins": [] }))
    }

    fn down(script: &'static str, options: Value) -> Self {
        Self {
            script,
            options,
            address: ports::reserved(),
            memory: tempfile::tempdir().unwrap(),
            process: None,
        }
    }

    /// Changes options of the script, from the next start on.
    pub(crate) fn option(&mut self, name: &str, value: Value) {
        self.options[name] = value;
    }

    /// For browsers that see the gateway under these origins.
    pub(crate) async fn start_for(&mut self, origins: &[String]) {
        self.option("origins", json!(origins));
        self.start().await;
    }

    /// Starts it, again on the same port. It has forgotten how it was to misbehave, and its counts.
    pub(crate) async fn start(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/support/auth_servers");
        let folder = tokio::task::spawn_blocking({
            let source = source.clone();
            move || tools::npm_packages("auth-servers", &source.join("package.json"))
        });
        let folder = folder.await.unwrap();
        for script in ["server.js", self.script] {
            put(&source.join(script), &folder.join(script));
        }
        self.options["port"] = json!(self.address.port());
        self.options["memory"] = json!(self.memory.path().join("memory.json"));
        let mut child = Command::new("node")
            .arg(folder.join(self.script))
            .arg(self.options.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = Lines::of(child.stdout.take().unwrap());
        self.process = Some(child);
        output.message("listening").await;
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How a path answers from now on: `{ "kind": "stuck" }` never, `{ "kind": "html" }` with a page,
    /// `{ "kind": "answer", "status": 500, "body": … }` with that, `{ "delay": 300 }` as ever but so many
    /// milliseconds later, `{}` as ever.
    pub(crate) async fn misbehave(&self, path: &str, how: Value) {
        let body = json!({ path: how }).to_string();
        let sent = request(Method::PUT, self.address, "/test/control")
            .body(full(body))
            .unwrap();
        client::send(self.address, sent).await;
    }

    /// How often a path was asked since the start.
    pub(crate) async fn asked(&self, path: &str) -> u64 {
        let counts = client::get(self.address, "/test/control").await.json();
        counts[path].as_u64().unwrap_or_default()
    }
}

impl Drop for AuthServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Replaces a file at once, since another test may be about to read it.
fn put(from: &Path, to: &Path) {
    if fs::read(from).ok() == fs::read(to).ok() {
        return;
    }
    let folder = to.parent().expect("it lies in a folder");
    let draft = tempfile::NamedTempFile::new_in(folder).unwrap();
    fs::copy(from, draft.path()).unwrap();
    draft.persist(to).unwrap();
}
