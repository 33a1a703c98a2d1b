//! A real `witgate` process on free ports, with its configuration in a folder of its own.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use tempfile::TempDir;

use super::{
    client::{self, Answer},
    eventually,
    log::Lines,
    metrics::Metrics,
    soon,
};

/// A configuration in the making.
pub(crate) struct Setup {
    folder: TempDir,
    listeners: String,
    settings: String,
    environment: Environment,
}

/// Variables of the process.
type Environment = Vec<(&'static str, PathBuf)>;

impl Setup {
    /// One cleartext listener, no route.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("routes.d")).unwrap();
        Self {
            folder,
            listeners: "  - address: 127.0.0.1:0\n".into(),
            settings: String::new(),
            environment: Vec::new(),
        }
    }

    /// One cleartext listener and one route to this upstream for everything.
    pub(crate) fn proxy_to(upstream: SocketAddr) -> Self {
        Self::new().routes(&format!(
            "upstreams: {{ up: 'http://{upstream}' }}\nroutes: [{{ name: all, to: up }}]"
        ))
    }

    /// The content of `routes.d/routes.yaml`.
    pub(crate) fn routes(self, yaml: &str) -> Self {
        self.file("routes.d/routes.yaml", yaml)
    }

    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// In place of the one cleartext listener: the items of the list, in YAML.
    pub(crate) fn listeners(mut self, yaml: &str) -> Self {
        self.listeners = yaml.into();
        self
    }

    /// More keys of `witgate.yaml`.
    pub(crate) fn settings(mut self, yaml: &str) -> Self {
        self.settings += yaml;
        self.settings += "\n";
        self
    }

    /// Compiled components are kept in the folder, and none are there yet.
    pub(crate) fn own_cache(self) -> Self {
        self.environment("WITGATE_CACHE", "cache")
    }

    /// A variable of the process that names a file in the folder.
    pub(crate) fn environment(mut self, variable: &'static str, file: &str) -> Self {
        let path = self.path().join(file);
        self.environment.push((variable, path));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self) {
        let mut text = format!("listeners:\n{}\n", self.listeners.trim_end());
        // A test may set a default of ours itself.
        for (key, default) in [
            ("admin:", "admin: { address: 127.0.0.1:0 }"),
            ("workers:", "workers: 2"),
            ("logging:", "logging: { format: json }"),
        ] {
            if !self.settings.lines().any(|line| line.starts_with(key)) {
                text += default;
                text += "\n";
            }
        }
        text += &self.settings;
        fs::write(self.folder.path().join("witgate.yaml"), text).unwrap();
    }

    /// Runs a command of witgate to its end in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Output {
        self.write();
        witgate(self.path()).args(arguments).output().unwrap()
    }

    /// Starts the gateway and waits until it is ready.
    pub(crate) async fn start(self) -> Gateway {
        self.write();
        Gateway::run(self.folder, self.environment).await
    }

    /// Starts a gateway that must refuse to start; what it said and how it ended.
    pub(crate) async fn refused(self) -> (ExitStatus, String) {
        self.write();
        let mut command = witgate(self.path());
        command
            .arg("run")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Process {
            child: command.spawn().unwrap(),
        };
        let log = Lines::of(process.child.stderr.take().unwrap());
        let status = process.ended().await;
        log.ended().await;
        (status, log.text())
    }
}

/// The binary under test, in the folder of its configuration.
pub(crate) fn witgate(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_witgate"));
    // Compiled components are shared by all tests, and by no other gateway of this machine.
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cache");
    command
        .current_dir(folder)
        .env("WITGATE_CACHE", cache)
        .env_remove("WITGATE_LOG");
    command
}

/// A running gateway; it ends with this value.
pub(crate) struct Gateway {
    folder: TempDir,
    environment: Environment,
    process: Process,
    addresses: Vec<SocketAddr>,
    pub(crate) admin: SocketAddr,
    /// What it says of itself.
    pub(crate) log: Lines,
    /// One line for each exchange.
    pub(crate) access: Lines,
}

impl Gateway {
    async fn run(folder: TempDir, environment: Environment) -> Self {
        let mut child = witgate(folder.path())
            .arg("run")
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Lines::of(child.stderr.take().unwrap());
        let access = Lines::of(child.stdout.take().unwrap());
        let mut process = Process { child };
        log.message("ready").await;
        assert!(
            process.child.try_wait().unwrap().is_none(),
            "{}",
            log.text()
        );
        let listening = |name: &str| {
            let line = log
                .all()
                .into_iter()
                .find(|line| line["message"] == "listening" && line["listener"] == name);
            line.map(|line| {
                line["address"]
                    .as_str()
                    .unwrap()
                    .parse::<SocketAddr>()
                    .unwrap()
            })
        };
        let addresses = (0..)
            .map_while(|index: usize| listening(&index.to_string()))
            .collect();
        let admin = listening("admin").expect("the admin listener says its address");
        Self {
            folder,
            environment,
            process,
            addresses,
            admin,
            log,
            access,
        }
    }

    /// Ends it, and starts it again with the same configuration.
    pub(crate) async fn restart(self) -> Self {
        let Self {
            folder,
            environment,
            process,
            ..
        } = self;
        drop(process);
        Self::run(folder, environment).await
    }

    /// The address of the first listener.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub(crate) fn listener(&self, index: usize) -> SocketAddr {
        self.addresses[index]
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file as careful editors do: beside, then in its place.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let draft = self.folder().join(".draft");
        fs::write(&draft, content).unwrap();
        fs::rename(draft, self.folder().join(name)).unwrap();
    }

    /// A GET over a new HTTP/1.1 connection.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        client::get(self.address(), path).await
    }

    /// What a GET of `/` with this bearer token is answered with.
    pub(crate) async fn status_with_token(&self, token: &str) -> u16 {
        let answer = client::get_with_token(self.address(), "/", token).await;
        answer.status().as_u16()
    }

    pub(crate) async fn admin(&self, path: &str) -> Answer {
        client::get(self.admin, path).await
    }

    /// Asks again and again, until a worker has decided without a call: each calls the plugin until it has a decision to
    /// reuse.
    pub(crate) async fn until_reused(&self, ask: impl AsyncFn()) {
        let reused = async || {
            let metrics = self.metrics().await;
            metrics.sum("witgate_sandbox_reused_total", &[])
        };
        let before = reused().await;
        eventually("a decision that is reused", async || {
            ask().await;
            reused().await > before
        })
        .await;
    }

    pub(crate) async fn metrics(&self) -> Metrics {
        Metrics::parse(&self.admin("/metrics").await.text())
    }

    /// Waits until a GET is answered so.
    pub(crate) async fn answers(&self, path: &str, status: u16, body: &str) {
        eventually(&format!("{path} answering {status} {body}"), || async {
            let answer = self.get(path).await;
            answer.status() == status && answer.text() == body
        })
        .await;
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.child.id().to_string();
        let status = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for the process to end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    pub(crate) fn running(&mut self) -> bool {
        self.process.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// Bytes of memory that the process has in use.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kilobytes.unwrap().parse::<u64>().unwrap() << 10
    }
}

struct Process {
    child: Child,
}

impl Process {
    async fn ended(&mut self) -> ExitStatus {
        soon("the end of the gateway", async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
