//! The loads that show a build what a gateway's work is, before it is optimised for that.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::ensure;

use crate::{
    command,
    components::{self, Which},
    workspace::Workspace,
};

use super::{Bench, PORT, gateway::Gateway, load, routes, tools};

/// Seconds of each load.
const SECONDS: &str = "3";

/// A key and a token of that key, good until the year 2100: there is no issuer here.
const KEYS: &str = r#"{"keys":[{"kty":"oct","kid":"training","alg":"HS256","k":"YSBrZXkgZm9yIGxvYWRzIHRoYXQgdHJhaW4gYSBidWlsZCBvZiB0aGUgZ2F0ZXdheQ"}]}"#;
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6InRyYWluaW5nIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwOi8vdHJhaW5pbmcudGVzdCIsImF1ZCI6Im9yZGVycyIsInN1YiI6InNvbWVib2R5IiwiZXhwIjo0MTAyNDQ0ODAwfQ.qIBDHJucC7H4PfNsiWi_fGaq0lQtlayvbXgmj7JFIN8";

/// Puts `program`, built to count, under load. It leaves its counts in the folder `counts`.
pub(crate) fn train(workspace: &Workspace, program: &Path, counts: &Path) -> anyhow::Result<()> {
    tools::programs()?;
    components::build(workspace, &Which::Shipped)?;
    components::build(workspace, &Which::Named(vec!["noop-both".into()]))?;
    let folder = workspace.target().join("bench");
    fs::create_dir_all(&folder)?;
    let bench = Bench {
        workspace,
        folder,
        rounds: 1,
        program: program.into(),
        counts: Some(counts.into()),
    };
    let mut upstream = load::upstream(&bench)?;
    for (name, settings, chain) in chains(&bench)? {
        let routes = routes(1_000, &chain)?;
        let gateway = Gateway::start(&bench, name, PORT, &settings, &routes)?;
        loads(&gateway)?;
        gateway.stop()?;
    }
    upstream.terminate()
}

/// What routes have: nothing, little, phases both ways, and what most have that are open to strangers.
fn chains(bench: &Bench<'_>) -> anyhow::Result<[(&'static str, String, String); 4]> {
    let folder = components::folder(bench.workspace);
    let component = |name: &str| {
        folder
            .join(name)
            .with_extension("wasm")
            .display()
            .to_string()
    };
    let keys = bench.folder.join("training.jwks");
    fs::write(&keys, KEYS)?;
    let policies = format!(
        "plugins:\n\
         \x20 jwt-auth: {{ component: '{}', grants: [clock, crypto, keys] }}\n\
         \x20 circuit-breaker: {{ component: '{}', grants: [gates, windows] }}\n\
         key-sets: {{ training: {{ file: '{}' }} }}\n\
         rate-limits: {{ each: {{ by: subject, rates: [1000000/s] }} }}",
        component("jwt-auth"),
        component("circuit-breaker"),
        keys.display()
    );
    let admitted = "plugins: [{ jwt-auth: { keys: training, issuer: 'http://training.test', audience: orders, \
                    algorithms: [HS256] } }, circuit-breaker], rate-limits: [each], ";
    Ok([
        ("training", String::new(), String::new()),
        (
            "training-plugin",
            format!(
                "plugins: {{ hello: {{ component: '{}' }} }}",
                component("hello")
            ),
            "plugins: [{ hello: { greeting: hello } }], ".into(),
        ),
        (
            "training-noop",
            format!(
                "plugins: {{ noop: {{ component: '{}' }} }}",
                component("test/noop-both")
            ),
            "plugins: [noop], ".into(),
        ),
        ("training-policies", policies, admitted.into()),
    ])
}

/// HTTP/1.1 and HTTP/2, without and with a request's body.
fn loads(gateway: &Gateway) -> anyhow::Result<()> {
    let url = format!("http://127.0.0.1:{}/x", gateway.port);
    let body: PathBuf = gateway.routes.join("..").join("body");
    fs::write(&body, "a body of some length ".repeat(40))?;
    for version in [&["--h1"][..], &["-m8"]] {
        for body in [None, Some(&body)] {
            let mut load = Command::new("h2load");
            load.args(["-c64", "-D", SECONDS]).args(version);
            load.arg("-H").arg(format!("authorization: Bearer {TOKEN}"));
            if let Some(body) = body {
                load.arg("-d").arg(body);
            }
            let said = command::output(load.arg(&url))?;
            ensure!(
                said.contains(" 2xx, 0 3xx, 0 4xx, 0 5xx"),
                "a load that trains was refused:\n{said}"
            );
        }
    }
    Ok(())
}
