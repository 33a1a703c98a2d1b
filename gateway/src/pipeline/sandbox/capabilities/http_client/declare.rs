//! All HTTP clients by name, and what becomes of them when `witgate.yaml` changes.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use super::{client::Client, definition::Definition, numbers::Numbers, thread::Thread};
use crate::{
    config::{
        problem::Problem,
        raw::{self, ShortOr},
        span::{Span, Spanned},
    },
    pipeline::sandbox::capabilities::{
        named::{Named, Slot},
        secrets::Secrets,
    },
};

/// All HTTP clients of the gateway; one per process, shared by every worker.
#[derive(Debug)]
pub struct HttpClients {
    named: Named<Client>,
    numbers: Mutex<BTreeMap<Arc<str>, Arc<Numbers>>>,
    /// Started with the first client that is to serve.
    thread: OnceLock<Arc<Thread>>,
}

impl Default for HttpClients {
    fn default() -> Self {
        Self {
            named: Named::new("HTTP client", "http-clients"),
            numbers: Mutex::default(),
            thread: OnceLock::new(),
        }
    }
}

impl HttpClients {
    /// Judges what `witgate.yaml` declares; requests are sent only where it `serves`, and not in a check, say. Clients that did not change keep their connections. Call it when the secrets have been declared and the chains
    /// have not been compiled, and [`Self::commit`] or [`Self::withdraw`] afterwards. On an error nothing has changed.
    pub fn declare(
        &self,
        raw: &BTreeMap<String, Spanned<ShortOr<raw::HttpClient>>>,
        file: &Arc<PathBuf>,
        secrets: &Secrets,
        serves: bool,
    ) -> Result<(), Vec<Problem>> {
        if serves && !raw.is_empty() {
            self.start_thread(file)?;
        }
        let mut problems = Vec::new();
        let mut all = Vec::with_capacity(raw.len());
        for (name, raw) in raw {
            let definition = match Definition::new(raw, file, secrets) {
                Ok(definition) => definition,
                Err(found) => {
                    problems.extend(found);
                    continue;
                }
            };
            let name: Arc<str> = name.as_str().into();
            let before = self.named.find(&name).ok();
            let before = before.and_then(|slot| slot.live().clone());
            let same = before.is_some_and(|before| before.definition == definition);
            let client = (!same).then(|| {
                let numbers = self.numbers(&name);
                let thread = self.thread.get().filter(|_| serves);
                Client::new(&name, definition, numbers, thread.cloned())
            });
            all.push((name, client));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        self.named.declare(all);
        Ok(())
    }

    /// What was declared last is live.
    pub fn commit(&self) {
        self.named.commit();
        self.sweep();
    }

    /// What was declared last was refused.
    pub fn withdraw(&self) {
        self.named.withdraw();
        self.sweep();
    }

    pub(in crate::pipeline::sandbox) fn declares(&self, name: &str) -> bool {
        self.named.declares(name)
    }

    pub(super) fn find(&self, name: &str) -> Result<Arc<Slot<Client>>, String> {
        self.named.find(name)
    }

    /// Those that serve, in the order of their names.
    pub(super) fn live(&self) -> Vec<(Arc<str>, Arc<Client>)> {
        let slots = self.named.all().into_iter();
        slots
            .filter_map(|slot| Some((Arc::clone(&slot.name), slot.live().clone()?)))
            .collect()
    }

    /// Only the control thread declares.
    fn start_thread(&self, file: &Arc<PathBuf>) -> Result<(), Vec<Problem>> {
        if self.thread.get().is_none() {
            let thread = Thread::start().map_err(|error| {
                let what = format!("the thread of the HTTP clients cannot be started: {error}");
                vec![Problem::error(file, Span::default(), what)]
            })?;
            let _ = self.thread.set(Arc::new(thread));
        }
        Ok(())
    }

    fn numbers(&self, name: &Arc<str>) -> Arc<Numbers> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(numbers.entry(Arc::clone(name)).or_default())
    }

    fn sweep(&self) {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.retain(|name, _| self.named.declares(name));
    }
}
