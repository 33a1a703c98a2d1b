//! Capability `secrets`: what the operator declared under `secrets` in `witgate.yaml`, as handles that can be used and
//! not read.

use crate::backend;

/// One secret. While it is rotated it has several versions: the newest makes what is new, each is right for what is
/// there. A handle follows every change, so one that is opened in [`Policy::new`](crate::Policy::new) serves for good.
pub struct Secret(backend::Secret);

impl Secret {
    /// Fails when no secret has that name, when the plugin's grant does not name it, and when one of its versions has
    /// less than 16 bytes.
    pub fn open(name: &str) -> Result<Self, String> {
        backend::Secret::open(name).map(Self)
    }

    /// HMAC with SHA-256 (RFC 2104) under the newest version, 32 bytes.
    pub fn hmac_sha256(&self, data: &[u8]) -> Vec<u8> {
        self.0.hmac_sha256(data)
    }

    /// The same under each version, the newest first: for looking up what may have been made before a rotation.
    pub fn hmac_sha256_all(&self, data: &[u8]) -> Vec<Vec<u8>> {
        self.0.hmac_sha256_all(data)
    }

    /// Whether a tag of [`hmac_sha256`](Self::hmac_sha256) is right under any version; in constant time.
    #[must_use]
    pub fn verify_hmac(&self, data: &[u8], tag: &[u8]) -> bool {
        self.0.verify_hmac(data, tag)
    }

    /// Whether the candidate is any version; in a time that tells the candidate's length alone.
    #[must_use]
    pub fn equals(&self, candidate: &[u8]) -> bool {
        self.0.equals(candidate)
    }

    /// Encrypts and authenticates (AES-256-GCM-SIV, RFC 8452) under a key that HKDF makes of the newest version
    /// (RFC 5869), with a random nonce: 29 bytes longer than the plaintext. `context` is authenticated, not kept: what
    /// it is for, and whatever must not be exchanged.
    pub fn seal(&self, plaintext: &[u8], context: &[u8]) -> Vec<u8> {
        self.0.seal(plaintext, context)
    }

    /// What was sealed under any version and with the same context; none for all else.
    pub fn unseal(&self, sealed: &[u8], context: &[u8]) -> Option<Vec<u8>> {
        self.0.unseal(sealed, context)
    }
}
