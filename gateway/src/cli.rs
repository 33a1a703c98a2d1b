//! The command line.

pub mod check;
pub mod explain;
pub mod routes;
pub mod schema;

use std::{
    ffi::{OsStr, OsString},
    io::{IsTerminal, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Parser, Subcommand};
use serde::Serialize;

use crate::{
    app,
    assembly::{Assembled, Assembly},
    config::problem::Problem,
    pipeline::sandbox::{Host, Keys},
    snapshot::{Reloader, Snapshot},
};

/// An API gateway whose policies are sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(version, disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until told to stop (SIGTERM); SIGHUP reads the configuration again.
    Run(Configuration),
    /// Read the configuration as `run` would, and show every problem in it.
    Check(Configuration),
    /// Print the JSON Schema of `witgate.yaml` (`gateway`) or of a route file (`routes`).
    Schema {
        #[arg(value_enum, default_value = "routes")]
        of: schema::Kind,
    },
    /// Print the compiled routes in the order in which they are tried.
    Routes(Configuration),
    /// Say which route would answer a request, and why the others would not.
    Explain {
        #[command(flatten)]
        configuration: Configuration,
        /// As in `GET`.
        method: String,
        /// As in `http://api.example.com/orders/7`.
        url: String,
        /// A field of the request, as in `x-tenant: acme`.
        #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
        headers: Vec<String>,
        /// The request's body; `@FILE` reads it from a file.
        #[arg(short = 'd', long = "body", value_name = "BODY")]
        body: Option<OsString>,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Print the OpenAPI document of a route whose plugins make an API, as JSON.
    Openapi {
        #[command(flatten)]
        configuration: Configuration,
        /// The route's name.
        route: String,
    },
    /// Print the version.
    Version,
}

#[derive(Debug, clap::Args)]
struct Configuration {
    /// The gateway's own file; route files are found from there.
    #[arg(short, long, default_value = "witgate.yaml", value_name = "FILE")]
    config: PathBuf,
    /// Where compiled components are kept from one start to the next.
    #[arg(long, env = "WITGATE_CACHE", value_name = "FOLDER")]
    cache: Option<PathBuf>,
}

impl Configuration {
    fn cache(&self) -> Option<PathBuf> {
        self.cache.clone().or_else(default_cache)
    }
}

/// `$XDG_CACHE_HOME/witgate`, or `~/.cache/witgate`.
fn default_cache() -> Option<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(base.join("witgate"))
}

/// Carries out what the command line says. 0: done; 1: it could not be done; 2: the command line is wrong.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(configuration) => run(&configuration),
        Command::Check(configuration) => check(&configuration),
        Command::Schema { of } => {
            written(&schema::schema(of, &mut std::io::stdout().lock()).map(|()| true))
        }
        Command::Routes(configuration) => {
            with_snapshot(&configuration, |snapshot| print(&routes::render(snapshot)))
        }
        Command::Explain {
            configuration,
            method,
            url,
            headers,
            body,
            json,
        } => with_snapshot(&configuration, |snapshot| {
            let body = match body.as_deref().map(read_body).transpose() {
                Ok(body) => body,
                Err(error) => return fail(&error),
            };
            match explain::ask(snapshot, &method, &url, &headers, body) {
                Ok(explanation) if json => print_json(&explanation),
                Ok(explanation) => print(&explain::render(&explanation)),
                Err(invalid) => fail(&invalid),
            }
        }),
        Command::Openapi {
            configuration,
            route,
        } => with_snapshot(&configuration, |snapshot| match snapshot.openapi(&route) {
            Ok(document) => print_json(&document),
            Err(none) => fail(&none),
        }),
        Command::Version => print(&format!("witgate {}\n", env!("CARGO_PKG_VERSION"))),
    }
}

fn run(configuration: &Configuration) -> ExitCode {
    let options = app::Options {
        config: configuration.config.clone(),
        cache: configuration.cache(),
    };
    match app::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(app::Error::Configuration { rendered, .. }) => {
            let _ = std::io::stderr().write_all(rendered.as_bytes());
            fail(&"not started, since the configuration has errors")
        }
        Err(error) => fail(&error),
    }
}

fn check(configuration: &Configuration) -> ExitCode {
    match compile(configuration) {
        Err(code) => code,
        Ok(Compiled { assembly, result }) => {
            let problems = match result {
                Ok((_, warnings)) => warnings,
                Err(problems) => problems,
            };
            written(&report(&assembly, &problems))
        }
    }
}

fn with_snapshot(
    configuration: &Configuration,
    then: impl FnOnce(&Snapshot) -> ExitCode,
) -> ExitCode {
    match compile(configuration) {
        Err(code) => code,
        Ok(Compiled {
            result: Ok((snapshot, _)),
            ..
        }) => then(&snapshot),
        Ok(Compiled {
            assembly,
            result: Err(problems),
        }) => {
            let _ = report(&assembly, &problems);
            ExitCode::FAILURE
        }
    }
}

struct Compiled {
    assembly: Assembly,
    result: Result<(Arc<Snapshot>, Vec<Problem>), Vec<Problem>>,
}

fn compile(configuration: &Configuration) -> Result<Compiled, ExitCode> {
    let host = Host::new(configuration.cache().as_deref(), Arc::new(Keys::default()));
    let host = host.map_err(|error| fail(&error))?;
    let mut assembly = Assembly::new(Path::new(&configuration.config), &host);
    let mut assembled = assembly.read();
    if host.descriptors().ask_once() {
        assembled = assembly.read();
    }
    let Assembled {
        inputs, warnings, ..
    } = assembled;
    let result = match Reloader::start(inputs) {
        Ok((reloader, outcome)) => {
            let warnings = warnings.into_iter().chain(outcome.problems).collect();
            Ok((reloader.cell().load(), warnings))
        }
        Err(problems) => Err(warnings.into_iter().chain(problems).collect()),
    };
    Ok(Compiled { assembly, result })
}

/// Problems go to standard error; whether there is no error among them.
fn report(assembly: &Assembly, problems: &[Problem]) -> std::io::Result<bool> {
    let colour = std::io::stderr().is_terminal();
    match assembly.files() {
        Some(files) => check::report(files, problems, colour, &mut std::io::stderr().lock()),
        None => Ok(false),
    }
}

fn written(good: &std::io::Result<bool>) -> ExitCode {
    if matches!(good, Ok(true)) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn print_json(value: &impl Serialize) -> ExitCode {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&format!("{text}\n")),
        Err(error) => fail(&error),
    }
}

/// As written on the command line, or in the file that it names.
fn read_body(written: &OsStr) -> Result<Vec<u8>, String> {
    let bytes = written.as_bytes();
    let Some(file) = bytes.strip_prefix(b"@") else {
        return Ok(bytes.to_vec());
    };
    let file = Path::new(OsStr::from_bytes(file));
    std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("witgate: {error}");
    ExitCode::FAILURE
}
