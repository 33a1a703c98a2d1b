//! The limits of `witgate.yaml` by name, from one reading to the next.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};

use super::{
    Limiter, Local, Moment, counts::Counts, definition::Definition, single::lock, store::Stores,
};
use crate::config::{
    problem::{Problem, closest},
    raw,
    span::{Span, Spanned},
};

/// How often forgotten keys are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// A limit, and who decides for it.
#[derive(Debug)]
pub struct Limit {
    /// As it stands in logs, metrics and header fields.
    pub name: Arc<str>,
    pub definition: Definition,
    pub limiter: Box<dyn Limiter>,
}

/// The limits that one reading of `witgate.yaml` declares.
#[derive(Debug, Default)]
pub struct Limiters {
    by_name: BTreeMap<Arc<str>, Arc<Limit>>,
    stores: Arc<Stores>,
}

/// All limits of the process.
#[derive(Debug, Default)]
pub struct Limits {
    /// Those that serve.
    live: ArcSwap<Limiters>,
    /// Those that were read last, until they serve or are refused.
    declared: Mutex<Option<Arc<Limiters>>>,
}

impl Limits {
    /// Reads what `witgate.yaml` declares: limits that did not change are the same as before, and others go on with their
    /// counts where they can. Until [`Self::commit`], what serves is what served before.
    pub fn declare(
        &self,
        raw: &BTreeMap<String, Spanned<raw::RateLimit>>,
        file: &Arc<PathBuf>,
    ) -> Result<Arc<Limiters>, Vec<Problem>> {
        let live = self.live.load();
        let mut declared = Limiters {
            by_name: BTreeMap::new(),
            stores: Arc::clone(&live.stores),
        };
        let mut problems = Vec::new();
        for (name, raw) in raw {
            match declared.compile(name, raw, &live, file) {
                Ok(limit) => {
                    declared.by_name.insert(Arc::clone(&limit.name), limit);
                }
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let declared = Arc::new(declared);
        *lock(&self.declared) = Some(Arc::clone(&declared));
        Ok(declared)
    }

    /// What was declared last serves now.
    pub fn commit(&self) {
        if let Some(declared) = lock(&self.declared).take() {
            self.live.store(declared);
        }
    }

    /// What was declared last was refused.
    pub fn withdraw(&self) {
        lock(&self.declared).take();
    }

    /// Those that serve.
    pub fn live(&self) -> Guard<Arc<Limiters>> {
        self.live.load()
    }

    /// For who judges a configuration: those that were read last.
    pub fn declared(&self) -> Arc<Limiters> {
        let declared = lock(&self.declared).clone();
        declared.unwrap_or_else(|| self.live.load_full())
    }

    /// How every limit stands that something refers to, those of single routes too.
    pub fn counts(&self) -> BTreeMap<Arc<str>, Counts> {
        self.live.load().stores.counts()
    }

    /// Forgets keys that are as good as new, forever; beside the workers.
    pub async fn sweep(&self) {
        let mut interval = tokio::time::interval(SWEEP);
        let mut before = Moment::now();
        loop {
            interval.tick().await;
            // As of the last time: whoever asks now may have begun a little earlier.
            self.sweep_now(before);
            before = Moment::now();
        }
    }

    pub(super) fn sweep_now(&self, now: Moment) {
        self.live.load().stores.sweep(now);
    }
}

impl Limiters {
    pub fn get(&self, name: &str) -> Option<&Arc<Limit>> {
        self.by_name.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Limit>> {
        self.by_name.values()
    }

    /// What to say of a name that there is not.
    pub fn unknown(&self, name: &str) -> (String, String) {
        let names: Vec<_> = self.by_name.keys().map(|name| &**name).collect();
        let hint = match (closest(name, names.iter().copied()), &names[..]) {
            (Some(close), _) => format!("did you mean `{close}`?"),
            (None, []) => String::from("declare it under `rate-limits` of witgate.yaml"),
            (None, names) => format!("there are: {}", names.join(", ")),
        };
        (format!("no rate limit is called `{name}`"), hint)
    }

    /// A limit of one route's own, the `number`-th there.
    pub fn own(
        &self,
        route: &str,
        number: usize,
        raw: &raw::RateLimit,
        place: Span,
        file: &Arc<PathBuf>,
    ) -> Result<Arc<Limit>, Vec<Problem>> {
        let definition = Definition::compile(raw, place, file)?;
        let name: Arc<str> = format!("{route}/{number}").into();
        Ok(self.limit(name, definition))
    }

    /// The names that do not stand for the same limit in both.
    pub fn differences(&self, other: &Self) -> BTreeSet<Arc<str>> {
        let differs = |name: &&Arc<str>| match (self.get(name), other.get(name)) {
            (Some(one), Some(other)) => !Arc::ptr_eq(one, other),
            _ => true,
        };
        let names = self.by_name.keys().chain(other.by_name.keys());
        names.filter(differs).cloned().collect()
    }

    fn compile(
        &self,
        name: &str,
        raw: &Spanned<raw::RateLimit>,
        before: &Self,
        file: &Arc<PathBuf>,
    ) -> Result<Arc<Limit>, Vec<Problem>> {
        if let Some(named) = &raw.name {
            let problem = Problem::error(file, named.key, "a limit has its name before the colon");
            return Err(vec![problem.hint("take `name` out")]);
        }
        if let Some(problem) = refuse_name(name, raw, file) {
            return Err(vec![problem]);
        }
        let definition = Definition::compile(raw, raw.key, file)?;
        match before.get(name) {
            Some(known) if known.definition == definition => Ok(Arc::clone(known)),
            _ => Ok(self.limit(name.into(), definition)),
        }
    }

    fn limit(&self, name: Arc<str>, definition: Definition) -> Arc<Limit> {
        let limiter = Local::new(&name, &definition, &self.stores);
        Arc::new(Limit {
            name,
            definition,
            limiter: Box::new(limiter),
        })
    }
}

/// Names stand in header fields, and with a slash in those of routes' own limits.
fn refuse_name(name: &str, raw: &Spanned<raw::RateLimit>, file: &Arc<PathBuf>) -> Option<Problem> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let good = !name.is_empty() && name.len() <= 64 && name.chars().all(fits);
    (!good).then(|| {
        let message = format!("`{name}` is not a name for a rate limit");
        Problem::error(file, raw.key, message)
            .hint("letters, digits, `-`, `_` and `.`, at most 64 of them")
    })
}
