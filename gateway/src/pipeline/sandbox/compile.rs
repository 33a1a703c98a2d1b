//! Component bytes to machine code, kept on disk from one start to the next.

use std::{
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use wasmtime::{Engine, component::Component};

/// What was not asked for in so long is removed when something new is kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// SHA-256 of a component file.
pub(super) type ContentHash = [u8; SHA256_OUTPUT_LEN];

pub(super) fn hash(bytes: &[u8]) -> ContentHash {
    let mut hash = [0; SHA256_OUTPUT_LEN];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Where compiled components are kept. Whoever can write there can run code as the gateway.
#[derive(Debug)]
pub(super) struct Cache {
    /// None: nothing is kept.
    folder: Option<PathBuf>,
}

impl Cache {
    /// Uses `folder`, made when it is not there; without it, or when others may write to it, nothing is kept.
    pub(super) fn new(folder: Option<&Path>) -> Self {
        let folder = folder.and_then(|folder| match private_folder(folder) {
            Ok(()) => Some(folder.to_owned()),
            Err(error) => {
                let folder = folder.display();
                tracing::warn!("compiled plugins are not kept in {folder}: {error}");
                None
            }
        });
        Self { folder }
    }

    /// From the cache if it is there and whole, else compiled and kept.
    pub(super) fn component(
        &self,
        engine: &Engine,
        bytes: &[u8],
        hash: &ContentHash,
    ) -> wasmtime::Result<Component> {
        let Some(folder) = &self.folder else {
            return compile(engine, bytes, hash);
        };
        let file = folder.join(file_name(engine, hash));
        if let Some(component) = read(engine, &file) {
            touch(&file);
            tracing::debug!(digest = hex(hash), "took a compiled plugin from the cache");
            return Ok(component);
        }
        let component = compile(engine, bytes, hash)?;
        remove_old(folder, SystemTime::now());
        if let Err(error) = write(folder, &file, &component.serialize()?) {
            tracing::warn!(
                "cannot keep a compiled plugin in {}: {error}",
                file.display()
            );
        }
        Ok(component)
    }
}

/// Logged, since it takes so much longer than all else that starting or swapping a plugin does.
fn compile(engine: &Engine, bytes: &[u8], hash: &ContentHash) -> wasmtime::Result<Component> {
    let begun = Instant::now();
    let component = Component::from_binary(engine, bytes)?;
    tracing::info!(digest = hex(hash), took = ?begun.elapsed(), "compiled a plugin");
    Ok(component)
}

/// As `/plugins` shows it.
pub(super) fn hex(hash: &ContentHash) -> String {
    let mut text = String::with_capacity(2 * hash.len());
    for byte in hash {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Both the content and everything about the engine that code depends on.
fn file_name(engine: &Engine, hash: &ContentHash) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut compatibility = DefaultHasher::new();
    engine
        .precompile_compatibility_hash()
        .hash(&mut compatibility);
    format!("{}-{:016x}.cwasm", hex(hash), compatibility.finish())
}

/// A digest, then what wasmtime serialized. The digest is checked since wasmtime trusts the machine code.
fn read(engine: &Engine, file: &Path) -> Option<Component> {
    let content = fs::read(file).ok()?;
    let (stored, code) = content.split_first_chunk::<SHA256_OUTPUT_LEN>()?;
    if hash(code) != *stored {
        tracing::warn!("{} is damaged and compiled again", file.display());
        return None;
    }
    // SAFETY: these are bytes that this program serialized: the digest shows that they are whole, and the folder
    // belongs to this user and nobody else may write to it (`private_folder`). wasmtime itself refuses code of
    // another version or configuration.
    #[allow(unsafe_code)]
    let component = unsafe { Component::deserialize(engine, code) };
    component.ok()
}

/// Written beside and renamed, so that no reader ever sees a half.
fn write(folder: &Path, file: &Path, code: &[u8]) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let beside = folder.join(format!(".{}.{:x}", std::process::id(), unique()));
    let mut out = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    let written = out
        .write_all(&hash(code))
        .and_then(|()| out.write_all(code))
        .and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// For [`remove_old`]. If that fails, it is compiled again some day.
fn touch(file: &Path) {
    let _ = fs::File::open(file).and_then(|file| file.set_modified(SystemTime::now()));
}

/// Also what a process left that was ended while it wrote.
fn remove_old(folder: &Path, now: SystemTime) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = modified.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > KEPT));
        if is_old && fs::remove_file(entry.path()).is_ok() {
            tracing::debug!(
                "removed {}, which nobody uses any more",
                entry.path().display()
            );
        }
    }
}

fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Relaxed)
}

/// Makes the folder if need be, and sees to it that nobody else can write to it.
fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let metadata = fs::metadata(folder)?;
    let me = fs::metadata("/proc/self")?.uid();
    if metadata.uid() != me || metadata.mode() & 0o022 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it must belong to the gateway's user, and only that user may write to it",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// The smallest component.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn files(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    #[test]
    fn a_damaged_file_is_compiled_again() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("cache");
        let engine = super::super::engine::engine().unwrap();
        let cache = Cache::new(Some(&folder));
        let make = || cache.component(&engine, EMPTY, &hash(EMPTY)).map(drop);
        make().unwrap();
        let [file] = &files(&folder)[..] else {
            panic!("one file")
        };
        assert_eq!(
            fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let whole = fs::read(file).unwrap();
        assert!(read(&engine, file).is_some());
        for damage in [&b""[..], &whole[..40], &[&whole[..], b"x"].concat()] {
            fs::write(file, damage).unwrap();
            assert!(read(&engine, file).is_none());
            make().unwrap();
            assert_eq!(hash(&fs::read(file).unwrap()), hash(&whole), "written anew");
        }
        assert_eq!(files(&folder).len(), 1);
    }

    #[test]
    fn what_nobody_uses_any_more_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("cache");
        let engine = super::super::engine::engine().unwrap();
        let cache = Cache::new(Some(&folder));
        cache.component(&engine, EMPTY, &hash(EMPTY)).unwrap();
        let (used, unused) = (
            folder.join(file_name(&engine, &hash(EMPTY))),
            folder.join("old"),
        );
        let long_ago = SystemTime::now() - KEPT - Duration::from_secs(60);
        fs::write(&unused, "").unwrap();
        for file in [&used, &unused] {
            fs::File::open(file)
                .unwrap()
                .set_modified(long_ago)
                .unwrap();
        }
        cache.component(&engine, EMPTY, &hash(EMPTY)).unwrap();
        assert_eq!(files(&folder).len(), 2, "nothing new was kept");
        let other = [EMPTY, b"\0\x02\x01a"].concat();
        cache.component(&engine, &other, &hash(&other)).unwrap();
        assert_eq!(files(&folder).len(), 2);
        assert!(used.exists() && !unused.exists());
    }

    /// Code that another version of wasmtime compiled is refused however it came under this name.
    #[test]
    fn a_file_of_another_engine_is_compiled_again() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("cache");
        let engine = super::super::engine::engine().unwrap();
        let cache = Cache::new(Some(&folder));
        let mut config = wasmtime::Config::new();
        config
            .module_version(wasmtime::ModuleVersionStrategy::Custom("other".into()))
            .unwrap();
        let other = Engine::new(&config).unwrap();
        assert_ne!(
            file_name(&engine, &hash(EMPTY)),
            file_name(&other, &hash(EMPTY))
        );
        let foreign = Component::from_binary(&other, EMPTY).unwrap();
        let file = folder.join(file_name(&engine, &hash(EMPTY)));
        write(&folder, &file, &foreign.serialize().unwrap()).unwrap();
        assert!(read(&other, &file).is_some() && read(&engine, &file).is_none());
        cache.component(&engine, EMPTY, &hash(EMPTY)).unwrap();
        assert!(read(&engine, &file).is_some(), "written anew");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let engine = super::super::engine::engine().unwrap();
        let cache = Cache::new(Some(folder.path()));
        cache.component(&engine, EMPTY, &hash(EMPTY)).unwrap();
        assert!(files(folder.path()).is_empty());
    }
}
