//! Keys that check signatures, by their JOSE algorithms.

use aws_lc_rs::{
    hmac,
    signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents},
};

use crate::pipeline::sandbox::bindings::crypto::{Algorithm, Curve};

/// A key that checks signatures. What an algorithm needs of it is prepared once, when first used.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct VerifyingKey(Kind);

enum Kind {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
        prepared: Vec<(Algorithm, ParsedPublicKey)>,
    },
    Elliptic {
        algorithm: Algorithm,
        key: ParsedPublicKey,
    },
    Hmac {
        secret: Vec<u8>,
        prepared: Vec<(Algorithm, hmac::Key)>,
    },
}

/// RFC 7518 section 3.3 asks for 2048; beyond 8192 one check takes too long.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The digest of HS256, the shortest.
const SHORTEST_SECRET: usize = 32;

impl VerifyingKey {
    /// Modulus and exponent, big endian.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, String> {
        let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
        let zeros = n.first().map_or(0, |first| first.leading_zeros() as usize);
        let bits = n.len() * 8 - zeros;
        if !RSA_BITS.contains(&bits) {
            return Err(format!(
                "an RSA key has 2048 to 8192 bits, and this one {bits}"
            ));
        }
        // An even exponent has no inverse, with 1 every message is its own signature, and a long one takes long.
        if e == [1] || e.len() > 4 || e.last().is_none_or(|last| last % 2 == 0) {
            let message = "an RSA exponent is odd, at least 3 and has at most 32 bits";
            return Err(String::from(message));
        }
        let parsed = RsaPublicKeyComponents { n, e }
            .to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| String::from("modulus and exponent make no RSA key"))?;
        Ok(Self(Kind::Rsa {
            n: n.to_vec(),
            e: e.to_vec(),
            prepared: vec![(Algorithm::Rs256, parsed)],
        }))
    }

    /// Coordinates, big endian; `y` is empty for Ed25519.
    pub fn elliptic(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, String> {
        let (algorithm, width): (_, usize) = match curve {
            Curve::P256 => (Algorithm::Es256, 32),
            Curve::P384 => (Algorithm::Es384, 48),
            Curve::Ed25519 => (Algorithm::Eddsa, 32),
        };
        let y_width = if curve == Curve::Ed25519 { 0 } else { width };
        if x.len() != width || y.len() != y_width {
            return Err(format!(
                "on this curve `x` has {width} bytes and `y` {y_width}"
            ));
        }
        let key = match curve {
            // SEC 1 section 2.3.3: an uncompressed point.
            Curve::P256 => {
                ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, [&[4], x, y].concat())
            }
            Curve::P384 => {
                ParsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, [&[4], x, y].concat())
            }
            Curve::Ed25519 => ParsedPublicKey::new(&signature::ED25519, x),
        };
        let key = key.map_err(|_| String::from("the point is not on the curve"))?;
        Ok(Self(Kind::Elliptic { algorithm, key }))
    }

    pub fn hmac(secret: Vec<u8>) -> Result<Self, String> {
        if secret.len() < SHORTEST_SECRET {
            return Err(format!(
                "a secret has at least {SHORTEST_SECRET} bytes, and this one {}",
                secret.len()
            ));
        }
        Ok(Self(Kind::Hmac {
            secret,
            prepared: Vec::new(),
        }))
    }

    /// False too when the algorithm does not go with the key. Secrets are compared in constant time.
    pub fn verify(&mut self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match &mut self.0 {
            Kind::Rsa { n, e, prepared } => {
                let key = prepare(prepared, algorithm, || {
                    let components = RsaPublicKeyComponents { n: &**n, e: &**e };
                    components.to_parsed_public_key(rsa(algorithm)?).ok()
                });
                key.is_some_and(|key| key.verify_sig(message, signature).is_ok())
            }
            Kind::Elliptic {
                algorithm: own,
                key,
            } => algorithm == *own && key.verify_sig(message, signature).is_ok(),
            Kind::Hmac { secret, prepared } => {
                let key = prepare(prepared, algorithm, || {
                    let hash = hash(algorithm)?;
                    let long_enough = secret.len() >= hash.digest_algorithm().output_len();
                    long_enough.then(|| hmac::Key::new(hash, secret))
                });
                key.is_some_and(|key| hmac::verify(key, message, signature).is_ok())
            }
        }
    }
}

