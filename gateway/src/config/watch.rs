//! Tells when a file of the configuration may have changed.
//!
//! Folders are watched, not files: editors and Kubernetes replace files (and links to folders) rather than write
//! them. A thread of its own gathers the events of a burst into one signal, puts watches back that were lost with
//! their folder, and looks by itself where nothing can be watched. A signal says only that it is worth to
//! [load](super::load()) again; for files that did not change, that costs their stat.

use std::{
    io, mem,
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use notify::{EventKind, event::AccessKind};

mod folders;

use folders::{Folders, Targets};

/// A burst is over when nothing happened for this long.
const QUIET: Duration = Duration::from_millis(50);
/// A burst that does not end is signalled all the same.
const LONGEST_BURST: Duration = Duration::from_millis(500);
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
pub struct Changes(tokio::sync::mpsc::Receiver<()>);

impl Changes {
    /// Waits until something changed since the last signal; false when the watch has ended. Cancel safe.
    pub async fn next(&mut self) -> bool {
        self.0.recv().await.is_some()
    }
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
        let events = messages.clone();
        let watcher = notify::recommended_watcher(move |event| {
            // The thread is gone only when the watch is dropped.
            let _ = events.send(Message::Event(event));
        });
        let mut watcher = Watcher {
            folders: Folders::new(watcher, targets),
            inbox,
            signals,
            burst: None,
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
        Ok((watch, Changes(changes)))
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
    /// When the first and the last event of the present burst came.
    burst: Option<(Instant, Instant)>,
    checked: Instant,
    polled: Instant,
}

impl Watcher {
    fn run(mut self) {
        loop {
            match self.inbox.recv_timeout(self.patience()) {
                Ok(Message::Event(event)) => self.event(&event),
                Ok(Message::Targets(change, done)) => {
                    self.folders.retarget(change);
                    let _ = done.send(());
                }
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.check();
            if self.is_over() {
                self.burst = None;
                // Before the signal: what is watched late is read after it.
                self.folders.update();
                // A signal that waits stands for this one, too.
                let _ = self.signals.try_send(());
            }
        }
    }

    fn event(&mut self, event: &notify::Result<notify::Event>) {
        let relevant = match event {
            Ok(event) if is_reading(event.kind) => false,
            Ok(event) => {
                event.need_rescan() || event.paths.iter().any(|path| self.folders.concern(path))
            }
            Err(_) => true,
        };
        if relevant {
            self.extend_burst();
        }
    }

    fn extend_burst(&mut self) {
        let now = Instant::now();
        self.burst.get_or_insert((now, now)).1 = now;
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
            self.extend_burst();
        }
    }

    fn is_over(&self) -> bool {
        self.burst.is_some_and(|(first, last)| {
            last.elapsed() >= QUIET || first.elapsed() >= LONGEST_BURST
        })
    }

    fn patience(&self) -> Duration {
        let check = CHECK.saturating_sub(self.checked.elapsed());
        match self.burst {
            None => check,
            Some((first, last)) => {
                let quiet = QUIET.saturating_sub(last.elapsed());
                quiet
                    .min(LONGEST_BURST.saturating_sub(first.elapsed()))
                    .min(check)
            }
        }
    }
}

/// Whether an event is nothing but someone reading, as this process does.
fn is_reading(kind: EventKind) -> bool {
    use notify::event::AccessMode::Write;
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(Write))
}

impl Folders {
    fn retarget(&mut self, change: Change) {
        let targets = self.targets_mut();
        match change {
            Change::Folder(folder) => targets.folder = folder,
            Change::Extra(extra) => drop(mem::replace(&mut targets.extra, extra)),
        }
        self.update();
    }
}

#[cfg(test)]
mod tests;
