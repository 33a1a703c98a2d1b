//! The loads that show a build what a gateway's work is, before it is optimised for that.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    command,
    components::{self, Which},
    workspace::Workspace,
};

use super::{Bench, PORT, gateway::Gateway, load, routes, tools};

/// Seconds of each load.
const SECONDS: &str = "5";

/// Puts `program`, built to count, under load. It leaves its counts in the folder `counts`.
pub(crate) fn train(workspace: &Workspace, program: &Path, counts: &Path) -> anyhow::Result<()> {
    tools::programs()?;
    components::build(workspace, &Which::Shipped)?;
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
    plain(&bench)?;
    plugin(&bench)?;
    upstream.terminate()
}

fn plain(bench: &Bench<'_>) -> anyhow::Result<()> {
    let gateway = Gateway::start(bench, "training", PORT, "", &routes(1_000, "")?)?;
    loads(&gateway)?;
    gateway.stop()
}

fn plugin(bench: &Bench<'_>) -> anyhow::Result<()> {
    let component = components::folder(bench.workspace).join("hello.wasm");
    let plugins = format!(
        "plugins: {{ hello: {{ component: '{}' }} }}",
        component.display()
    );
    let chain = "plugins: [{ hello: { greeting: hello } }], ";
    let gateway = Gateway::start(
        bench,
        "training-plugin",
        PORT,
        &plugins,
        &routes(1_000, chain)?,
    )?;
    loads(&gateway)?;
    gateway.stop()
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
            if let Some(body) = body {
                load.arg("-d").arg(body);
            }
            command::run(load.arg(&url).stdout(Stdio::null()))?;
        }
    }
    Ok(())
}
