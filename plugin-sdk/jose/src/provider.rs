//! The gateway's crypto capability as a `CryptoProvider` of jsonwebtoken: public-key work at native speed.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind, new_error},
};
use signature::Verifier;
use witgate_plugin::crypto::{self, Curve, VerifyingKey};

/// Verifies only: this crate has no private keys.
pub(crate) static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    verifier_factory: |algorithm, key| {
        let verifier = HostVerifier {
            algorithm: *algorithm,
            key: host_key(*algorithm, key)?,
        };
        Ok(Box::new(verifier))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// One key with one algorithm; the key itself lies in the gateway.
struct HostVerifier {
    algorithm: Algorithm,
    key: VerifyingKey,
}

impl Verifier<Vec<u8>> for HostVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let algorithm = named(self.algorithm).ok_or_else(signature::Error::new)?;
        if self.key.verify(algorithm, message, signature) {
            Ok(())
        } else {
            Err(signature::Error::new())
        }
    }
}

impl JwtVerifier for HostVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn host_key(algorithm: Algorithm, key: &DecodingKey) -> Result<VerifyingKey, Error> {
    if key.family() != algorithm.family() {
        return Err(new_error(ErrorKind::InvalidKeyFormat));
    }
    let made = match (key.kind(), algorithm) {
        (DecodingKeyKind::RsaModulusExponent { n, e }, _) => VerifyingKey::rsa(n, e),
        (DecodingKeyKind::SecretOrDer(bytes), _) => match algorithm.family() {
            AlgorithmFamily::Hmac => hmac(algorithm, bytes),
            AlgorithmFamily::Ec => elliptic(algorithm, bytes),
            AlgorithmFamily::Ed => VerifyingKey::elliptic(Curve::Ed25519, bytes, &[]),
            AlgorithmFamily::Rsa => return Err(new_error(ErrorKind::InvalidKeyFormat)),
        },
    };
    made.map_err(|message| new_error(ErrorKind::Provider(message)))
}

/// RFC 7518 section 3.2: a secret shorter than the digest makes the signature weaker than it looks.
fn hmac(algorithm: Algorithm, secret: &[u8]) -> Result<VerifyingKey, String> {
    let least = match algorithm {
        Algorithm::HS384 => 48,
        Algorithm::HS512 => 64,
        _ => 32,
    };
    if secret.len() < least {
        return Err(format!("{algorithm:?} needs a secret of {least} bytes"));
    }
    VerifyingKey::hmac(secret)
}

/// jsonwebtoken keeps a point in its uncompressed form: 4, x, y (SEC 1 section 2.3.3).
fn elliptic(algorithm: Algorithm, point: &[u8]) -> Result<VerifyingKey, String> {
    let (curve, width) = match algorithm {
        Algorithm::ES384 => (Curve::P384, 48),
        _ => (Curve::P256, 32),
    };
    if point.len() != 1 + 2 * width {
        return Err(format!("{algorithm:?} does not go with this curve"));
    }
    let (x, y) = point[1..].split_at(width);
    VerifyingKey::elliptic(curve, x, y)
}

/// None for an algorithm that the world does not know.
pub(crate) fn named(algorithm: Algorithm) -> Option<crypto::Algorithm> {
    Some(match algorithm {
        Algorithm::HS256 => crypto::Algorithm::Hs256,
        Algorithm::HS384 => crypto::Algorithm::Hs384,
        Algorithm::HS512 => crypto::Algorithm::Hs512,
        Algorithm::RS256 => crypto::Algorithm::Rs256,
        Algorithm::RS384 => crypto::Algorithm::Rs384,
        Algorithm::RS512 => crypto::Algorithm::Rs512,
        Algorithm::PS256 => crypto::Algorithm::Ps256,
        Algorithm::PS384 => crypto::Algorithm::Ps384,
        Algorithm::PS512 => crypto::Algorithm::Ps512,
        Algorithm::ES256 => crypto::Algorithm::Es256,
        Algorithm::ES384 => crypto::Algorithm::Es384,
        Algorithm::EdDSA => crypto::Algorithm::Eddsa,
        _ => return None,
    })
}
