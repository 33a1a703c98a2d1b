//! A limiter against plain models of what it promises.

mod arithmetic;
mod keys;
mod permits;
mod reading;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;

use super::{Answer, Decision, Key, Limit, Limiter, Limiters, Limits, Moment, Question};
use crate::config::{Source, problem::Problem, raw, span::Spanned};

#[derive(Deserialize)]
struct File(BTreeMap<String, Spanned<raw::RateLimit>>);

/// As under `rate-limits` of `witgate.yaml`.
fn declare(limits: &Limits, yaml: &str) -> Result<Arc<Limiters>, Vec<Problem>> {
    let source = Source::<File>::new("witgate.yaml".into(), yaml);
    let Some(File(raw)) = source.raw.as_deref() else {
        return Err(source.problems);
    };
    limits.declare(raw, &Arc::new(PathBuf::from("witgate.yaml")))
}

fn read(limits: &Limits, yaml: &str) -> Arc<Limiters> {
    let declared = declare(limits, yaml);
    let declared = declared.unwrap_or_else(|problems| panic!("{yaml}: {problems:#?}"));
    limits.commit();
    declared
}

/// A limit of its own.
fn limit(yaml: &str) -> Arc<Limit> {
    let limiters = read(&Limits::default(), &format!("one: {{ {yaml} }}"));
    Arc::clone(limiters.get("one").unwrap())
}

/// Never asked.
#[derive(Debug)]
pub(in crate::pipeline) struct Nobody;

impl Limiter for Nobody {
    fn ask(&self, _: &Question) -> Answer {
        panic!("nobody asks")
    }
}

/// Long after the process began, as far as limiters can tell.
fn at(nanos: u64) -> Moment {
    Moment::at(Duration::from_secs(1_000_000) + Duration::from_nanos(nanos))
}

fn ask(limit: &Limit, key: Option<&str>, cost: u32, now: u64) -> Decision {
    let question = Question {
        key: key.map(|key| Key::of(key.as_bytes())),
        cost,
        now: at(now),
    };
    match limit.limiter.ask(&question) {
        Answer::Now(decision) => decision,
        Answer::Later(_) => panic!("it answers at once"),
    }
}

/// How many of so many questions are admitted at one time.
fn admitted(limit: &Limit, key: Option<&str>, questions: usize, now: u64) -> usize {
    let answers = (0..questions).map(|_| ask(limit, key, 1, now));
    answers.filter(Result::is_ok).count()
}
