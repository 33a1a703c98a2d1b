//! Debian's Chromium without a screen, told what to do over the DevTools protocol.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use futures_util::{SinkExt, StreamExt};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use super::{
    client::{self, empty, request},
    eventually, soon, tools,
};

/// A browser with a profile of its own; it ends with this value.
pub(crate) struct Chromium {
    process: Child,
    profile: TempDir,
}

impl Chromium {
    /// Opens a page.
    pub(crate) async fn launch(page: &str) -> Self {
        let program = tokio::task::spawn_blocking(tools::chromium).await.unwrap();
        let profile = tempfile::tempdir().unwrap();
        let process = spawn(&program, profile.path(), page);
        Self { process, profile }
    }

    /// Opens another tab.
    pub(crate) async fn tab(&self) -> Tab {
        let file = self.profile.path().join("DevToolsActivePort");
        let port = || {
            fs::read_to_string(&file)
                .ok()?
                .lines()
                .next()?
                .parse::<u16>()
                .ok()
        };
        eventually("the browser's own port", || async { port().is_some() }).await;
        let address = ([127, 0, 0, 1], port().unwrap()).into();
        let sent = request(Method::PUT, address, "/json/new?about:blank");
        let told = client::send(address, sent.body(empty()).unwrap())
            .await
            .json();
        let stream = TcpStream::connect(address).await.unwrap();
        let url = told["webSocketDebuggerUrl"].as_str().unwrap();
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        Tab { socket, calls: 0 }
    }
}

fn spawn(program: &Path, profile: &Path, page: &str) -> Child {
    let mut chromium = Command::new(program);
    chromium
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
        ])
        .arg("--remote-debugging-port=0")
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(page)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // It has many processes.
        .process_group(0);
    chromium.spawn().unwrap()
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.process.wait();
    }
}

/// One tab.
pub(crate) struct Tab {
    socket: WebSocketStream<TcpStream>,
    calls: u64,
}

impl Tab {
    pub(crate) async fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url })).await;
    }

    /// What a script of the page yields; null too while the page changes.
    pub(crate) async fn run(&mut self, script: &str) -> Value {
        let wanted = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let told = self.call("Runtime.evaluate", wanted).await;
        told["result"]["result"]["value"].clone()
    }

    /// Waits until a script of the page yields something.
    pub(crate) async fn until(&mut self, what: &str, script: &str) -> Value {
        soon(what, async {
            loop {
                let value = self.run(script).await;
                if !matches!(value, Value::Null | Value::Bool(false)) {
                    return value;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        })
        .await
    }

    /// Every cookie that the browser would send to this URL.
    pub(crate) async fn cookies(&mut self, url: &str) -> Vec<Value> {
        let told = self
            .call("Network.getCookies", json!({ "urls": [url] }))
            .await;
        told["result"]["cookies"].as_array().unwrap().clone()
    }

    /// Sets a cookie, as nobody but the browser can.
    pub(crate) async fn set_cookie(&mut self, url: &str, name: &str, value: &str) {
        let cookie = json!({ "url": url, "name": name, "value": value, "httpOnly": true, "sameSite": "Lax" });
        let told = self.call("Network.setCookie", cookie).await;
        assert_eq!(told["result"]["success"], true, "{told}");
    }

    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let message = json!({ "id": id, "method": method, "params": parameters });
        self.socket
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
        soon(method, async {
            loop {
                let message = self.socket.next().await.unwrap().unwrap();
                let told: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
                if told["id"] == id {
                    return told;
                }
            }
        })
        .await
    }
}
