//! From a token's bytes to its signer (RFC 7515 section 5.2).

use std::{borrow::Cow, rc::Rc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde::{Deserialize, de::IgnoredAny};

use crate::keys::{Key, Keys};

/// In bytes. Longer ones are refused unread: no issuer makes them, and decoding costs memory.
pub const LONGEST: usize = 16 << 10;

/// A key set whose keys have no ids would have each of them tried with each token.
const MOST_TRIES: usize = 16;

/// A token taken apart. Nothing of it is to be believed before its [`signer`](Self::signer) is known.
pub struct Token<'t> {
    header: Header,
    /// What was signed; JSON if the token is a JWT.
    pub payload: Vec<u8>,
    /// Header and payload as they are signed.
    message: &'t [u8],
    signature: &'t [u8],
}

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
    let token = Token::parse(token)?;
    let key = token.signer(keys, algorithms)?;
    let payload = token.payload;
    Ok(Signed { key, payload })
}

impl<'t> Token<'t> {
    /// In one pass: what is not base64url is found as it is decoded.
    pub fn parse(token: &'t [u8]) -> Result<Self, Fault> {
        if token.len() > LONGEST {
            return Err(Fault::TooLong);
        }
        let header = dot(token).ok_or(Fault::Malformed)?;
        let payload = dot(&token[header + 1..]).ok_or(Fault::Malformed)?;
        let (message, signature) = token.split_at(header + 1 + payload);
        // A third dot is no base64url either.
        let signature = &signature[1..];
        if header == 0 || signature.is_empty() {
            return Err(Fault::Malformed);
        }
        Ok(Self {
            header: Header::parse(&decode(&token[..header])?)?,
            payload: decode(&message[header + 1..])?,
            message,
            signature,
        })
    }

    /// The `typ` of the header: what kind of token it says to be (RFC 7519 section 5.1).
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// Who signed it, with one of these algorithms. The header is only believed about which key to try: never about
    /// where to get one.
    pub fn signer(&self, keys: &Keys, algorithms: &[Algorithm]) -> Result<Rc<Key>, Fault> {
        let algorithm = self.header.algorithm;
        if !algorithms.contains(&algorithm) {
            return Err(Fault::Algorithm);
        }
        let candidates = keys.candidates(self.header.kid.as_deref(), algorithm);
        if candidates.is_empty() {
            return Err(if keys.are_there() {
                Fault::UnknownKey
            } else {
                Fault::NoKeys
            });
        }
        let signature = decode(self.signature)?;
        candidates
            .into_iter()
            .take(MOST_TRIES)
            .find(|key| key.verify(algorithm, self.message, &signature))
            .ok_or(Fault::Signature)
    }
}

/// What is read of a token's header (RFC 7515 section 4.1).
struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
}

impl Header {
    fn parse(json: &[u8]) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        struct Written<'j> {
            #[serde(borrow)]
            alg: Cow<'j, str>,
            kid: Option<String>,
            typ: Option<String>,
            crit: Option<IgnoredAny>,
        }
        let written = serde_json::from_slice::<Written>(json).map_err(|_| Fault::Malformed)?;
        // `none` and the unheard of are not among them.
        let algorithm = written.alg.parse().map_err(|_| Fault::Algorithm)?;
        if written.crit.is_some() {
            // RFC 7515 section 4.1.11: what is not understood must not be ignored, and nothing is understood.
            return Err(Fault::Malformed);
        }
        Ok(Self {
            algorithm,
            kid: written.kid,
            typ: written.typ,
        })
    }
}

fn dot(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| *byte == b'.')
}

fn decode(part: &[u8]) -> Result<Vec<u8>, Fault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Malformed)
}
