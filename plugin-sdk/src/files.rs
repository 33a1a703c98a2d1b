//! Capability `files`: the files that the operator declared under `files` in `witgate.yaml`, read by the gateway. A
//! plugin names them; it cannot name a path.

use crate::backend;

/// One file.
///
/// It can be opened in [`Policy::new`](crate::Policy::new) and nowhere else: when its content changes, the gateway parses
/// the configurations that opened it anew. If that reports problems, the old content stays in use.
pub struct File(backend::File);

impl File {
    /// Fails when no file has that name, and when the plugin's grant does not name it.
    pub fn open(name: &str) -> Result<Self, String> {
        backend::File::open(name).map(Self)
    }

    /// SHA-256 of [`content`](Self::content), in lower-case hexadecimal digits.
    pub fn digest(&self) -> String {
        self.0.digest()
    }

    /// At most 4 MiB.
    pub fn content(&self) -> Vec<u8> {
        self.0.content()
    }
}
