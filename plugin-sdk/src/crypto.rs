//! Capability `crypto`: signatures at native speed.

use crate::backend;

/// Signature algorithms by their JOSE names (RFC 7518 section 3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Eddsa,
}

/// The curve of an elliptic key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    P256,
    P384,
    Ed25519,
}

/// A key that checks signatures. Made once, used often.
pub struct VerifyingKey(backend::VerifyingKey);

impl VerifyingKey {
    /// Modulus and exponent, big endian (RFC 7518 section 6.3.1). 2048 to 8192 bits.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, String> {
        backend::VerifyingKey::rsa(n, e).map(Self)
    }

    /// Coordinates, big endian; `y` is empty for Ed25519.
    pub fn elliptic(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, String> {
        backend::VerifyingKey::elliptic(backend::curve(curve), x, y).map(Self)
    }

    /// At least as long as the digest it is used with (RFC 7518 section 3.2).
    pub fn hmac(secret: &[u8]) -> Result<Self, String> {
        backend::VerifyingKey::hmac(secret).map(Self)
    }

    /// Whether the signature is right. False too when the algorithm does not go with the key.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.0
            .verify(backend::algorithm(algorithm), message, signature)
    }
}

/// SHA-256 (FIPS 180-4), 32 bytes.
pub fn sha256(data: &[u8]) -> Vec<u8> {
    backend::sha256(data)
}
