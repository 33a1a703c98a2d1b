//! Capability `descriptors`: the Protocol Buffers schemas that the operator declared under `descriptors` in
//! `witgate.yaml`, read or fetched by the gateway. A plugin names them; it cannot name a file or a server.

use crate::backend;

/// One schema with all that it imports.
///
/// It can be opened in [`Policy::new`](crate::Policy::new) and nowhere else: when its content changes, the gateway parses the configurations
/// that opened it anew. If that reports problems, the old content stays in use.
pub struct DescriptorSet(backend::DescriptorSet);

impl DescriptorSet {
    /// Fails when no set has that name, and while a set that comes from a server has not been fetched yet.
    pub fn open(name: &str) -> Result<Self, String> {
        backend::DescriptorSet::open(name).map(Self)
    }

    /// SHA-256 of [`bytes`](Self::bytes), in lower-case hexadecimal digits.
    pub fn digest(&self) -> String {
        self.0.digest()
    }

    /// A `google.protobuf.FileDescriptorSet`: every file after those that it imports.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.bytes()
    }
}
