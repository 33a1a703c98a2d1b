//! An issuer of tokens: `/jwks.json`, and `/token` gives one to whoever asks, for an hour. A demonstration, no login.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{self, KeyPair as _},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::{plain, reply};

/// Signs tokens with a key of this run.
pub(crate) struct Issuer {
    address: SocketAddr,
    key: KeyPair,
    jwks: Value,
}

impl Issuer {
    pub(crate) fn new(address: SocketAddr) -> anyhow::Result<Self> {
        let key = KeyPair::generate(KeySize::Rsa2048)?;
        // RFC 8017 section A.1.1: of a key of 2048 bits, the modulus begins at byte 9, the exponent at byte 267.
        let (modulus, exponent) = (9..265, 267..270);
        let public = key.public_key().as_ref();
        let number = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let jwks = json!({ "keys": [{
            "kty": "RSA",
            "kid": "demo",
            "alg": "RS256",
            "use": "sig",
            "n": number(&public[modulus]),
            "e": number(&public[exponent]),
        }] });
        Ok(Self { address, key, jwks })
    }

    pub(crate) fn answer(&self, path: &str) -> Response<Full<Bytes>> {
        match path {
            "/jwks.json" => reply(StatusCode::OK, &self.jwks),
            "/token" => match self.token() {
                Ok(token) => plain(StatusCode::OK, "text/plain", format!("{token}\n")),
                Err(error) => plain(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "text/plain",
                    format!("{error}\n"),
                ),
            },
            _ => reply(
                StatusCode::NOT_FOUND,
                &json!({ "error": "there are /jwks.json and /token" }),
            ),
        }
    }

    /// A JWT (RFC 7519) signed with RS256.
    fn token(&self) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let expires = now + Duration::from_secs(3600);
        let claims = json!({
            "iss": format!("http://{}", self.address),
            "aud": "orders",
            "sub": "alice",
            "iat": now.as_secs(),
            "exp": expires.as_secs(),
        });
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!(
            "{}.{}",
            part(&json!({ "alg": "RS256", "kid": "demo", "typ": "JWT" })),
            part(&claims)
        );
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(
            &signature::RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message.as_bytes(),
            &mut signature,
        )?;
        Ok(format!(
            "{message}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(signature)
        ))
    }
}
