//! What a secret is good for. Its bytes leave this module only for the gateway's own use ([`Content::newest`]).

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf::{HKDF_SHA256, Salt},
    hmac::{self, HMAC_SHA256, Tag},
};
use zeroize::Zeroizing;

/// In front of what is sealed, so that another way of sealing can be told from this one.
const FORMAT: u8 = 1;

/// Keeps the keys that seal apart from other uses of the same secret.
const SEALING: &[u8] = b"witgate seal v1 AES-256-GCM-SIV";

const SEALING_KEY_LEN: usize = 32;

/// The bytes of a secret, the newest first where it is being rotated; never empty.
pub struct Content {
    newest: Version,
    older: Box<[Version]>,
}

struct Version {
    bytes: Zeroizing<Vec<u8>>,
    hmac: hmac::Key,
    /// Of the bytes, under themselves.
    own_tag: Tag,
    aead: RandomizedNonceKey,
}

impl Content {
    /// None when there is no version, or no key can be made of one.
    pub(super) fn new(versions: Vec<Zeroizing<Vec<u8>>>) -> Option<Self> {
        let mut versions = versions.into_iter().map(Version::new);
        let newest = versions.next()??;
        let older = versions.collect::<Option<_>>()?;
        Some(Self { newest, older })
    }

    /// For the gateway itself, where a protocol wants the very bytes. They must not go anywhere else.
    pub fn newest(&self) -> &[u8] {
        &self.newest.bytes
    }

    /// How many versions there are.
    pub(super) fn versions(&self) -> usize {
        1 + self.older.len()
    }

    /// Bytes of the shortest version.
    pub(super) fn shortest(&self) -> usize {
        let lengths = self.all().map(|version| version.bytes.len());
        lengths.min().unwrap_or_default()
    }

    /// HMAC with SHA-256 (RFC 2104) under the newest.
    pub(super) fn hmac(&self, data: &[u8]) -> Tag {
        hmac::sign(&self.newest.hmac, data)
    }

    /// Under each, the newest first.
    pub(super) fn hmac_all(&self, data: &[u8]) -> impl Iterator<Item = Tag> {
        self.all()
            .map(move |version| hmac::sign(&version.hmac, data))
    }

    /// Whether a tag is right under any.
    pub(super) fn verify_hmac(&self, data: &[u8], tag: &[u8]) -> bool {
        self.any(|version| hmac::verify(&version.hmac, data, tag).is_ok())
    }

    /// Whether the candidate is any of them. How long that takes tells the length of the candidate, and nothing else.
    pub(super) fn equals(&self, candidate: &[u8]) -> bool {
        self.any(|version| hmac::verify(&version.hmac, candidate, version.own_tag.as_ref()).is_ok())
    }

    /// Encrypted and authenticated under the newest, together with `context`, which is not in it. None when it is too
    /// much for the algorithm.
    pub(super) fn seal(&self, mut plaintext: Vec<u8>, context: &[u8]) -> Option<Vec<u8>> {
        let aead = &self.newest.aead;
        let nonce = aead
            .seal_in_place_append_tag(Aad::from(context), &mut plaintext)
            .ok()?;
        let ciphertext = plaintext;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + ciphertext.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&ciphertext);
        Some(sealed)
    }

    /// What was sealed under any of them with the same context.
    pub(super) fn unseal(&self, sealed: &[u8], context: &[u8]) -> Option<Vec<u8>> {
        let (&format, rest) = sealed.split_first()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>()?;
        if format != FORMAT {
            return None;
        }
        self.all().find_map(|version| {
            let mut room = ciphertext.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let opened = version
                .aead
                .open_in_place(nonce, Aad::from(context), &mut room);
            let length = opened.ok()?.len();
            room.truncate(length);
            Some(room)
        })
    }

    fn all(&self) -> impl Iterator<Item = &Version> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// All are asked, so that time does not tell which it was.
    fn any(&self, is: impl Fn(&Version) -> bool) -> bool {
        self.all().fold(false, |found, version| found | is(version))
    }
}

impl Version {
    fn new(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        let hmac = hmac::Key::new(HMAC_SHA256, &bytes);
        let pseudo_random = Salt::new(HKDF_SHA256, &[]).extract(&bytes);
        let mut key = Zeroizing::new([0; SEALING_KEY_LEN]);
        let expanded = pseudo_random.expand(&[SEALING], HKDF_SHA256).ok()?;
        expanded.fill(&mut *key).ok()?;
        Some(Self {
            own_tag: hmac::sign(&hmac, &bytes),
            hmac,
            aead: RandomizedNonceKey::new(&AES_256_GCM_SIV, &*key).ok()?,
            bytes,
        })
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        let all = self.all().map(|version| &version.bytes);
        all.eq(other.all().map(|version| &version.bytes))
    }
}

/// Never the bytes.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} versions)", self.versions())
    }
}
