//! A witgate with one worker, pinned to the first core.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use super::Bench;
use crate::run::processes::Process;

pub(super) struct Gateway {
    process: Process,
    pub(super) port: u16,
    /// The folder of route files.
    pub(super) routes: PathBuf,
}

/// The one route file of most gateways here.
const FILE: &str = "routes.yaml";

impl Gateway {
    pub(super) fn start(
        bench: &Bench<'_>,
        name: &str,
        port: u16,
        settings: &str,
        routes: &str,
    ) -> anyhow::Result<Self> {
        Self::start_with(bench, name, port, settings, [(FILE.into(), routes.into())])
    }

    /// With these route files, and no others.
    pub(super) fn start_with(
        bench: &Bench<'_>,
        name: &str,
        port: u16,
        settings: &str,
        files: impl IntoIterator<Item = (String, String)>,
    ) -> anyhow::Result<Self> {
        let folder = bench.folder.join(name);
        let routes = folder.join("routes.d");
        if routes.is_dir() {
            fs::remove_dir_all(&routes)?;
        }
        fs::create_dir_all(&routes)?;
        for (name, text) in files {
            fs::write(routes.join(name), text)?;
        }
        let admin = admin(port);
        let gateway = format!(
            "listeners: [{{ address: '127.0.0.1:{port}' }}]\nadmin: {{ address: '{admin}' }}\nworkers: 1\nlogging: {{ access: off, level: warn }}\n{settings}\n"
        );
        fs::write(folder.join("witgate.yaml"), gateway)?;
        let mut command = Command::new("taskset");
        // taskset becomes the program, so that its process id is the gateway's.
        command
            .args(["-c", "0"])
            .arg(&bench.program)
            .arg("run")
            .current_dir(&folder);
        if let Some(counts) = &bench.counts {
            command.env("LLVM_PROFILE_FILE", counts.join("witgate-%p.profraw"));
        }
        let mut gateway = Self {
            process: Process::start("witgate", &mut command)?,
            port,
            routes,
        };
        gateway.until_ready()?;
        Ok(gateway)
    }

    fn until_ready(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + Duration::from_secs(120);
        while !ask(&admin(self.port), "GET", "/readyz").is_ok_and(|answer| answer.status == 200) {
            self.process.check()?;
            if Instant::now() > end {
                bail!("witgate does not become ready");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Replaces a route file as editors and deployments do: written under another name, then renamed. Returns when
    /// the rename was begun.
    pub(super) fn replace(&self, name: &str, text: &str) -> anyhow::Result<Instant> {
        // Hidden: the gateway watches the folder.
        let draft = self.routes.join(".draft");
        fs::write(&draft, text)?;
        let begun = Instant::now();
        fs::rename(draft, self.routes.join(name))?;
        Ok(begun)
    }

    /// The same for the one file that [`Self::start`] made.
    pub(super) fn replace_all(&self, text: &str) -> anyhow::Result<Instant> {
        self.replace(FILE, text)
    }

    pub(super) fn metrics(&self) -> anyhow::Result<String> {
        Ok(ask(&admin(self.port), "GET", "/metrics")?.body)
    }

    /// Returns when it has ended by itself.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        self.process.terminate()
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn reload(&self) -> anyhow::Result<Answer> {
        ask(&admin(self.port), "POST", "/reload")
    }
}

fn admin(port: u16) -> String {
    format!("127.0.0.1:{}", port + 1000)
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// One request over a connection of its own.
pub(super) fn ask(address: &str, method: &str, path: &str) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").context("no whole response")?;
    let status = head.get(9..12).context("no status")?.parse()?;
    Ok(Answer {
        status,
        body: body.into(),
    })
}
