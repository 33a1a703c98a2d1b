//! How soon one changed route among 100,000 is live, with and without load.
//!
//! Seen from outside: from the rename of the changed file to the end of the first answer that shows the change, on
//! a connection that asks again and again. Beside it, what the gateway itself says that its reload took: the rest is
//! the wait for further changes of the same burst, and the way of the answer.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

use super::{
    Bench, PORT, UPSTREAM,
    gateway::Gateway,
    load::{Load, upstream},
};

const ROUTES: usize = 100_000;
const CHANGES: usize = 50;
/// A prime far from the number of files, so that the changes are spread over them.
const STRIDE: usize = 7_919;
/// Between two changes: what follows sooner, the gateway takes for a part of the change before, and waits for more.
const PAUSE: Duration = Duration::from_millis(100);
/// How many seconds wrk runs; the changes take less.
const SECONDS: u32 = 30;
const DURATION: &str = "witgate_config_last_reload_seconds";

pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    let _upstream = upstream(bench)?;
    for files in [20, 20_000] {
        let table = Table { files };
        let begun = Instant::now();
        let written = (0..files).map(|file| (name(file), table.text(file, "first")));
        let gateway = Gateway::start_with(bench, "live", PORT, "", written)?;
        println!(
            "{ROUTES} routes in {files} files: written and ready after {:.1?}",
            begun.elapsed()
        );
        table.change(&gateway, None)?;
        let load = Load::start(gateway.port, &table.host(0), &table.path(0), SECONDS)?;
        table.change(&gateway, Some(load))?;
    }
    Ok(())
}

/// So many files, all with as many routes, each with an upstream of its own.
struct Table {
    files: usize,
}

fn name(file: usize) -> String {
    format!("team-{file:05}.yaml")
}

impl Table {
    fn host(&self, file: usize) -> String {
        format!("h{}.example.com", file % 1_000)
    }

    /// The path of the file's last route, which is the one that changes.
    fn path(&self, file: usize) -> String {
        format!("/{file}/{}/1", ROUTES / self.files - 1)
    }

    /// The file, with this version in the answers of its last route.
    fn text(&self, file: usize, version: &str) -> String {
        let host = self.host(file);
        let last = ROUTES / self.files - 1;
        let mut text = format!("upstreams: {{ up{file}: '{UPSTREAM}' }}\nroutes:\n");
        for route in 0..=last {
            let headers = if route == last {
                format!("headers: {{ response: {{ set: {{ x-version: {version} }} }} }}, ")
            } else {
                String::new()
            };
            text += &format!(
                "  - {{ name: r{file}-{route}, match: {{ host: {host}, path: '/{file}/{route}/{{id}}' }}, {headers}to: up{file} }}\n"
            );
        }
        text
    }

    /// Changes one route after the other, and prints how long it took.
    fn change(&self, gateway: &Gateway, mut load: Option<Load>) -> anyhow::Result<()> {
        let (mut seen, mut reload) = (Vec::new(), Vec::new());
        for change in 0..CHANGES {
            // Under load, every other change is of the very route that is asked for.
            let file = match &mut load {
                Some(_) if change % 2 == 0 => 0,
                _ => change * STRIDE % self.files,
            };
            let version = format!("v{change}-{}", u8::from(load.is_some()));
            let mut client = Client::connect(gateway.port, &self.host(file), &self.path(file))?;
            client.version()?;
            let begun = gateway.replace(&name(file), &self.text(file, &version))?;
            while client.version()? != version {
                ensure!(
                    begun.elapsed() < Duration::from_secs(30),
                    "the change of {} does not become live",
                    name(file)
                );
            }
            seen.push(begun.elapsed());
            reload.push(Took::read(&gateway.metrics()?)?);
            thread::sleep(PAUSE);
            if let Some(load) = &mut load {
                ensure!(load.is_running()?, "wrk ended before the last change");
            }
        }
        let when = if load.is_some() { "under load" } else { "idle" };
        println!("  {when}, {CHANGES} changes of one route");
        print("from rename to answer", seen);
        let reload: Option<Vec<Took>> = reload.into_iter().collect();
        match reload {
            Some(took) => {
                print("of it reading", took.iter().map(|took| took.read).collect());
                print(
                    "of it compiling",
                    took.iter().map(|took| took.compile).collect(),
                );
            }
            None => println!("    this gateway has no metric {DURATION}: the parts are unknown"),
        }
        if let Some(load) = load {
            println!("    {}", load.end()?);
        }
        Ok(())
    }
}

/// What the gateway says of its last reload.
struct Took {
    /// Looking for what changed, reading and parsing it.
    read: Duration,
    /// Compiling and swapping.
    compile: Duration,
}

impl Took {
    /// None if the gateway has no such metric.
    fn read(metrics: &str) -> anyhow::Result<Option<Self>> {
        let step = |step: &str| {
            let name = format!("{DURATION}{{step=\"{step}\"}} ");
            let value = metrics.lines().find_map(|line| line.strip_prefix(&name));
            value
                .map(|seconds| anyhow::Ok(Duration::try_from_secs_f64(seconds.parse()?)?))
                .transpose()
        };
        Ok(match (step("read")?, step("compile")?) {
            (Some(read), Some(compile)) => Some(Self { read, compile }),
            _ => None,
        })
    }
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!(
        "    {what}: median {:.2?}, p90 {:.2?}, max {:.2?}",
        at(50),
        at(90),
        at(100)
    );
}

/// One kept connection, on which the same is asked again and again.
struct Client {
    stream: BufReader<TcpStream>,
    request: String,
}

impl Client {
    fn connect(port: u16, host: &str, path: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self {
            stream: BufReader::new(stream),
            request: format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        })
    }

    /// What an answer says in `x-version`.
    fn version(&mut self) -> anyhow::Result<String> {
        self.stream.get_mut().write_all(self.request.as_bytes())?;
        let status = self.line()?;
        ensure!(status.starts_with("HTTP/1.1 200"), "an answer was {status}");
        let (mut version, mut length) = (None, 0);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            match line.split_once(": ") {
                Some(("x-version", value)) => version = Some(value.to_owned()),
                Some(("content-length", value)) => length = value.parse()?,
                Some(_) => {}
                None => bail!("`{line}` is not a header"),
            }
        }
        std::io::copy(
            &mut std::io::Read::take(&mut self.stream, length),
            &mut std::io::sink(),
        )?;
        version.context("an answer without x-version")
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line)?;
        ensure!(read > 0, "the gateway closed the connection");
        Ok(line.trim_end().to_owned())
    }
}
