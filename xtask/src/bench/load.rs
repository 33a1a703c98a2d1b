//! Requests from wrk while something else happens, with every answer counted.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, ensure};

use super::Bench;
use crate::run::processes::Process;

/// nginx on the second core, which answers every request of the routes at once.
pub(super) fn upstream(bench: &Bench<'_>) -> anyhow::Result<Process> {
    let config = bench.folder.join("upstream.conf");
    let folder = bench.folder.display();
    fs::write(
        &config,
        format!(
            "master_process off; daemon off; pid {folder}/upstream.pid; error_log /dev/null;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; server {{ listen 127.0.0.1:9000; location / {{ return 200 ok; }} }} }}\n"
        ),
    )?;
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let mut nginx = Command::new("taskset");
    nginx
        .args(["-c", "1", "nginx", "-c"])
        .arg(&config)
        .env("PATH", path);
    Process::start("the upstream", &mut nginx)
}

/// A running wrk: 64 connections, on the second core.
pub(super) struct Load(Child);

impl Load {
    pub(super) fn start(port: u16, host: &str, path: &str, seconds: u32) -> anyhow::Result<Self> {
        let mut wrk = Command::new("taskset");
        wrk.args(["-c", "1", "wrk", "-t1", "-c64"])
            .arg(format!("-d{seconds}s"))
            .args(["-H", &format!("Host: {host}")])
            .arg(format!("http://127.0.0.1:{port}{path}"))
            .stdout(Stdio::piped());
        Ok(Self(wrk.spawn().context("cannot start wrk")?))
    }

    pub(super) fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.0.try_wait()?.is_none())
    }

    /// Waits for the end, and says how many requests were answered; an error if one was lost.
    pub(super) fn end(self) -> anyhow::Result<String> {
        let output = self.0.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = |word: &str| {
            let found = text.lines().find(|line| line.contains(word));
            found.map(|line| line.trim().to_owned())
        };
        let answered = line("requests in").context("wrk says how many")?;
        let lost = [line("Non-2xx"), line("Socket errors")];
        let lost: Vec<_> = lost.into_iter().flatten().collect();
        ensure!(
            lost.is_empty(),
            "requests were lost: {answered}; {}",
            lost.join("; ")
        );
        Ok(format!("{answered}, not one lost"))
    }
}
