//! Runs the cases of a file against the component `grpc-json-transcoder` in a real gateway: `transcoding_cases FILE`.
//!
//! Each case gets a route by its own host, descriptors made of what the case says, and one upstream that records the
//! call and answers what the case says. The format of the file: a JSON array of cases, with the keys `id`, `kind`,
//! `options`, `http_rule` or `templates`, `message`, `request`, `upstream`, `expect` and `recommended_expect`, which
//! is what counts where it is there. Prints one line for each case that fails, and at last how many did.

mod case;
mod client;
mod compare;
mod decisions;
mod derive;
mod expand;
mod gateway;
mod informal;
mod judge;
mod schema;
mod settings;
mod upstream;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;

use case::Case;
use gateway::Folder;
use schema::Schema;

/// Cases that one gateway has at a time: an instance holds the descriptors of all of them.
const BATCH: usize = 40;

/// What became of a case.
enum Outcome {
    Passed,
    Failed(String),
    Skipped,
}

/// A case that can be run.
pub(crate) struct Prepared {
    /// The name of its route and of its descriptors.
    pub(crate) name: String,
    pub(crate) case: Case,
    pub(crate) schema: Schema,
}

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> anyhow::Result<usize> {
    let mut arguments = std::env::args_os().skip(1);
    let file = PathBuf::from(arguments.next().context("say which file has the cases")?);
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let cases = case::read(&text).with_context(|| format!("{} holds no cases", file.display()))?;
    // Only cases whose id begins so, for looking into one.
    let only = arguments
        .next()
        .map(|only| only.to_string_lossy().into_owned());
    let (mut ready, mut outcomes) = prepare(&cases, only.as_deref());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    while !ready.is_empty() {
        let batch = ready.split_off(ready.len().saturating_sub(BATCH));
        outcomes.extend(runtime.block_on(run_batch(batch))?);
    }
    Ok(report(&outcomes))
}

/// Cases that can be run, and what becomes of the others.
fn prepare(cases: &[Case], only: Option<&str>) -> (Vec<Prepared>, Vec<(String, Outcome)>) {
    let mut ready = Vec::new();
    let mut outcomes = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        if only.is_some_and(|only| !case.id.starts_with(only)) {
            continue;
        }
        if decisions::skipped(case).is_some() {
            outcomes.push((case.id.clone(), Outcome::Skipped));
            continue;
        }
        let case = decisions::decided(case);
        match Schema::of(&case, cases, index) {
            Ok(schema) => ready.push(Prepared {
                name: format!("c{index}"),
                case,
                schema,
            }),
            Err(error) => outcomes.push((case.id.clone(), Outcome::Failed(format!("{error:#}")))),
        }
    }
    (ready, outcomes)
}

async fn run_batch(batch: Vec<Prepared>) -> anyhow::Result<Vec<(String, Outcome)>> {
    let upstream = upstream::Upstream::start().await?;
    let folder = Folder::new(&batch, upstream.address)?;
    let refused = folder.check()?;
    let gateway = folder.start(&refused).await?;
    let mut outcomes = Vec::new();
    for prepared in &batch {
        let refusal = refused.get(&prepared.name).map(String::as_str);
        let outcome = match judge::judge(prepared, refusal, &gateway, &upstream).await {
            Ok(()) => Outcome::Passed,
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        outcomes.push((prepared.case.id.clone(), outcome));
    }
    Ok(outcomes)
}

fn report(outcomes: &[(String, Outcome)]) -> usize {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (id, outcome) in outcomes {
        match outcome {
            Outcome::Passed => passed += 1,
            Outcome::Skipped => skipped += 1,
            Outcome::Failed(why) => {
                failed += 1;
                println!("{id}: {}", why.replace('\n', " "));
            }
        }
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    failed
}
