//! The key set as plugins need it: read once per version, each key with the algorithms it may be used with.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    crypto::JwtVerifier,
    jwk::{Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;
use witgate_plugin::keys::KeySet;

use crate::provider::PROVIDER;

/// One key that may sign tokens.
pub struct Key {
    /// As it was published; two keys are the same if this is.
    source: Value,
    id: Option<String>,
    decoding: DecodingKey,
    /// The algorithm that the key is meant for, if it says so.
    only: Option<Algorithm>,
    /// Made when first needed, for the algorithm used last: nearly all keys are used with one. So a hostile token cannot
    /// make a key fill the instance's table of handles.
    verifier: RefCell<Option<(Algorithm, Verifier)>>,
}

/// None: the algorithm does not go with the key.
type Verifier = Option<Box<dyn JwtVerifier>>;

impl Key {
    /// None for a key that signs nothing here; a set may well have some.
    fn read(source: Value) -> Option<Self> {
        let jwk = Jwk::deserialize(&source).ok()?;
        let signs = match jwk.common.public_key_use {
            None | Some(PublicKeyUse::Signature) => true,
            Some(_) => false,
        };
        let verifies = jwk.common.key_operations.as_ref().is_none_or(|operations| {
            operations.contains(&KeyOperations::Verify) || operations.contains(&KeyOperations::Sign)
        });
        if !signs || !verifies {
            return None;
        }
        let only = match jwk.common.key_algorithm {
            None => None,
            Some(algorithm) => Some(Algorithm::try_from(algorithm).ok()?),
        };
        Some(Self {
            decoding: DecodingKey::from_jwk(&jwk).ok()?,
            id: jwk.common.key_id,
            source,
            only,
            verifier: RefCell::default(),
        })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        self.decoding.family() == algorithm.family()
            && self.only.is_none_or(|only| only == algorithm)
    }

    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &Vec<u8>) -> bool {
        let mut verifier = self.verifier.borrow_mut();
        if verifier
            .as_ref()
            .is_none_or(|(known, _)| *known != algorithm)
        {
            let made = (PROVIDER.verifier_factory)(&algorithm, &self.decoding);
            *verifier = Some((algorithm, made.ok()));
        }
        let ready = verifier.as_ref().and_then(|(_, ready)| ready.as_ref());
        ready.is_some_and(|ready| ready.verify(message, signature).is_ok())
    }
}

/// The keys of one key set.
pub struct Keys {
    set: KeySet,
    issuer: RefCell<Option<Rc<str>>>,
    version: Cell<u64>,
    keys: RefCell<Vec<Rc<Key>>>,
}

thread_local! {
    static OPEN: RefCell<Vec<(String, Weak<Keys>)>> = const { RefCell::new(Vec::new()) };
}

impl Keys {
    /// Routes that name the same set share it.
    pub fn open(name: &str) -> Result<Rc<Self>, String> {
        OPEN.with_borrow_mut(|open| {
            open.retain(|(_, keys)| keys.strong_count() > 0);
            let known = open.iter().find(|(known, _)| known == name);
            if let Some(keys) = known.and_then(|(_, keys)| keys.upgrade()) {
                return Ok(keys);
            }
            let set = KeySet::open(name)?;
            let keys = Rc::new(Self {
                issuer: RefCell::new(set.issuer().map(Rc::from)),
                set,
                version: Cell::new(0),
                keys: RefCell::default(),
            });
            open.push((name.to_owned(), Rc::downgrade(&keys)));
            Ok(keys)
        })
    }

    /// Whether there has ever been a content.
    pub fn are_there(&self) -> bool {
        self.version.get() != 0
    }

    /// Whose keys these are, for a set that was declared by its issuer.
    pub fn issuer(&self) -> Option<Rc<str>> {
        self.issuer.borrow().clone()
    }

    pub fn ask_for_refresh(&self) -> bool {
        self.set.refresh()
    }

    /// Reads the set again if it has changed, and says which version it is. A key that is still there stays the
    /// same `Rc`.
    pub fn update(&self) -> u64 {
        let version = self.set.version();
        if version == self.version.replace(version) {
            return version;
        }
        self.issuer.replace(self.set.issuer().map(Rc::from));
        let before = self.keys.take();
        let published = serde_json::from_str::<Value>(&self.set.jwks()).unwrap_or_default();
        let published = published["keys"].as_array().cloned().unwrap_or_default();
        self.keys.replace(
            published
                .into_iter()
                .filter_map(|source| {
                    let same = before.iter().find(|key| key.source == source);
                    same.cloned().or_else(|| Key::read(source).map(Rc::new))
                })
                .collect(),
        );
        version
    }

    pub fn contains(&self, key: &Rc<Key>) -> bool {
        self.keys
            .borrow()
            .iter()
            .any(|known| Rc::ptr_eq(known, key))
    }

    /// Those with the token's key id; keys without an id may be meant by any.
    pub(crate) fn candidates(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<Rc<Key>> {
        let keys = self.keys.borrow();
        let fitting = || keys.iter().filter(|key| key.fits(algorithm));
        let Some(id) = id else {
            return fitting().cloned().collect();
        };
        let named = fitting()
            .filter(|key| key.id.as_deref() == Some(id))
            .cloned()
            .collect::<Vec<_>>();
        if named.is_empty() {
            fitting().filter(|key| key.id.is_none()).cloned().collect()
        } else {
            named
        }
    }
}
