//! The gateway: its configuration, what it says of it, and the process.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Prepared, settings};

/// The configuration of one batch.
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new(batch: &[Prepared], upstream: SocketAddr) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        fs::create_dir(root.join("routes.d"))?;
        fs::create_dir(root.join("sets"))?;
        let mut descriptors = BTreeMap::new();
        for prepared in batch {
            let name = &prepared.name;
            let set = format!("sets/{name}.pb");
            fs::write(root.join(&set), &prepared.schema.set)?;
            descriptors.insert(name.clone(), json!({ "set": set }));
            let route = route(prepared)?;
            fs::write(
                root.join(format!("routes.d/{name}.yaml")),
                route.to_string(),
            )?;
        }
        let up = json!({ "upstreams": { "up": {
            "endpoints": [format!("http://{upstream}")], "protocol": "http2",
        } } });
        fs::write(root.join("routes.d/upstreams.yaml"), up.to_string())?;
        let component = target()?.join("../components/grpc-json-transcoder.wasm");
        anyhow::ensure!(
            component.is_file(),
            "{} is missing: run `cargo xtask components`",
            component.display()
        );
        let settings = json!({
            "listeners": [{ "address": "127.0.0.1:0" }],
            "admin": { "address": "127.0.0.1:0" },
            "workers": 1,
            "logging": { "format": "json" },
            "limits": { "header-bytes": "128KiB", "uri-length": "80KiB" },
            // Cases that name addresses mean what a proxy in front of the gateway says.
            "forwarding": { "trusted-proxies": ["127.0.0.0/8"] },
            "plugins": { "grpc-json-transcoder": {
                "component": component, "grants": ["descriptors", "metrics"],
                // For the descriptors of all cases.
                "limits": { "memory": "256MiB", "time": "1s" },
            } },
            "descriptors": descriptors,
        });
        fs::write(root.join("witgate.yaml"), settings.to_string())?;
        Ok(Self { folder })
    }

    /// Routes that the gateway refuses, with what it says.
    pub(crate) fn check(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let output = witgate(self.folder.path())?.arg("check").output()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let mut refused = BTreeMap::new();
        for line in text.lines() {
            let Some((file, message)) = line
                .strip_prefix("routes.d/")
                .and_then(|rest| rest.split_once(".yaml"))
            else {
                continue;
            };
            if message.contains(": error: ") {
                refused
                    .entry(file.to_owned())
                    .or_insert_with(|| message.to_owned());
            }
        }
        if !output.status.success() && refused.is_empty() {
            bail!("the configuration of the cases is refused as a whole: {text}");
        }
        Ok(refused)
    }

    /// Starts a gateway without the routes that it refuses.
    pub(crate) async fn start(
        &self,
        refused: &BTreeMap<String, String>,
    ) -> anyhow::Result<Gateway> {
        let names: BTreeSet<&String> = refused.keys().collect();
        for name in names {
            fs::remove_file(self.folder.path().join(format!("routes.d/{name}.yaml")))?;
        }
        let child = witgate(self.folder.path())?
            .arg("run")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut gateway = Gateway {
            child,
            address: ([127, 0, 0, 1], 0).into(),
        };
        let errors = gateway
            .child
            .stderr
            .take()
            .context("the gateway has no stderr")?;
        let found = tokio::task::spawn_blocking(move || listening(BufReader::new(errors)));
        gateway.address = found.await??;
        Ok(gateway)
    }
}

/// Reads the log until it says where the gateway listens and that it is ready; goes on reading, so that the gateway
/// can go on writing.
fn listening(log: impl BufRead + Send + 'static) -> anyhow::Result<SocketAddr> {
    let mut address = None;
    let mut said = String::new();
    let mut lines = log.lines();
    for line in lines.by_ref() {
        let line = line?;
        let Ok(entry) = serde_json::from_str::<Value>(&line) else {
            said.push_str(&line);
            continue;
        };
        said.push_str(&line);
        said.push('\n');
        match entry["message"].as_str() {
            Some("listening") if entry["listener"] == "0" => {
                address = entry["address"].as_str().and_then(|text| text.parse().ok());
            }
            Some("ready") => {
                let address = address.context("the gateway did not say where it listens")?;
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(address);
            }
            _ => {}
        }
    }
    bail!("the gateway did not start: {said}")
}

/// A running gateway; it ends with this value.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn route(prepared: &Prepared) -> anyhow::Result<Value> {
    let name = &prepared.name;
    let mut route = json!({
        "name": name, "match": { "host": host(name) }, "to": "up",
    });
    if let Some(settings) = settings::settings(name, &prepared.case)? {
        route["plugins"] = json!([{ "grpc-json-transcoder": settings }]);
    }
    Ok(json!({ "routes": [route] }))
}

/// The host that the case's route takes.
pub(crate) fn host(name: &str) -> String {
    format!("{name}.cases.test")
}

/// Where cargo puts programs; this one is an example in it.
fn target() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this
        .ancestors()
        .nth(2)
        .context("this program lies nowhere")?;
    Ok(folder.to_owned())
}

fn witgate(folder: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(target()?.join("witgate"));
    command
        .current_dir(folder)
        .env("WITGATE_CACHE", target()?.join("../tmp/cache"))
        .env_remove("WITGATE_LOG");
    Ok(command)
}
