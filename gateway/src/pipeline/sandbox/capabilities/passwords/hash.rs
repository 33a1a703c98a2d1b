//! Hashes that can be checked: bcrypt and Argon2, within bounds. For all others, what to do about them.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordVerifier, phc::PasswordHash},
};
use bcrypt::HashParts;

/// About a second.
const MOST_BCRYPT_COST: u32 = 14;

/// KiB of memory for one check.
const MOST_MEMORY: u32 = 128 << 10;
/// KiB of memory times passes over it: about a second.
const MOST_WORK: u64 = 1 << 20;
const MOST_LANES: u32 = 16;

/// A hash that can be checked.
#[derive(Debug)]
pub(super) enum Hash {
    Bcrypt(Box<str>),
    Argon2(Box<PasswordHash>),
}

/// Why a hash cannot be checked. What was written is not repeated: it may be the password itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("is {0}, which is guessed too fast; {MAKE}")]
    Weak(&'static str),
    #[error("is {0}, which is not supported; {MAKE}")]
    Unsupported(&'static str),
    #[error("is no hash; {MAKE}")]
    NoHash,
    #[error("is {0} that is damaged; {MAKE}")]
    Damaged(&'static str),
    #[error("is bcrypt with a cost of {0}: 4 to {MOST_BCRYPT_COST} can be checked; {MAKE}")]
    BcryptCost(u32),
    #[error(
        "is Argon2 that takes too much: at most m={MOST_MEMORY}, p={MOST_LANES} and m times t of {MOST_WORK} can be \
         checked; {MAKE}"
    )]
    Argon2Cost,
}

const MAKE: &str = "make it anew with `htpasswd -nB USER`";

impl Hash {
    pub(super) fn parse(text: &str) -> Result<Self, Unusable> {
        let prefix = |prefix: &str| text.starts_with(prefix);
        match text {
            _ if prefix("$2a$") || prefix("$2b$") || prefix("$2y$") => bcrypt(text),
            _ if prefix("$argon2") => argon2(text),
            _ if prefix("$2") => Err(Unusable::Unsupported("an old and wrong kind of bcrypt")),
            _ if prefix("$apr1$") || prefix("$1$") => Err(Unusable::Weak("MD5")),
            _ if prefix("{SHA}") || prefix("{SSHA}") => Err(Unusable::Weak("SHA-1")),
            _ if prefix("$5$") || prefix("$6$") => Err(Unusable::Unsupported("SHA-crypt")),
            _ if prefix("$y$") || prefix("$7$") => Err(Unusable::Unsupported("scrypt or yescrypt")),
            _ if text.len() == 13 && !prefix("$") => {
                Err(Unusable::Weak("DES, or a plain password"))
            }
            _ => Err(Unusable::NoHash),
        }
    }

    /// Takes as long as the hash says. None when there is not the memory for it.
    pub(super) fn verify(&self, password: &[u8]) -> Option<bool> {
        match self {
            Self::Bcrypt(hash) => Some(bcrypt::verify(password, hash).unwrap_or(false)),
            Self::Argon2(hash) => match Argon2::default().verify_password(password, &**hash) {
                Ok(()) => Some(true),
                Err(argon2::password_hash::Error::OutOfMemory) => None,
                Err(_) => Some(false),
            },
        }
    }
}

fn bcrypt(text: &str) -> Result<Hash, Unusable> {
    let damaged = |_| Unusable::Damaged("bcrypt");
    let parts: HashParts = text.parse().map_err(damaged)?;
    match parts.get_cost() {
        4..=MOST_BCRYPT_COST => Ok(Hash::Bcrypt(text.into())),
        cost => Err(Unusable::BcryptCost(cost)),
    }
}

fn argon2(text: &str) -> Result<Hash, Unusable> {
    const DAMAGED: Unusable = Unusable::Damaged("Argon2");
    let hash = PasswordHash::new(text).map_err(|_| DAMAGED)?;
    let version = hash
        .version
        .map_or(Ok(Version::default()), Version::try_from);
    let known = Algorithm::try_from(hash.algorithm.as_str()).is_ok() && version.is_ok();
    if !known || hash.salt.is_none() || hash.hash.is_none() {
        return Err(DAMAGED);
    }
    let params = Params::try_from(&hash).map_err(|_| DAMAGED)?;
    let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
    let fits = params.m_cost() <= MOST_MEMORY && params.p_cost() <= MOST_LANES && work <= MOST_WORK;
    if !fits {
        return Err(Unusable::Argon2Cost);
    }
    Ok(Hash::Argon2(Box::new(hash)))
}
