//! `cargo xtask run`: a gateway in front of sample services, with the configuration in the root folder.

pub(crate) mod processes;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::{
    components::{self, Which},
    workspace::Workspace,
};
use processes::Process;

const GATEWAY: &str = "127.0.0.1:8080";
const ADMIN: &str = "127.0.0.1:9901";
/// Of the sample services: orders, the issuer of tokens, and the bookstore.
const SERVICES: [&str; 3] = ["127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003"];
/// Every request in it is made by a test.
const INVITATION: &str = include_str!("run/invitation.txt");

pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    for address in [GATEWAY, ADMIN].into_iter().chain(SERVICES) {
        is_free(address)?;
    }
    components::build(workspace, &Which::Shipped)?;
    // Not the release build: it takes several times as long to come up, and shows the same.
    let debug = workspace.build_debug()?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed))?;
    let mut services = Process::start(
        "the sample services",
        &mut Command::new(debug.join("examples/sample_services")),
    )?;
    let mut gateway = Command::new(debug.join("witgate"));
    let mut gateway = Process::start(
        "the gateway",
        gateway.arg("run").current_dir(workspace.root()),
    )?;
    until_ready(&mut gateway, &stop)?;
    if !stop.load(Ordering::Relaxed) {
        println!("{INVITATION}");
    }
    while !stop.load(Ordering::Relaxed) {
        gateway.check()?;
        services.check()?;
        thread::sleep(Duration::from_millis(100));
    }
    // What is in flight ends first; the services must still be there for it.
    gateway.terminate()?;
    services.terminate()
}

fn is_free(address: &str) -> anyhow::Result<()> {
    TcpListener::bind(address).map(drop).with_context(|| {
        format!("{address} is in use by another program: stop that, or change the address in witgate.yaml and routes.d/")
    })
}

fn until_ready(gateway: &mut Process, stop: &AtomicBool) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_ready() && !stop.load(Ordering::Relaxed) {
        gateway.check()?;
        if Instant::now() > end {
            bail!("the gateway does not become ready; see its log above");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn is_ready() -> bool {
    let ask = || -> anyhow::Result<String> {
        let mut stream =
            TcpStream::connect_timeout(&ADMIN.parse::<SocketAddr>()?, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        write!(
            stream,
            "GET /readyz HTTP/1.1\r\nHost: {ADMIN}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
