//! Secrets as one thread's test sets them. Under the feature `testing-crypto` they sign and encrypt for real; without it
//! none can be opened.

#[cfg(not(feature = "testing-crypto"))]
pub(crate) use missing::Secret;
#[cfg(feature = "testing-crypto")]
pub(crate) use real::Secret;

#[cfg(not(feature = "testing-crypto"))]
mod missing {
    use super::super::crypto::MISSING;

    pub(crate) enum Secret {}

    impl Secret {
        pub(crate) fn open(_: &str) -> Result<Self, String> {
            Err(MISSING.to_owned())
        }

        pub(crate) fn hmac_sha256(&self, _: &[u8]) -> Vec<u8> {
            match *self {}
        }

        pub(crate) fn hmac_sha256_all(&self, _: &[u8]) -> Vec<Vec<u8>> {
            match *self {}
        }

        pub(crate) fn verify_hmac(&self, _: &[u8], _: &[u8]) -> bool {
            match *self {}
        }

        pub(crate) fn equals(&self, _: &[u8]) -> bool {
            match *self {}
        }

        pub(crate) fn seal(&self, _: &[u8], _: &[u8]) -> Vec<u8> {
            match *self {}
        }

        pub(crate) fn unseal(&self, _: &[u8], _: &[u8]) -> Option<Vec<u8>> {
            match *self {}
        }
    }
}

#[cfg(feature = "testing-crypto")]
mod real {
    use aws_lc_rs::{
        aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
        digest, hmac,
    };

    use super::super::capabilities::{random_bytes, world};

    const LEAST_BYTES: usize = 16;

    /// Its name: what it is, the test may change.
    pub(crate) struct Secret(String);

    impl Secret {
        pub(crate) fn open(name: &str) -> Result<Self, String> {
            let shortest = world(|world| {
                let versions = world.secrets.get(name)?.iter();
                versions.map(Vec::len).min()
            });
            match shortest {
                None => Err(format!("no secret is called `{name}`")),
                Some(shortest) if shortest < LEAST_BYTES => Err(format!(
                    "the secret `{name}` has {shortest} bytes, too few for a key: write at least {LEAST_BYTES}"
                )),
                Some(_) => Ok(Self(name.to_owned())),
            }
        }

        pub(crate) fn hmac_sha256(&self, data: &[u8]) -> Vec<u8> {
            let mut all = self.hmac_sha256_all(data);
            all.swap_remove(0)
        }

        pub(crate) fn hmac_sha256_all(&self, data: &[u8]) -> Vec<Vec<u8>> {
            let all = self.versions();
            all.iter()
                .map(|version| {
                    let key = hmac::Key::new(hmac::HMAC_SHA256, version);
                    hmac::sign(&key, data).as_ref().to_vec()
                })
                .collect()
        }

        pub(crate) fn verify_hmac(&self, data: &[u8], tag: &[u8]) -> bool {
            self.hmac_sha256_all(data).iter().any(|right| right == tag)
        }

        pub(crate) fn equals(&self, candidate: &[u8]) -> bool {
            self.versions().iter().any(|version| version == candidate)
        }

        pub(crate) fn seal(&self, plaintext: &[u8], context: &[u8]) -> Vec<u8> {
            let nonce = random_bytes(u32::try_from(NONCE_LEN).unwrap_or_default());
            let mut sealed = plaintext.to_vec();
            key(&self.versions()[0])
                .seal_in_place_append_tag(unique(&nonce), Aad::from(context), &mut sealed)
                .expect("a test seals little");
            [&[1], &nonce[..], &sealed].concat()
        }

        pub(crate) fn unseal(&self, sealed: &[u8], context: &[u8]) -> Option<Vec<u8>> {
            let rest = sealed.strip_prefix(&[1])?;
            let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN)?;
            self.versions().iter().find_map(|version| {
                let mut room = ciphertext.to_vec();
                let opened =
                    key(version).open_in_place(unique(nonce), Aad::from(context), &mut room);
                opened.ok().map(|opened| opened.to_vec())
            })
        }

        fn versions(&self) -> Vec<Vec<u8>> {
            let versions = world(|world| world.secrets.get(&self.0).cloned());
            versions.expect("a test does not take back what it declared")
        }
    }

    fn key(version: &[u8]) -> LessSafeKey {
        let key = digest::digest(&digest::SHA256, version);
        LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM_SIV, key.as_ref()).expect("a digest is as long as a key"),
        )
    }

    fn unique(nonce: &[u8]) -> Nonce {
        Nonce::try_assume_unique_for_key(nonce).expect("it is as long as a nonce")
    }
}
