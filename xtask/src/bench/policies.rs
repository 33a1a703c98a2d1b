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
    beside_itself(
        bench,
        "plugin",
        &plugins,
        "plugins: [{ greeter: { greeting: hello } }], ",
        &[],
    )
}

/// Five components, each with a phase on the way in and one on the way out.
pub(super) fn noops(bench: &Bench<'_>) -> anyhow::Result<()> {
    let component = component(bench, "test/noop");
    let names = ["one", "two", "three", "four", "five"];
    let installed = names.map(|name| format!("{name}: {{ component: '{component}' }}"));
    let plugins = format!("plugins: {{ {} }}", installed.join(", "));
    let chain = format!("plugins: [{}], ", names.join(", "));
    beside_itself(bench, "noops", &plugins, &chain, &[])
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
    beside_itself(bench, "chain", &settings, &chain, &header)
}

/// The same gateway with and without a chain.
fn beside_itself(
    bench: &Bench<'_>,
    name: &str,
    settings: &str,
    chain: &str,
    arguments: &[&str],
) -> anyhow::Result<()> {
    let with = Gateway::start(bench, "with", PORT, settings, &routes(1_000, chain)?)?;
    let without = Gateway::start(bench, "without", PORT + 1, "", &routes(1_000, "")?)?;
    let name = format!("witgate+{name}");
    let arguments = [&["--peer-set", "none"], arguments].concat();
    bench.peers(&[(&name, &with), ("witgate", &without)], &arguments, false)
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
