//! Passwords that were right, remembered for a while: as digests, never as they are.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use witgate_plugin::{Identity, IdentityFields, clock, crypto, random};

use crate::credentials::Credentials;

/// Of one instance.
const MOST: usize = 1_000;

/// SHA-256 over a salt, the user's hash, name and password.
type Digest = Vec<u8>;

struct Known {
    identity: Rc<Identity>,
    /// By the clock that never goes back.
    until: Duration,
}

/// What one instance knows, whatever configuration asked: a change of the file forgets nobody whose hash is the same.
struct Memory {
    salt: Vec<u8>,
    known: BTreeMap<Digest, Known>,
}

thread_local! {
    static MEMORY: RefCell<Option<Memory>> = const { RefCell::new(None) };
}

fn memory<T>(call: impl FnOnce(&mut Memory) -> T) -> T {
    MEMORY.with_borrow_mut(|memory| {
        call(memory.get_or_insert_with(|| Memory {
            salt: random::bytes(32),
            known: BTreeMap::new(),
        }))
    })
}

/// The digest of a user with this hash and these credentials. A user's name has no colon.
pub(crate) fn digest(credentials: &Credentials, hash: &str) -> Digest {
    memory(|memory| {
        let Credentials { user, password } = credentials;
        let parts = [
            &memory.salt[..],
            hash.as_bytes(),
            b":",
            user.as_bytes(),
            b":",
            password.as_bytes(),
        ];
        crypto::sha256(&parts.concat())
    })
}

/// Who this is, if the password was right not long ago.
pub(crate) fn recall(digest: &Digest) -> Option<Rc<Identity>> {
    let now = clock::monotonic();
    memory(|memory| {
        let known = memory.known.get(digest)?;
        (now < known.until).then(|| Rc::clone(&known.identity))
    })
}

/// The password is right: who this is from now on.
///
/// # Errors
/// When the gateway makes no identity of the name.
pub(crate) fn remember(
    digest: Digest,
    user: &str,
    how_long: Duration,
) -> Result<Rc<Identity>, String> {
    let identity = Rc::new(Identity::new(IdentityFields {
        scheme: String::from("basic"),
        subject: Some(user.to_owned()),
        consumer: Some(user.to_owned()),
        ..IdentityFields::default()
    })?);
    if how_long.is_zero() {
        return Ok(identity);
    }
    let now = clock::monotonic();
    let known = Known {
        identity: Rc::clone(&identity),
        until: now.saturating_add(how_long),
    };
    memory(|memory| {
        if memory.known.len() >= MOST {
            memory.known.retain(|_, known| now < known.until);
        }
        if memory.known.len() >= MOST {
            memory.known.clear();
        }
        memory.known.insert(digest, known);
    });
    Ok(identity)
}

/// For tests, where one thread is many instances.
#[cfg(test)]
pub(crate) fn forget() {
    MEMORY.with_borrow_mut(|memory| *memory = None);
}
