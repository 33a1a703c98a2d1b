//! What policies cost: one that does little, five that do nothing, tokens, and the chain that most routes have.

use std::{fs, path::Path, process::Command, thread, time::Duration};

use anyhow::bail;

use super::{
    Bench, PORT,
    gateway::{self, Gateway},
    routes,
};
use crate::{components, run::processes::Process};

/// Where the sample issuer listens; it is the `iss` of its tokens.
const ISSUER: &str = "127.0.0.1:9002";

/// One header read, one set.
pub(super) fn plugin(bench: &Bench<'_>) -> anyhow::Result<()> {
    let component = component(bench, "test/greeter");
    let plugins = format!("plugins: {{ greeter: {{ component: '{component}' }} }}");
    let chain = "plugins: [{ greeter: { greeting: hello } }], ";
    beside_itself(bench, &[("plugin", &plugins, chain)], None, &[])
}

/// Five components, each with a phase on the way in, and five with one on the way out, too; beside Envoy with five
/// filters that take part on the way in.
pub(super) fn noops(bench: &Bench<'_>) -> anyhow::Result<()> {
    let names = ["one", "two", "three", "four", "five"];
    let chain = format!("plugins: [{}], ", names.join(", "));
    let settings = |fixture| {
        let component = component(bench, fixture);
        let installed = names.map(|name| format!("{name}: {{ component: '{component}' }}"));
        format!("plugins: {{ {} }}", installed.join(", "))
    };
    let (one, both) = (settings("test/noop"), settings("test/noop-both"));
    let chains = [("noops", &*one, &*chain), ("noops-both", &*both, &*chain)];
    let filter = bench.folder.join("noop.wasm");
    fs::write(
        &filter,
        wat::parse_file(bench.workspace.path("benches/noop.wat"))?,
    )?;
    let filter = filter.display().to_string();
    beside_itself(bench, &chains, Some("noops"), &["--filter", &filter])
}

/// `cached`: the same token again and again; else nothing is remembered, by none of the proxies that can forget.
pub(super) fn jwt(bench: &Bench<'_>, cached: bool) -> anyhow::Result<()> {
    let token = Token::obtain(bench)?;
    let cache = if cached { "" } else { ", cache: 0" };
    let chain = format!("plugins: [{}], ", token.policy(cache));
    let settings = format!(
        "plugins: {{ {} }}\n{}",
        token.plugin(bench),
        token.key_sets()
    );
    let gateway = Gateway::start(bench, "jwt", PORT, &settings, &routes(1_000, &chain)?)?;
    let issuer = format!("http://{ISSUER}");
    let arguments = [
        "--peer-set",
        "jwt",
        "--jwks",
        &token.jwks,
        "--issuer",
        &issuer,
        "--header",
        &token.header,
    ];
    let name = if cached {
        "witgate+jwt-cache"
    } else {
        "witgate+jwt"
    };
    bench.peers(&[(name, &gateway)], &arguments, true)
}

/// Who may call, whether the upstream is well, and how often.
pub(super) fn chain(bench: &Bench<'_>) -> anyhow::Result<()> {
    let token = Token::obtain(bench)?;
    let breaker = component(bench, "circuit-breaker");
    let settings = format!(
        "plugins: {{ {}, circuit-breaker: {{ component: '{breaker}', grants: [gates, windows] }} }}\n{}\n\
         rate-limits: {{ each: {{ by: subject, rates: [1000000/s] }} }}",
        token.plugin(bench),
        token.key_sets()
    );
    let chain = format!(
        "plugins: [{}, circuit-breaker], rate-limits: [each], ",
        token.policy("")
    );
    let header = ["--header", &token.header];
    beside_itself(bench, &[("chain", &settings, &chain)], None, &header)
}

/// The same gateway with chains, each with its name and what it needs of settings, and without. Envoy takes part if it
/// has something to compare with.
fn beside_itself(
    bench: &Bench<'_>,
    chains: &[(&str, &str, &str)],
    envoy: Option<&str>,
    arguments: &[&str],
) -> anyhow::Result<()> {
    let mut gateways = Vec::new();
    for (port, (name, settings, chain)) in (PORT + 1..).zip(chains) {
        let gateway = Gateway::start(bench, name, port, settings, &routes(1_000, chain)?)?;
        gateways.push((format!("witgate+{name}"), gateway));
    }
    let without = Gateway::start(bench, "without", PORT, "", &routes(1_000, "")?)?;
    let mut ours: Vec<_> = gateways.iter().map(|(name, it)| (&**name, it)).collect();
    ours.push(("witgate", &without));
    let arguments = [&["--peer-set", envoy.unwrap_or("none")], arguments].concat();
    bench.peers(&ours, &arguments, envoy.is_some())
}

fn component(bench: &Bench<'_>, name: &str) -> String {
    let folder = components::folder(bench.workspace);
    folder.join(format!("{name}.wasm")).display().to_string()
}

/// An RS256 token, and the file of the key set that verifies it.
struct Token {
    header: String,
    jwks: String,
}

impl Token {
    fn obtain(bench: &Bench<'_>) -> anyhow::Result<Self> {
        let program = bench
            .workspace
            .build_debug()?
            .join("examples/sample_services");
        let file = bench.folder.join("jwks.json");
        let (jwks, token) = from_issuer(&program)?;
        fs::write(&file, jwks)?;
        Ok(Self {
            header: format!("authorization: Bearer {token}"),
            jwks: file.display().to_string(),
        })
    }

    fn plugin(&self, bench: &Bench<'_>) -> String {
        let component = component(bench, "jwt-auth");
        format!("jwt-auth: {{ component: '{component}', grants: [clock, crypto, keys] }}")
    }

    fn key_sets(&self) -> String {
        format!("key-sets: {{ demo: {{ file: '{}' }} }}", self.jwks)
    }

    fn policy(&self, more: &str) -> String {
        format!(
            "{{ jwt-auth: {{ keys: demo, issuer: 'http://{ISSUER}', audience: orders{more} }} }}"
        )
    }
}

/// A key set and a token from the sample issuer.
fn from_issuer(program: &Path) -> anyhow::Result<(String, String)> {
    let mut services = Process::start("the sample issuer", &mut Command::new(program))?;
    let ask = |path| gateway::ask(ISSUER, "GET", path);
    for _ in 0..100 {
        services.check()?;
        if let (Ok(jwks), Ok(token)) = (ask("/jwks.json"), ask("/token")) {
            services.terminate()?;
            return Ok((jwks.body, token.body.trim().to_owned()));
        }
        thread::sleep(Duration::from_millis(50));
    }
    bail!("the sample issuer does not answer")
}