fn prepare<K>(
    prepared: &mut Vec<(Algorithm, K)>,
    algorithm: Algorithm,
    make: impl FnOnce() -> Option<K>,
) -> Option<&K> {
    let place = match prepared.iter().position(|(known, _)| *known == algorithm) {
        Some(place) => place,
        None => {
            prepared.push((algorithm, make()?));
            prepared.len() - 1
        }
    };
    prepared.get(place).map(|(_, key)| key)
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
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

fn hash(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    Some(match algorithm {
        Algorithm::Hs256 => hmac::HMAC_SHA256,
        Algorithm::Hs384 => hmac::HMAC_SHA384,
        Algorithm::Hs512 => hmac::HMAC_SHA512,
        _ => return None,
    })
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::{KeyPair as RsaKeyPair, KeySize},
        signature::{
            ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding,
        },
    };

    use super::*;

    const ALL: [Algorithm; 12] = [
        Algorithm::Hs256,
        Algorithm::Hs384,
        Algorithm::Hs512,
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Eddsa,
    ];

    /// Which algorithms accept the signature of `message`, twice each.
    fn accepted(key: &mut VerifyingKey, message: &[u8], signature: &[u8]) -> Vec<Algorithm> {
        assert!(
            ALL.iter()
                .all(|algorithm| !key.verify(*algorithm, b"other", signature))
        );
        assert!(
            ALL.iter()
                .all(|algorithm| !key.verify(*algorithm, message, b""))
        );
        let verify = |algorithm: &Algorithm| key.verify(*algorithm, message, signature);
        ALL.into_iter().filter(verify).collect()
    }

    #[test]
    fn an_rsa_key_checks_each_padding_and_hash_by_itself() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = pair.public_key().as_ref();
        let mut key = VerifyingKey::rsa(&der[8..265], &der[267..]).unwrap();
        let cases: [(Algorithm, &dyn RsaEncoding); 3] = [
            (Algorithm::Rs256, &signature::RSA_PKCS1_SHA256),
            (Algorithm::Rs512, &signature::RSA_PKCS1_SHA512),
            (Algorithm::Ps384, &signature::RSA_PSS_SHA384),
        ];
        for (algorithm, padding) in cases {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(padding, &SystemRandom::new(), b"m", &mut signature)
                .unwrap();
            assert_eq!(accepted(&mut key, b"m", &signature), [algorithm]);
        }
    }

    #[test]
    fn an_elliptic_key_serves_its_curve_alone() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let mut key = VerifyingKey::elliptic(Curve::P256, x, y).unwrap();
        let signature = pair.sign(&SystemRandom::new(), b"m").unwrap();
        assert_eq!(
            accepted(&mut key, b"m", signature.as_ref()),
            [Algorithm::Es256]
        );
        assert!(VerifyingKey::elliptic(Curve::P256, y, x).is_err());
        assert!(VerifyingKey::elliptic(Curve::P384, x, y).is_err());

        let pair = Ed25519KeyPair::generate().unwrap();
        let x = pair.public_key().as_ref();
        let mut key = VerifyingKey::elliptic(Curve::Ed25519, x, &[]).unwrap();
        let signature = pair.sign(b"m");
        assert_eq!(
            accepted(&mut key, b"m", signature.as_ref()),
            [Algorithm::Eddsa]
        );
        assert!(VerifyingKey::elliptic(Curve::Ed25519, x, x).is_err());
    }

    #[test]
    fn a_secret_is_at_least_as_long_as_the_digest() {
        let secret = [7; 48];
        let mut key = VerifyingKey::hmac(secret.to_vec()).unwrap();
        for (algorithm, hash) in [
            (Algorithm::Hs256, hmac::HMAC_SHA256),
            (Algorithm::Hs384, hmac::HMAC_SHA384),
        ] {
            let tag = hmac::sign(&hmac::Key::new(hash, &secret), b"m");
            assert_eq!(accepted(&mut key, b"m", tag.as_ref()), [algorithm]);
        }
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, &secret), b"m");
        assert!(accepted(&mut key, b"m", tag.as_ref()).is_empty());
        assert!(VerifyingKey::hmac(vec![7; 31]).is_err());
    }

    #[test]
    fn weak_and_broken_rsa_keys_are_refused() {
        for (n, e) in [
            (vec![], vec![3]),
            (vec![0xff; 128], vec![1, 0, 1]),
            (vec![0xff; 1025], vec![1, 0, 1]),
            (vec![0xff; 256], vec![]),
            (vec![0xff; 256], vec![2]),
            (vec![0xff; 256], vec![0, 1]),
            (vec![0xff; 256], vec![0xff; 256]),
        ] {
            assert!(VerifyingKey::rsa(&n, &e).is_err(), "{} {e:?}", n.len());
        }
    }
}
