//! Tells when a file of the configuration may have changed.
//!
//! Folders are watched, not files: editors and Kubernetes replace files (and links to folders) rather than write
//! them. A thread of its own gathers the events of a burst into one signal, puts watches back that were lost with
//! their folder, and looks by itself where nothing can be watched. A signal says that it is worth to
//! [load](super::load()) again, and which route files are worth it, if it can be only these.

use std::{
    io, mem,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use notify::{EventKind, event::AccessKind};

mod burst;
mod folders;

use burst::Burst;
pub use burst::Changed;
use folders::{Folders, Targets};

/// How often it is checked that the watched folders are still those at their paths.
const CHECK: Duration = Duration::from_millis(500);
/// How often a change is assumed where folders cannot be watched.
const POLL: Duration = Duration::from_secs(5);

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    messages: mpsc::Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

/// The signals of a [`Watch`].
#[derive(Debug)]
pub struct Changes {
    signals: tokio::sync::mpsc::Receiver<()>,
    pending: Pending,
}

/// What no signal was taken for yet.
type Pending = Arc<Mutex<Option<Changed>>>;

impl Changes {
    /// Waits until something changed since the last signal; none when the watch has ended. Cancel safe.
    pub async fn next(&mut self) -> Option<Changed> {
        loop {
            self.signals.recv().await?;
            // Nothing, if the last signal took it along.
            if let Some(changed) = lock(&self.pending).take() {
                return Some(changed);
            }
        }
    }
}

impl Changes {
    /// What changes besides until it is quiet again, or at the latest after half a second. Cancel safe, but what has
    /// come so far is lost.
    pub async fn and_more(&mut self, mut changed: Changed) -> Changed {
        let end = tokio::time::Instant::now() + burst::LONGEST;
        loop {
            // What follows a burst is signalled after a whole pause; on a busy machine, late.
            let quiet = tokio::time::Instant::now() + 4 * burst::QUIET;
            match tokio::time::timeout_at(quiet.min(end), self.next()).await {
                Ok(Some(more)) => changed.extend(more),
                Ok(None) | Err(_) => return changed,
            }
        }
    }
}

fn lock(pending: &Pending) -> std::sync::MutexGuard<'_, Option<Changed>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Message {
    Event(notify::Result<notify::Event>),
    /// What to watch from now on; answered when it is watched.
    Targets(Change, mpsc::Sender<()>),
    Stop,
}

enum Change {
    Folder(PathBuf),
    Extra(Vec<PathBuf>),
}

impl Watch {
    /// Watches `witgate.yaml` and the folder of route files, whether they are there or not.
    pub fn start(config: &Path, folder: &Path) -> io::Result<(Self, Changes)> {
        let targets = Targets {
            config: std::path::absolute(config)?,
            folder: std::path::absolute(folder)?,
            extra: Vec::new(),
        };
        let (messages, inbox) = mpsc::channel();
        let (signals, changes) = tokio::sync::mpsc::channel(1);
        let pending = Pending::default();
        let events = messages.clone();
        let watcher = notify::recommended_watcher(move |event| {
            // The thread is gone only when the watch is dropped.
            let _ = events.send(Message::Event(event));
        });
        let mut watcher = Watcher {
            folders: Folders::new(watcher, targets),
            inbox,
            signals,
            pending: Arc::clone(&pending),
            burst: None,
            signalled: None,
            checked: Instant::now(),
            polled: Instant::now(),
        };
        watcher.folders.update();
        let thread = thread::Builder::new()
            .name("witgate-watch".into())
            .spawn(move || watcher.run())?;
        let watch = Self {
            messages,
            thread: Some(thread),
        };
        let changes = Changes {
            signals: changes,
            pending,
        };
        Ok((watch, changes))
    }

    /// The folder of route files from now on.
    pub fn set_folder(&self, folder: &Path) -> io::Result<()> {
        self.set(Change::Folder(std::path::absolute(folder)?));
        Ok(())
    }

