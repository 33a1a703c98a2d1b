//! From a token's bytes to a judgement (RFC 7515 section 5.2, RFC 7519 section 7.2).

use std::rc::Rc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    cache::Verified,
    claims::Claims,
    keys::{Key, Keys},
    refusal::Refusal,
    settings::Demands,
};

/// Longer ones are refused unread: no issuer makes them, and decoding costs memory.
const LONGEST: usize = 16 << 10;

pub(crate) fn verify(
    token: &[u8],
    keys: &Keys,
    demands: &Demands,
    now: u64,
) -> Result<Verified, Refusal> {
    if token.len() > LONGEST {
        return Err(Refusal::TooLong);
    }
    let (message, payload, signature) = split(token).ok_or(Refusal::Malformed)?;
    let key = signer(token, message, signature, keys, demands)?;
    let claims = Claims::parse(&decode(payload)?)?;
    let accepted = claims.judge(demands, now)?;
    let validity = accepted.not_before..accepted.expires;
    Ok(Verified::new(token, validity, key, accepted.values))
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
    demands: &Demands,
) -> Result<Rc<Key>, Refusal> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| refused_header(token))?;
    if header.crit.is_some() {
        // RFC 7515 section 4.1.11: what is not understood must not be ignored, and nothing is understood.
        return Err(Refusal::Malformed);
    }
    if !demands.algorithms.contains(&header.alg) {
        return Err(Refusal::Algorithm);
    }
    let candidates = keys.candidates(header.kid.as_deref(), header.alg);
    if candidates.is_empty() {
        return Err(if keys.are_there() {
            Refusal::UnknownKey
        } else {
            Refusal::NoKeys
        });
    }
    let signature = decode(signature)?;
    candidates
        .into_iter()
        .find(|key| key.verify(header.alg, message, &signature))
        .ok_or(Refusal::Signature)
}

/// jsonwebtoken knows no `alg` but real ones: `none` and the unheard of do not even parse. Clients are told which
/// of the two it was.
fn refused_header(token: &[u8]) -> Refusal {
    #[derive(serde::Deserialize)]
    struct Named {
        alg: String,
    }
    let header = token.split(|byte| *byte == b'.').next().unwrap_or_default();
    let named = decode(header).ok();
    match named.and_then(|json| serde_json::from_slice::<Named>(&json).ok()) {
        Some(named) if named.alg.parse::<jsonwebtoken::Algorithm>().is_err() => Refusal::Algorithm,
        _ => Refusal::Malformed,
    }
}

fn decode(part: &[u8]) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed)
}
