//! The lines that a process prints, as JSON, to wait for and to search.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;
use tokio::sync::Notify;

use super::PATIENCE;

/// Everything that one stream said so far.
#[derive(Clone)]
pub(crate) struct Lines {
    shared: Arc<Shared>,
}

struct Shared {
    lines: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    /// Reads on a thread of its own until the stream ends.
    pub(crate) fn of(stream: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Shared {
            lines: Mutex::default(),
            news: Notify::new(),
        });
        let writer = Arc::clone(&shared);
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                writer.lines.lock().unwrap().lines.push(line);
                writer.news.notify_waiters();
            }
            writer.lines.lock().unwrap().ended = true;
            writer.news.notify_waiters();
        });
        Self { shared }
    }

    /// The first line that holds, now or soon. Says what there was instead when none comes.
    pub(crate) async fn wait_for(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.find(&holds)
            .await
            .unwrap_or_else(|| panic!("the log has no line for {what}:\n{}", self.text()))
    }

    /// The first line with this message.
    pub(crate) async fn message(&self, message: &str) -> Value {
        self.wait_for(message, |line| line["message"] == message)
            .await
    }

    async fn find(&self, holds: &impl Fn(&Value) -> bool) -> Option<Value> {
        let search = async {
            loop {
                let news = self.shared.news.notified();
                tokio::pin!(news);
                news.as_mut().enable();
                let found = self.all().into_iter().find(|line| holds(line));
                if found.is_some() || self.shared.lines.lock().unwrap().ended {
                    return found;
                }
                news.await;
            }
        };
        tokio::time::timeout(PATIENCE, search).await.ok().flatten()
    }

    /// The lines that are JSON.
    pub(crate) fn all(&self) -> Vec<Value> {
        let state = self.shared.lines.lock().unwrap();
        state
            .lines
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Waits until the stream has ended and all of it is here.
    pub(crate) async fn ended(&self) {
        super::eventually("the end of the log", || async {
            self.shared.lines.lock().unwrap().ended
        })
        .await;
    }

    pub(crate) fn text(&self) -> String {
        self.shared.lines.lock().unwrap().lines.join("\n")
    }
}
