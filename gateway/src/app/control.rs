//! What the control thread knows: the live snapshot, how it came to be, and what the last reload said.

mod last;

use std::{
    cell::{Cell, Ref, RefCell},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

pub use last::{LastReload, Reason, Took};

use super::error::Error;
use crate::{
    assembly::{Assembled, Assembly},
    config::{
        problem::{Problem, Severity, render},
        raw,
        watch::{Changed, Watch},
    },
    pipeline::{
        listen::Acceptor,
        sandbox::{Host, Phase, Plugin, Ticker},
        upstream::Checker,
    },
    snapshot::{Reloader, Snapshot, SnapshotCell},
    telemetry::metrics::Shard,
};

/// How long the start waits for servers to describe themselves.
const LONGEST_START: Duration = Duration::from_secs(3);

/// What the control thread knows.
pub struct Control {
    assembly: RefCell<Assembly>,
    reloader: RefCell<Reloader>,
    last: RefCell<LastReload>,
    reloads: Cell<u64>,
    failed_reloads: Cell<u64>,
    ticker: RefCell<Ticker>,
    checker: RefCell<Checker>,
    acceptors: Vec<Acceptor>,
    /// What only a restart can change.
    fixed: Fixed,
    shards: RefCell<Vec<Arc<Shard>>>,
    host: Arc<Host>,
    ready: Cell<bool>,
    retired: UnboundedSender<Arc<Snapshot>>,
}

/// The parts of `witgate.yaml` that are read once.
#[derive(Debug, PartialEq)]
struct Fixed {
    listeners: Vec<(std::net::SocketAddr, bool)>,
    admin: std::net::SocketAddr,
    workers: Option<u16>,
}

impl Fixed {
    fn of(raw: &raw::Gateway) -> Self {
        let listener = |listener: &raw::Listener| (*listener.address, listener.tls.is_some());
        Self {
            listeners: raw.listeners.iter().map(|raw| listener(raw)).collect(),
            admin: *raw.admin.address,
            workers: raw.workers.as_ref().map(|workers| **workers),
        }
    }
}

impl Control {
    /// Reads the configuration for the first time.
    ///
    /// # Errors
    /// When anything in it is wrong: a missing route can let a broader one answer without its policies.
    pub fn start(
        mut assembly: Assembly,
        host: &Arc<Host>,
    ) -> Result<(Self, Arc<raw::Gateway>), Error> {
        let begun = Instant::now();
        let Assembled {
            inputs,
            tls,
            warnings,
            takes_away: _,
        } = assembly.read();
        let read = Instant::now();
        let refuse = |mut problems: Vec<Problem>| {
            problems.extend(warnings.iter().cloned());
            let mut rendered = Vec::new();
            if let Some(files) = assembly.files() {
                // Writing to memory does not fail.
                let _ = render(&mut rendered, &problems, files, false);
            }
            let rendered = String::from_utf8_lossy(&rendered).into_owned();
            Error::Configuration { problems, rendered }
        };
        let (reloader, mut outcome) = Reloader::start(inputs).map_err(refuse)?;
        let compiled = Instant::now();
        outcome.problems.extend(warnings);
        let raw = Arc::clone(reloader.gateway());
        assembly.settle(&reloader, &outcome);
        let tls = tls.unwrap_or_default();
        let (retired, mut old) = unbounded_channel();
        tokio::task::spawn_local(async move { while old.recv().await.is_some() {} });
        let last = LastReload {
            outcome,
            reason: Reason::Start,
            at: SystemTime::now(),
            took: Took::between(begun, read, compiled),
        };
        let control = Self {
            acceptors: tls
                .into_iter()
                .map(|tls| Arc::new(ArcSwapOption::new(tls)))
                .collect(),
            fixed: Fixed::of(&raw),
            assembly: RefCell::new(assembly),
            reloader: RefCell::new(reloader),
            last: RefCell::new(last),
            reloads: Cell::new(0),
            failed_reloads: Cell::new(0),
            ticker: RefCell::default(),
            checker: RefCell::default(),
            shards: RefCell::default(),
            host: Arc::clone(host),
            ready: Cell::new(false),
            retired,
        };
        control.follow_snapshot();
        Ok((control, raw))
    }

    /// Reads the configuration again and makes live what can be.
    pub fn reload(&self, reason: Reason) -> LastReload {
        self.reload_changed(reason, &Changed::Anything)
    }

    /// The same, for what has changed.
    fn reload_changed(&self, reason: Reason, changed: &Changed) -> LastReload {
        let begun = Instant::now();
        let assembled = self.assembly.borrow_mut().read_changed(changed);
        self.make_live(reason, begun, assembled)
    }

    fn make_live(&self, reason: Reason, begun: Instant, assembled: Assembled) -> LastReload {
        let Assembled {
            inputs,
            tls,
            warnings,
            takes_away: _,
        } = assembled;
        let read = Instant::now();
        let mut outcome = self.reloader.borrow_mut().reload(inputs);
        let compiled = Instant::now();
        outcome.problems.extend(warnings);
        let raw = Arc::clone(self.reloader.borrow().gateway());
        let mut assembly = self.assembly.borrow_mut();
        assembly.settle(&self.reloader.borrow(), &outcome);
        drop(assembly);
        self.follow_snapshot();
        if Fixed::of(&raw) == self.fixed {
            self.swap_certificates(tls);
        } else {
            tracing::warn!(
                "listeners, admin or workers changed in witgate.yaml: that needs a restart"
            );
        }
        self.reloads.set(self.reloads.get() + 1);
        if outcome
            .problems
            .iter()
            .any(|problem| problem.severity == Severity::Error)
        {
            self.failed_reloads.set(self.failed_reloads.get() + 1);
        }
        let last = LastReload {
            outcome,
            reason,
            at: SystemTime::now(),
            took: Took::between(begun, read, compiled),
        };
        last::report(&last);
        self.last.replace(last.clone());
        last
    }

    /// The plugins of the live snapshot tick, and are done with judging configurations.
    fn follow_snapshot(&self) {
        let snapshot = self.snapshot();
        snapshot.plugins.settle();
        // A look at every route is dear where there are many, and hardly any plugin ticks.
        let ticks = |plugin: &Arc<Plugin>| plugin.phases().contains(Phase::Tick);
        let ticks = snapshot.plugins.iter().any(ticks);
        let routes = ticks.then(|| snapshot.table.routes());
        let chains = routes.into_iter().flatten().map(|route| &route.chain);
        self.ticker.borrow_mut().update(chains);
        let checked = snapshot.upstreams.checked().map(|known| &known.upstream);
        self.checker.borrow_mut().follow(checked);
    }

    fn swap_certificates(&self, tls: Option<Vec<Option<Arc<ServerConfig>>>>) {
        for (acceptor, tls) in self.acceptors.iter().zip(tls.into_iter().flatten()) {
            acceptor.store(tls);
        }
    }

    /// Reloads whenever a file changes, forever.
    pub async fn watch(self: Rc<Self>) {
        let started = {
            let assembly = self.assembly.borrow();
            let Some(files) = assembly.files() else {
                return;
            };
            Watch::start(&files.gateway.path, &files.folder).and_then(|(watch, changes)| {
                watch.set_extra(assembly.extra_files())?;
                Ok((watch, changes))
            })
        };
        let (watch, mut changes) = match started {
            Ok(started) => started,
            Err(error) => {
                tracing::error!(%error, "files are not watched: reload with SIGHUP or POST /reload");
                return;
            }
        };
        // What changed between the first reading and the watch, nobody tells.
        self.reload(Reason::Change);
        while let Some(changed) = changes.next().await {
            let begun = Instant::now();
            let assembled = self.assembly.borrow_mut().read_changed(&changed);
            let changed = if assembled.takes_away {
                let changed = changes.and_more(changed).await;
                self.reload_changed(Reason::Change, &changed);
                changed
            } else {
                self.make_live(Reason::Change, begun, assembled);
                changed
            };
            if let Changed::Routes(_) = changed {
                // What is to be watched stands in `witgate.yaml`.
                continue;
            }
            let assembly = self.assembly.borrow();
            let folder = assembly
                .files()
                .map(|files| watch.set_folder(&files.folder));
            let extra = watch.set_extra(assembly.extra_files());
            if let Some(Err(error)) = folder.into_iter().chain([extra]).find(Result::is_err) {
                tracing::warn!(%error, "a changed set of files cannot be watched");
            }
        }
    }

    /// Gives servers that describe themselves the time to do it before the first request comes. A server that is down
    /// keeps nothing from starting.
    pub(super) async fn await_descriptors(&self) {
        self.host.descriptors().first_answers(LONGEST_START).await;
        if self.host.descriptors().awaits_use() {
            self.reload(Reason::Descriptors);
        }
    }

    /// Reloads whenever a server describes itself otherwise than before, forever.
    pub async fn follow_descriptors(self: Rc<Self>) {
        loop {
            self.host.descriptors().changed().await;
            if self.host.descriptors().awaits_use() {
                self.reload(Reason::Descriptors);
            }
        }
    }

    pub fn cell(&self) -> SnapshotCell {
        self.reloader.borrow().cell().clone()
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.reloader.borrow().cell().load()
    }

    /// `witgate.yaml` as it is live.
    pub fn gateway(&self) -> Arc<raw::Gateway> {
        Arc::clone(self.reloader.borrow().gateway())
    }

    pub fn last(&self) -> Ref<'_, LastReload> {
        self.last.borrow()
    }

    /// All reloads since the start, and those with errors.
    pub fn reloads(&self) -> (u64, u64) {
        (self.reloads.get(), self.failed_reloads.get())
    }

    pub fn is_ready(&self) -> bool {
        self.ready.get()
    }

    pub(super) fn set_ready(&self, ready: bool) {
        self.ready.set(ready);
    }

    pub fn shards(&self) -> Ref<'_, Vec<Arc<Shard>>> {
        self.shards.borrow()
    }

    /// A new worker's counters.
    pub(super) fn add_shard(&self) -> Arc<Shard> {
        let shard = Arc::new(Shard::default());
        self.shards.borrow_mut().push(Arc::clone(&shard));
        shard
    }

    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    pub(super) fn acceptors(&self) -> &[Acceptor] {
        &self.acceptors
    }

    pub(super) fn retired(&self) -> UnboundedSender<Arc<Snapshot>> {
        self.retired.clone()
    }
}
