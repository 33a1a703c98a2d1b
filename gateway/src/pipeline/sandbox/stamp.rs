//! Whether a file is still the one that was read.

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt,
    time::{Duration, SystemTime},
};

/// By which a file that did not change is known without reading it. The time is that of the last change of
/// anything about the file (`ctime`), which nobody can set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    changed: Duration,
}

/// The clocks of file systems are coarse: a younger file may change again without a new time.
const SETTLED: Duration = Duration::from_secs(2);

impl Stamp {
    /// None for a file that changed just now.
    pub(super) fn new(metadata: &Metadata, now: SystemTime) -> Option<Self> {
        let changed = Duration::new(
            metadata.ctime().try_into().ok()?,
            metadata.ctime_nsec().try_into().ok()?,
        );
        let age = now.duration_since(SystemTime::UNIX_EPOCH + changed).ok()?;
        (age > SETTLED).then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            changed,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_stamp_tells_files_apart_once_they_have_settled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.wasm");
        fs::write(&path, "one").unwrap();
        let metadata = fs::metadata(&path).unwrap();
        let now = SystemTime::now();
        let later = now + 2 * SETTLED;
        assert_eq!(Stamp::new(&metadata, now), None, "it may change any moment");
        assert_eq!(Stamp::new(&metadata, now - SETTLED), None, "of the future");
        let stamp = Stamp::new(&metadata, later);
        assert!(stamp.is_some());
        assert_eq!(stamp, Stamp::new(&metadata, later + SETTLED));

        let other = folder.path().join("other");
        fs::write(&other, "two").unwrap();
        let file = fs::File::options().write(true).open(&other).unwrap();
        file.set_modified(metadata.modified().unwrap()).unwrap();
        fs::rename(&other, &path).unwrap();
        let replaced = Stamp::new(&fs::metadata(&path).unwrap(), later);
        assert!(replaced.is_some());
        assert_ne!(stamp, replaced, "of the same length and modification time");
    }
}
