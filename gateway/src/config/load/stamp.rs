//! Whether a file is the one that was read before, without reading it.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What the file system says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Clocks of file systems are coarse: a file can change again, unseen, within one of their steps.
    const STEP: Duration = Duration::from_secs(2);

    /// None when the file changed so recently that the stamp would not tell a further change.
    pub(super) fn of(path: &Path) -> Option<Self> {
        Self::even_if_recent(path).filter(Self::is_settled)
    }

    pub(super) fn even_if_recent(path: &Path) -> Option<Self> {
        let data = fs::metadata(path).ok()?;
        Some(Self {
            device: data.dev(),
            inode: data.ino(),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }

    fn is_settled(&self) -> bool {
        let latest = self.modified.max(self.changed);
        let Ok(seconds) = u64::try_from(latest.0) else {
            return true;
        };
        let latest = UNIX_EPOCH + Duration::from_secs(seconds);
        SystemTime::now()
            .duration_since(latest)
            .is_ok_and(|age| age > Self::STEP)
    }
}
