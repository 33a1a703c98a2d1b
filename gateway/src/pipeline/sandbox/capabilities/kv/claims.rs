//! Claims on keys: at most one holder each, and who waits for it learns that it is free.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

/// The claims of one plugin. There are never more than handles on them.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims(Arc<Mutex<All>>);

#[derive(Debug, Default)]
struct All {
    by_key: HashMap<Arc<str>, Holder>,
    next: u64,
}

#[derive(Debug)]
struct Holder {
    number: u64,
    until: Instant,
    /// Tells of changes of the key; dropped when the claim is free.
    changes: watch::Sender<()>,
}

/// A claim. Dropped, it is free.
#[derive(Debug)]
pub(super) struct Held {
    claims: Claims,
    key: Arc<str>,
    number: u64,
}

/// Somebody has it.
#[derive(Debug)]
pub(super) struct Taken {
    until: Instant,
    changes: watch::Receiver<()>,
}

impl Taken {
    /// Resolves when it is free, at the end of its lease too, or the key is set.
    pub(super) async fn freed(mut self) {
        // An error means that it is free; so does the end of the time.
        let _ = tokio::time::timeout_at(self.until.into(), self.changes.changed()).await;
    }
}

impl Claims {
    pub(super) fn acquire(&self, key: &str, lease: Duration) -> Result<Held, Taken> {
        let now = Instant::now();
        let mut all = self.lock();
        if let Some(holder) = all.by_key.get(key).filter(|holder| now < holder.until) {
            return Err(Taken {
                until: holder.until,
                changes: holder.changes.subscribe(),
            });
        }
        all.next += 1;
        let number = all.next;
        let key: Arc<str> = key.into();
        let holder = Holder {
            number,
            until: now + lease,
            changes: watch::Sender::new(()),
        };
        all.by_key.insert(Arc::clone(&key), holder);
        Ok(Held {
            claims: self.clone(),
            key,
            number,
        })
    }

    /// Whoever waits looks again.
    pub(super) fn changed(&self, key: &str) {
        if let Some(holder) = self.lock().by_key.get(key) {
            holder.changes.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    /// Not if somebody else has it since the lease ended.
    fn drop(&mut self) {
        let mut all = self.claims.lock();
        let is_own = |holder: &Holder| holder.number == self.number;
        if all.by_key.get(&self.key).is_some_and(is_own) {
            all.by_key.remove(&self.key);
        }
    }
}
