//! The project's chores: `cargo xtask --help`.

mod bench;
mod cases;
mod command;
mod components;
mod licences;
mod new;
mod reference;
mod release;
mod run;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use workspace::Workspace;

/// Builds, runs, tests, measures and packs witgate.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Builds the release binary and the components of `plugins/`.
    Build,
    /// Runs a gateway in front of sample services, with witgate.yaml and routes.d/.
    Run,
    /// Checks format, licences and lints, and runs every test.
    Test,
    /// Packs one archive: binary (optimised for its work: built twice), components, sample configuration, systemd unit,
    /// licences.
    Dist,
    /// Compares what a request costs with other proxies (docs/benchmarks.md).
    Bench {
        kind: bench::Kind,
        /// How often each proxy has its turn.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
        /// What `cargo xtask dist` has packed, in place of a release build.
        #[arg(long)]
        dist: bool,
    },
    /// Writes docs/configuration.md from the schemas.
    Reference,
    /// Makes a plugin to begin with, in plugins/NAME.
    New { name: String },
    /// Runs a file of transcoding cases against the component in a real gateway.
    TranscodingCases {
        file: std::path::PathBuf,
        /// Only the cases whose id begins so.
        only: Option<String>,
    },
    /// Checks the licences and sources of all dependencies.
    Licences,
    /// Builds the components of `plugins/` and of `gateway/tests/plugins/` that changed.
    Components {
        /// Only these.
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    match carry_out(Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(chore: Chore) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match chore {
        Chore::Build => release::build(&workspace),
        Chore::Run => run::run(&workspace),
        Chore::Test => test::all(&workspace),
        Chore::Dist => release::dist(&workspace),
        Chore::Bench { kind, rounds, dist } => bench::run(&workspace, kind, rounds, dist),
        Chore::Reference => reference::write(&workspace),
        Chore::New { name } => new::plugin(&workspace, &name),
        Chore::TranscodingCases { file, only } => cases::run(&workspace, &file, only.as_deref()),
        Chore::Licences => licences::check(&workspace),
        Chore::Components { names } => {
            components::build(&workspace, &components::Which::named(names))
        }
    }
}
