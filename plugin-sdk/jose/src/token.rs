//! From a token's bytes to its signer (RFC 7515 section 5.2).

use std::rc::Rc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;

use crate::keys::{Key, Keys};

/// In bytes. Longer ones are refused unread: no issuer makes them, and decoding costs memory.
pub const LONGEST: usize = 16 << 10;

/// A token whose signature is right.
pub struct Signed {
    pub key: Rc<Key>,
    /// What was signed; JSON if the token is a JWT.
    pub payload: Vec<u8>,
}

/// Why nobody is known to have signed a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it is longer than 16 KiB")]
    TooLong,
    #[error("it is no signed token")]
    Malformed,
    #[error("its algorithm is not accepted")]
    Algorithm,
    /// A refresh of the key set may help.
    #[error("its key is not in the key set")]
    UnknownKey,
    /// The key set has never been fetched.
    #[error("there are no keys yet")]
    NoKeys,
    #[error("its signature is wrong")]
    Signature,
}

/// Who signed the token, with one of these algorithms.
pub fn verify(token: &[u8], keys: &Keys, algorithms: &[Algorithm]) -> Result<Signed, Fault> {
    if token.len() > LONGEST {
        return Err(Fault::TooLong);
    }
    let (message, payload, signature) = split(token).ok_or(Fault::Malformed)?;
    let key = signer(token, message, signature, keys, algorithms)?;
    let payload = decode(payload)?;
    Ok(Signed { key, payload })
}

/// What is signed, its second half, and the signature: all in the alphabet of base64url.
fn split(token: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !token.iter().all(alphabet) {
        return None;
    }
    let mut parts = token.split(|byte| *byte == b'.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || header.is_empty() || signature.is_empty() {
        return None;
    }
    Some((
        &token[..header.len() + 1 + payload.len()],
        payload,
        signature,
    ))
}

/// The key that signed it. The header is only believed about which key to try: never about where to get one.
fn signer(
    token: &[u8],
    message: &[u8],
    signature: &[u8],
    keys: &Keys,
    algorithms: &[Algorithm],
) -> Result<Rc<Key>, Fault> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| refused_header(token))?;
    if header.crit.is_some() {
        // RFC 7515 section 4.1.11: what is not understood must not be ignored, and nothing is understood.
        return Err(Fault::Malformed);
    }
    if !algorithms.contains(&header.alg) {
        return Err(Fault::Algorithm);
    }
    let candidates = keys.candidates(header.kid.as_deref(), header.alg);
    if candidates.is_empty() {
        return Err(if keys.are_there() {
            Fault::UnknownKey
        } else {
            Fault::NoKeys
        });
    }
    let signature = decode(signature)?;
    candidates
        .into_iter()
        .find(|key| key.verify(header.alg, message, &signature))
        .ok_or(Fault::Signature)
}

/// jsonwebtoken knows no `alg` but real ones: `none` and the unheard of do not even parse. Clients are told which
/// of the two it was.
fn refused_header(token: &[u8]) -> Fault {
    #[derive(serde::Deserialize)]
    struct Named {
        alg: String,
    }
    let header = token.split(|byte| *byte == b'.').next().unwrap_or_default();
    let named = decode(header).ok();
    match named.and_then(|json| serde_json::from_slice::<Named>(&json).ok()) {
        Some(named) if named.alg.parse::<Algorithm>().is_err() => Fault::Algorithm,
        _ => Fault::Malformed,
    }
}

fn decode(part: &[u8]) -> Result<Vec<u8>, Fault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Malformed)
}
