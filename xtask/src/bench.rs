//! `cargo xtask bench`: what a request costs, beside other proxies, and what a reload costs (docs/benchmarks.md).

mod gateway;
mod grpc;
mod live;
mod load;
mod policies;
mod reload;
mod tools;
mod training;

use std::{fmt::Write, fs, path::PathBuf, process::Command};

use anyhow::Context;
use clap::ValueEnum;

use crate::{
    command,
    components::{self, Which},
    release,
    workspace::Workspace,
};
use gateway::Gateway;
pub(crate) use training::train;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A route among 1,000, beside nginx, HAProxy and Envoy.
    Plain,
    /// A plugin that reads one header and sets one, beside the same gateway without it.
    Plugin,
    /// Five components that do nothing, beside the same gateway without them.
    Noops,
    /// A valid RS256 token, beside Envoy's jwt_authn.
    Jwt,
    /// The same, with every token verified anew.
    JwtUncached,
    /// A token that is known, a circuit breaker and a rate limit, beside the same gateway without them.
    Chain,
    /// REST requests that become gRPC calls, beside Envoy's grpc_json_transcoder.
    Transcode,
    /// gRPC calls, beside nginx, HAProxy and Envoy.
    Grpc,
    /// 10,000 routes, 100 reloads under load, and one changed route among 100,000.
    Reload,
}

/// Where the fixed-answer upstream listens.
const UPSTREAM: &str = "http://127.0.0.1:9000";
const PORT: u16 = 8100;

/// What every measurement needs to know.
pub(crate) struct Bench<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    rounds: u32,
    /// The gateway that is measured.
    program: PathBuf,
    /// Where it leaves its counts, if it was built to count.
    counts: Option<PathBuf>,
}

/// `dist`: what `cargo xtask dist` has made last, in place of a release build.
pub(crate) fn run(
    workspace: &Workspace,
    kind: Kind,
    rounds: u32,
    dist: bool,
) -> anyhow::Result<()> {
    tools::programs()?;
    components::build(workspace, &Which::All)?;
    let program = if dist {
        release::packed(workspace)?
    } else {
        release::build_gateway(workspace)?
    };
    let folder = workspace.target().join("bench");
    fs::create_dir_all(&folder)?;
    let bench = Bench {
        workspace,
        folder,
        rounds,
        program,
        counts: None,
    };
    match kind {
        Kind::Plain => bench.plain(),
        Kind::Plugin => policies::plugin(&bench),
        Kind::Noops => policies::noops(&bench),
        Kind::Jwt => policies::jwt(&bench, true),
        Kind::JwtUncached => policies::jwt(&bench, false),
        Kind::Chain => policies::chain(&bench),
        Kind::Transcode => grpc::transcode(&bench),
        Kind::Grpc => grpc::proxy(&bench),
        Kind::Reload => reload::run(&bench),
    }
}

impl Bench<'_> {
    fn plain(&self) -> anyhow::Result<()> {
        let gateway = Gateway::start(self, "plain", PORT, "", &routes(1_000, "")?)?;
        self.peers(&[("witgate", &gateway)], &["--peer-set", "plain"], true)
    }

    fn peers(
        &self,
        ours: &[(&str, &Gateway)],
        arguments: &[&str],
        envoy: bool,
    ) -> anyhow::Result<()> {
        let mut peers = Command::new("python3");
        // Without leaving compiled modules behind.
        peers
            .arg("-B")
            .arg(self.workspace.path("benches/peers.py"))
            .args(arguments);
        peers.args(["--rounds", &self.rounds.to_string()]);
        for (name, gateway) in ours {
            peers.args([
                "--ours",
                &format!("{name}={}:{}", gateway.port, gateway.id()),
            ]);
        }
        if envoy && let Some(binary) = tools::envoy(&self.folder)? {
            peers.arg("--envoy").arg(binary);
        }
        command::run(&mut peers)
    }
}

/// So many routes to the upstream; the path that is asked for is the last.
fn routes(count: usize, chain: &str) -> anyhow::Result<String> {
    let mut text = format!("upstreams: {{ up: '{UPSTREAM}' }}\nroutes:\n");
    for number in 1..count {
        writeln!(
            text,
            "  - {{ name: r{number}, match: {{ prefix: /r{number} }}, to: up }}"
        )?;
    }
    writeln!(
        text,
        "  - {{ name: x, match: {{ path: /x }}, {chain}to: up }}"
    )
    .context("a string takes any text")?;
    Ok(text)
}