    /// Other files to watch from now on (components, keys, certificates), whether they are there or not. It returns
    /// when they are watched: what is read from them afterwards is the newest, or a signal follows.
    pub fn set_extra(&self, paths: impl IntoIterator<Item = PathBuf>) -> io::Result<()> {
        let paths = paths
            .into_iter()
            .map(std::path::absolute)
            .collect::<io::Result<_>>()?;
        self.set(Change::Extra(paths));
        Ok(())
    }

    fn set(&self, change: Change) {
        let (done, wait) = mpsc::channel();
        if self.messages.send(Message::Targets(change, done)).is_ok() {
            // An error means that the thread ended; its signals end, too.
            let _ = wait.recv();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct Watcher {
    folders: Folders,
    inbox: mpsc::Receiver<Message>,
    signals: tokio::sync::mpsc::Sender<()>,
    pending: Pending,
    burst: Option<Burst>,
    /// When the last burst was over.
    signalled: Option<Instant>,
    checked: Instant,
    polled: Instant,
}

impl Watcher {
    fn run(mut self) {
        loop {
            match self.inbox.recv_timeout(self.patience()) {
                Ok(Message::Event(event)) => self.event(&event),
                Ok(Message::Targets(change, done)) => {
                    if self.folders.retarget(change) {
                        // Nobody tells what changed before it was watched.
                        self.extend_burst(Changed::Anything, false);
                    }
                    let _ = done.send(());
                }
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.check();
            if let Some(burst) = self.burst.take_if(|burst| burst.is_over()) {
                self.signalled = Some(Instant::now());
                // Before the signal: what is watched late is read after it.
                self.folders.update();
                let mut pending = lock(&self.pending);
                match &mut *pending {
                    Some(changed) => changed.extend(burst.changed()),
                    None => *pending = Some(burst.changed()),
                }
                drop(pending);
                // A signal that waits stands for this one, too.
                let _ = self.signals.try_send(());
            }
        }
    }

    fn event(&mut self, event: &notify::Result<notify::Event>) {
        match event {
            Ok(event) if is_reading(event.kind) => {}
            Ok(event) if !event.need_rescan() => {
                let replaced = is_replacing(event.kind);
                for path in &event.paths {
                    if let Some(changed) = self.folders.concern(path) {
                        self.extend_burst(changed, replaced);
                    }
                }
            }
            Ok(_) | Err(_) => self.extend_burst(Changed::Anything, false),
        }
    }

    /// `replaced`: by a rename, after which the file is whole.
    fn extend_burst(&mut self, changed: Changed, replaced: bool) {
        match &mut self.burst {
            Some(burst) => burst.extend(changed, replaced),
            None => self.burst = Some(Burst::new(changed, replaced, self.signalled)),
        }
    }

    /// Finds folders that were replaced or are back, which no event may have told.
    fn check(&mut self) {
        if self.checked.elapsed() < CHECK {
            return;
        }
        self.checked = Instant::now();
        let poll = self.folders.are_unwatched() && self.polled.elapsed() >= POLL;
        if poll {
            self.polled = Instant::now();
        }
        if poll || self.folders.have_moved() {
            self.extend_burst(Changed::Anything, false);
        }
    }

    fn patience(&self) -> Duration {
        let check = CHECK.saturating_sub(self.checked.elapsed());
        let burst = self.burst.as_ref().map(Burst::patience);
        burst.map_or(check, |burst| burst.min(check))
    }
}

/// Whether an event is nothing but someone reading, as this process does.
fn is_reading(kind: EventKind) -> bool {
    use notify::event::AccessMode::Write;
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(Write))
}

/// Whether a rename has put a file in its place.
fn is_replacing(kind: EventKind) -> bool {
    use notify::event::{ModifyKind::Name, RenameMode};
    matches!(
        kind,
        EventKind::Modify(Name(RenameMode::To | RenameMode::Both))
    )
}

impl Folders {
    /// Whether files are watched now that were not.
    fn retarget(&mut self, change: Change) -> bool {
        let targets = self.targets_mut();
        let other = match change {
            Change::Folder(folder) => mem::replace(&mut targets.folder, folder) != targets.folder,
            Change::Extra(extra) => {
                targets.extra = extra;
                false
            }
        };
        self.update();
        other
    }
}

#[cfg(test)]
mod tests;
