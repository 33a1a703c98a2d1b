//! Capability `keys`: the key sets that the operator declared under `key-sets` in `witgate.yaml`, fetched, cached
//! and kept fresh by the gateway. A plugin names them; it cannot name a URL.

use crate::backend;

/// One key set.
pub struct KeySet(backend::KeySet);

impl KeySet {
    /// Fails when no key set has that name.
    pub fn open(name: &str) -> Result<Self, String> {
        backend::KeySet::open(name).map(Self)
    }

    /// Whose keys these are, if the operator declared the set by its issuer: what tokens must have in `iss`.
    pub fn issuer(&self) -> Option<String> {
        self.0.issuer()
    }

    /// Grows with every change of the content; 0 until the first content is there.
    pub fn version(&self) -> u64 {
        self.0.version()
    }

    /// A JWK set (RFC 7517 section 5) as JSON: the last good one, kept while its issuer is down.
    pub fn jwks(&self) -> String {
        self.0.jwks()
    }

    /// Asks for a new copy since a key is missing. True if one is on its way: answer
    /// [`Verdict::Again`](crate::Verdict::Again) and be called when it is here. False within the cool-down, and for
    /// a key set from a file.
    pub fn refresh(&self) -> bool {
        self.0.refresh()
    }
}
