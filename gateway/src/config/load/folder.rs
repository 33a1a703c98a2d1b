//! Which files of a folder are route files.

use std::{
    cmp::Ordering,
    ffi::OsStr,
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// The route files of a folder, sorted: `*.yaml` and `*.yml`, symbolic links followed, subfolders left out.
pub(super) fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if is_route_file(&name) && !is_folder(&entry) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names.iter().map(|name| folder.join(name)).collect())
}

/// Whether [`list`] would name this file, whose name is that of a route file.
pub(super) fn has(path: &Path) -> bool {
    // A link that leads nowhere is a file that cannot be read.
    fs::symlink_metadata(path).is_ok() && !path.is_dir()
}

/// The order of files: by bytes, which is cheaper than by components, and in one folder the same.
pub fn compare_paths(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (a.as_os_str(), b.as_os_str());
    a.as_encoded_bytes().cmp(b.as_encoded_bytes())
}

/// Hidden files are those of editors (`.#orders.yaml`, `.orders.yaml.swp`) and of Kubernetes (`..data`).
pub(in crate::config) fn is_route_file(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let hidden = name.starts_with(b".") || name.starts_with(b"#");
    !hidden && (name.ends_with(b".yaml") || name.ends_with(b".yml"))
}

fn is_folder(entry: &fs::DirEntry) -> bool {
    match entry.file_type() {
        Ok(kind) if kind.is_symlink() => {
            fs::metadata(entry.path()).is_ok_and(|target| target.is_dir())
        }
        Ok(kind) => kind.is_dir(),
        Err(_) => false,
    }
}
