//! `cargo xtask bench`: what a request costs, beside other proxies, and what a reload costs (docs/benchmarks.md).

mod gateway;
mod grpc;
mod live;
mod load;
mod reload;
mod tools;
mod training;

use std::{fmt::Write, fs, path::PathBuf, process::Command, thread, time::Duration};

use anyhow::Context;
use clap::ValueEnum;

use crate::{
    command,
    components::{self, Which},
    release, run,
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
    /// A valid RS256 token, beside Envoy's jwt_authn.
    Jwt,
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
        Kind::Plugin => bench.plugin(),
        Kind::Jwt => bench.jwt(),
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

    fn plugin(&self) -> anyhow::Result<()> {
        let component = components::folder(self.workspace).join("test/greeter.wasm");
        let plugins = format!(
            "plugins: {{ greeter: {{ component: '{}' }} }}",
            component.display()
        );
        let chain = "plugins: [{ greeter: { greeting: hello } }], ";
        let with = Gateway::start(self, "with", PORT, &plugins, &routes(1_000, chain)?)?;
        let without = Gateway::start(self, "without", PORT + 1, "", &routes(1_000, "")?)?;
        self.peers(
            &[("witgate+plugin", &with), ("witgate", &without)],
            &["--peer-set", "none"],
            false,
        )
    }

    fn jwt(&self) -> anyhow::Result<()> {
        let (jwks, token) = self.token()?;
        let jwks_file = self.folder.join("jwks.json");
        fs::write(&jwks_file, jwks)?;
        let issuer = "http://127.0.0.1:9002";
        let component = components::folder(self.workspace).join("jwt-auth.wasm");
        let settings = format!(
            "plugins: {{ jwt-auth: {{ component: '{}', grants: [clock, crypto, keys] }} }}\nkey-sets: {{ demo: {{ file: '{}' }} }}",
            component.display(),
            jwks_file.display()
        );
        let chain = format!(
            "plugins: [{{ jwt-auth: {{ keys: demo, issuer: '{issuer}', audience: orders }} }}], "
        );
        let gateway = Gateway::start(self, "jwt", PORT, &settings, &routes(1_000, &chain)?)?;
        let header = format!("authorization: Bearer {token}");
        let jwks_file = jwks_file.display().to_string();
        let arguments = [
            "--peer-set",
            "jwt",
            "--jwks",
            &jwks_file,
            "--issuer",
            issuer,
            "--header",
            &header,
        ];
        self.peers(&[("witgate+jwt-auth", &gateway)], &arguments, true)
    }

    /// A key set and a token from the sample issuer.
    fn token(&self) -> anyhow::Result<(String, String)> {
        let program = self
            .workspace
            .build_debug()?
            .join("examples/sample_services");
        let mut services =
            run::processes::Process::start("the sample issuer", &mut Command::new(program))?;
        let ask = |path| gateway::ask("127.0.0.1:9002", "GET", path);
        for _ in 0..100 {
            services.check()?;
            if let (Ok(jwks), Ok(token)) = (ask("/jwks.json"), ask("/token")) {
                services.terminate()?;
                return Ok((jwks.body, token.body.trim().to_owned()));
            }
            thread::sleep(Duration::from_millis(50));
        }
        anyhow::bail!("the sample issuer does not answer")
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
