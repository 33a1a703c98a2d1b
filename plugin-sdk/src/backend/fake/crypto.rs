//! Real signatures under the feature `testing-crypto`; without it, no key can be made.

use crate::crypto::{Algorithm, Curve};

pub(crate) struct VerifyingKey {
    #[cfg(feature = "testing-crypto")]
    key: real::Key,
    #[cfg(not(feature = "testing-crypto"))]
    _none: std::convert::Infallible,
}

#[cfg(not(feature = "testing-crypto"))]
pub(super) const MISSING: &str = "tests that verify need `witgate-plugin = { features = [\"testing-crypto\"] }` among the dev-dependencies";

#[cfg(not(feature = "testing-crypto"))]
impl VerifyingKey {
    pub(crate) fn rsa(_: &[u8], _: &[u8]) -> Result<Self, String> {
        Err(MISSING.to_owned())
    }

    pub(crate) fn elliptic(_: Curve, _: &[u8], _: &[u8]) -> Result<Self, String> {
        Err(MISSING.to_owned())
    }

    pub(crate) fn hmac(_: &[u8]) -> Result<Self, String> {
        Err(MISSING.to_owned())
    }

    pub(crate) fn verify(&self, _: Algorithm, _: &[u8], _: &[u8]) -> bool {
        match self._none {}
    }
}

#[cfg(not(feature = "testing-crypto"))]
pub(crate) fn sha256(_: &[u8]) -> Vec<u8> {
    panic!("{MISSING}")
}

#[cfg(feature = "testing-crypto")]
impl VerifyingKey {
    pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, String> {
        if !(256..=1024).contains(&n.len()) {
            return Err(String::from("an RSA key must have 2048 to 8192 bits"));
        }
        Ok(Self {
            key: real::Key::Rsa(n.to_vec(), e.to_vec()),
        })
    }

    pub(crate) fn elliptic(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, String> {
        real::elliptic(curve, x, y).map(|key| Self { key })
    }

    pub(crate) fn hmac(secret: &[u8]) -> Result<Self, String> {
        Ok(Self {
            key: real::Key::Hmac(secret.to_vec()),
        })
    }

    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        real::verify(&self.key, algorithm, message, signature)
    }
}

#[cfg(feature = "testing-crypto")]
pub(crate) fn sha256(data: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, data)
        .as_ref()
        .to_vec()
}

#[cfg(feature = "testing-crypto")]
mod real {
    use aws_lc_rs::{
        hmac,
        signature::{self, RsaPublicKeyComponents, UnparsedPublicKey},
    };

    use super::{Algorithm, Curve};

    pub(super) enum Key {
        Rsa(Vec<u8>, Vec<u8>),
        Elliptic(Curve, Vec<u8>),
        Hmac(Vec<u8>),
    }

    pub(super) fn elliptic(curve: Curve, x: &[u8], y: &[u8]) -> Result<Key, String> {
        let (width, point) = match curve {
            Curve::P256 => (32, [&[4], x, y].concat()),
            Curve::P384 => (48, [&[4], x, y].concat()),
            Curve::Ed25519 => (32, x.to_vec()),
        };
        let fits = x.len() == width && (y.len() == width || curve == Curve::Ed25519);
        if !fits {
            return Err(format!("a coordinate on this curve has {width} bytes"));
        }
        Ok(Key::Elliptic(curve, point))
    }

    pub(super) fn verify(
        key: &Key,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        match (key, algorithm) {
            (Key::Hmac(secret), algorithm) => hash(algorithm).is_some_and(|hash| {
                hmac::verify(&hmac::Key::new(hash, secret), message, signature).is_ok()
            }),
            (Key::Rsa(n, e), algorithm) => rsa(algorithm).is_some_and(|parameters| {
                RsaPublicKeyComponents { n, e }
                    .verify(parameters, message, signature)
                    .is_ok()
            }),
            (Key::Elliptic(Curve::P256, point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, signature)
                    .is_ok()
            }
            (Key::Elliptic(Curve::P384, point), Algorithm::Es384) => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point)
                    .verify(message, signature)
                    .is_ok()
            }
            (Key::Elliptic(Curve::Ed25519, point), Algorithm::Eddsa) => {
                UnparsedPublicKey::new(&signature::ED25519, point)
                    .verify(message, signature)
                    .is_ok()
            }
            (Key::Elliptic(..), _) => false,
        }
    }

    fn hash(algorithm: Algorithm) -> Option<hmac::Algorithm> {
        Some(match algorithm {
            Algorithm::Hs256 => hmac::HMAC_SHA256,
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            _ => return None,
        })
    }

    fn rsa(algorithm: Algorithm) -> Option<&'static signature::RsaParameters> {
        Some(match algorithm {
            Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            _ => return None,
        })
    }
}
